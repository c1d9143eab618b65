/** Reverse-mode differentiation: gradients of a scalar, as more of the same graph. */
import { fail } from "../errors.ts";
import { showShape } from "./dims.ts";
import { isFloat } from "./dtype.ts";
import { add, apply, filled } from "./operators.ts";
import { rowOf } from "./rules/rules.ts";
import type { Node, OpNode, Tensor } from "./tensor.ts";

export interface GradientOptions {
  /** The gradient to start from, in the loss's shape; ones by default, which needs a loss of one element. */
  seed?: Tensor;
  /** Values not to keep for the backward pass: it computes them again from what they were made of. */
  recompute?: (value: Tensor) => boolean;
}

/** Nodes that lie between the sources and the target: only these get gradients, so nothing else is computed. */
function activeNodes(target: Tensor, sources: readonly Tensor[]): OpNode[] {
  const roots = new Set(sources.map(({ node }) => node));
  const active = new Map<Node, boolean>();
  const order: OpNode[] = [];
  const visit = (start: Node) => {
    // An explicit stack: deep models overflow the call stack otherwise.
    const stack: [Node, number][] = [[start, 0]];
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const [node, next] = top;
      if (node.kind !== "op" || next === node.inputs.length) {
        const below = node.kind === "op" && node.inputs.some((x) => active.get(x.node) || roots.has(x.node));
        active.set(node, below);
        if (below && node.kind === "op") order.push(node);
        stack.pop();
      } else {
        top[1]++;
        const child = node.inputs[next]!.node;
        if (!active.has(child)) stack.push([child, 0]);
      }
    }
  };
  visit(target.node);
  return order.sort((a, b) => b.id - a.id);
}

/** Stand-ins for forward values in the backward pass: the value itself, or a copy of what made it. */
function recomputation(recompute: ((value: Tensor) => boolean) | undefined): (value: Tensor) => Tensor {
  if (!recompute) return (value) => value;
  const copies = new Map<Node, readonly Tensor[]>();
  const again = (value: Tensor): Tensor => {
    const { node } = value;
    if (node.kind !== "op" || !recompute(value)) return value;
    let copy = copies.get(node);
    if (!copy) {
      copy = apply(node.op, node.inputs.map(again), node.attributes, true);
      copies.set(node, copy);
    }
    return copy[value.index]!;
  };
  return again;
}

/**
 * d target / d source for each source, by the rules of `rules/`. A source the target does not depend
 * on gets zeros. Gradients are tensors like any other: take gradients of them again.
 */
export function gradients(target: Tensor, sources: readonly Tensor[], options: GradientOptions = {}): Tensor[] {
  if (!isFloat(target.dtype)) fail("wrong_use", `gradients of a ${target.dtype} tensor: only floats have them`);
  for (const { dtype } of sources) if (!isFloat(dtype)) fail("wrong_use", `gradients with respect to ${dtype}`);
  if (!options.seed && target.shape.some((dim) => dim !== 1)) {
    fail("wrong_use", `gradients of a tensor ${showShape(target.shape)} need a seed: only one element can do without`);
  }
  const kept = recomputation(options.recompute);
  const order = activeNodes(target, sources);
  const active = new Set<Node>([...order, ...sources.map(({ node }) => node)]);
  const found = new Map<Node, (Tensor | undefined)[]>();
  const receive = (value: Tensor, g: Tensor) => {
    const slots = found.get(value.node) ?? [];
    const before = slots[value.index];
    slots[value.index] = before ? add(before, g) : g;
    found.set(value.node, slots);
  };
  receive(target, options.seed ?? filled(target.dtype, 1, target.shape));
  for (const node of order) {
    const gs = found.get(node);
    if (!gs) continue;
    const rule = rowOf(node.op).gradient;
    const outputs = node.outputs.map((_, i) => gs[i]);
    const x = node.inputs.map(kept);
    const y = node.outputs.map(kept);
    // Rules of one output read g; those of several look at gs, where some may be missing.
    const parts = rule({ g: gs[0]!, gs: outputs, x, y, attributes: node.attributes });
    node.inputs.forEach((value, i) => {
      const part = parts[i];
      if (part && active.has(value.node)) receive(value, part());
    });
  }
  return sources.map((source) => found.get(source.node)?.[source.index] ?? filled(source.dtype, 0, source.shape));
}
