/** Rewriting a graph node by node: what every pass over a graph does besides its rules. */
import { type Graph, graph } from "../graph.ts";
import { apply } from "../operators.ts";
import type { Node, OpNode, Tensor } from "../tensor.ts";

/**
 * What takes the place of a node's outputs, given its inputs as they are by now; undefined keeps the node. A rule may
 * give back some of the inputs, or make new nodes with the operators.
 */
export type RewriteRule = (node: OpNode, inputs: readonly Tensor[]) => readonly Tensor[] | undefined;

/**
 * The graph with every operator node replaced by what the rule says, in order; nodes above a replaced one are made
 * again over their new inputs, recomputed ones as such. `replaced` is told of every output that has another tensor now.
 * Inputs stay inputs even if nothing reads them any more, new ones follow; parameters are those still read. A graph in which nothing is
 * replaced is given back itself.
 */
export function rewrite<O extends string>(
  g: Graph<O>,
  rule: RewriteRule,
  replaced: (old: Tensor, now: Tensor) => void = () => {},
): Graph<O> {
  const images = new Map<Tensor, Tensor>();
  const now = (value: Tensor): Tensor => images.get(value) ?? value;
  for (const node of g.nodes) {
    if (node.kind !== "op") continue;
    const inputs = node.inputs.map(now);
    const moved = inputs.some((value, i) => value !== node.inputs[i]);
    const made = rule(node, inputs) ?? (moved ? apply(node.op, inputs, node.attributes, node.recomputed === true) : []);
    made.forEach((value, i) => {
      const old = node.outputs[i];
      if (!old || old === value) return;
      images.set(old, value);
      replaced(old, value);
    });
  }
  if (images.size === 0) return g;
  const outputs = Object.fromEntries(Object.entries<Tensor>(g.outputs).map(([name, value]) => [name, now(value)]));
  const made = graph(outputs as Record<O, Tensor>);
  const inputs = [...new Set([...g.inputs, ...made.inputs])];
  const nodes = [...new Set<Node>([...inputs, ...made.nodes])].sort((a, b) => a.id - b.id);
  return { ...made, inputs, nodes };
}
