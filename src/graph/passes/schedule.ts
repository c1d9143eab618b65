/** The order in which nodes are written, chosen for the order in which the engine then runs them. */
import type { OnnxNode } from "../emit.ts";

/**
 * ONNX Runtime does not run nodes in the order of the file. It walks back from the last node whose result is not read (a leaf),
 * and from every node to its inputs, the one latest in the file first, and runs a node when all of its inputs are
 * there. Left alone, that computes the gradients of all weights at the very end, keeping every layer's cotangent
 * until then, and side products (slopes, recomputed values) before the cotangents they meet, keeping those as well.
 *
 * So nodes are sorted by depth, the longest way to them: the engine goes down the long way first, and computes what
 * hangs at its side just before it is used. Leaves come last, the shallowest at the very end: it is computed first,
 * and frees its inputs. Measured: a training step of a 23M-parameter T5 from 1271 to
 * 950 MB at its peak; ten layers with everything recomputed from 277 to 93 MB.
 */
export function schedule(nodes: readonly OnnxNode[]): OnnxNode[] {
  const read = new Set(nodes.flatMap((node) => node.inputs));
  const depths = new Map<string, number>();
  const placed = nodes.map((node) => {
    const depth = 1 + Math.max(0, ...node.inputs.map((name) => depths.get(name) ?? 0));
    for (const name of node.outputs) depths.set(name, depth);
    return { node, depth, leaf: !node.outputs.some((name) => read.has(name)) };
  });
  const inner = placed.filter(({ leaf }) => !leaf).sort((a, b) => a.depth - b.depth);
  const leaves = placed.filter(({ leaf }) => leaf).sort((a, b) => b.depth - a.depth);
  return [...inner, ...leaves].map(({ node }) => node);
}
