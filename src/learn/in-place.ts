/**
 * Order in a graph that writes outputs into the memory of its inputs. The engine computes an output as soon as its own
 * inputs are there, also before another node has read the old value. So an output that replaces an input must depend
 * on every other node that reads that input; where it does not by itself, a wait is added that changes no number.
 */
import * as o from "../graph/operators.ts";
import { type Node, type OpName, type OpNode, scalarValue, type Tensor } from "../graph/tensor.ts";

/** What a node waits for. Inputs that are there for gradients only are gone when the graph is lowered. */
function sourcesOf(node: Node): readonly Tensor[] {
  if (node.kind !== "op") return [];
  if (node.op !== "CustomGradient") return node.inputs;
  return node.inputs.slice(0, (node as OpNode<"CustomGradient">).attributes.outputs);
}

/** All nodes these values need, each after its inputs; not `known` ones and what they alone need. */
export function nodesOf(values: readonly Tensor[], known: ReadonlySet<Node> = new Set()): Node[] {
  const seen = new Set<Node>();
  const stack = values.map(({ node }) => node);
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node) || known.has(node)) continue;
    seen.add(node);
    for (const source of sourcesOf(node)) if (!seen.has(source.node)) stack.push(source.node);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/**
 * Operators that may vanish: the engine answers a reshape with the memory of its input, and rewriting lets the reader of
 * the others read their input instead (`graph/simplify.ts`). Who reads their result counts as a reader of their input.
 */
const vanishing = new Set<OpName>([
  ...(["Reshape", "Transpose", "Expand", "Cast", "Neg", "StopGradient", "CustomGradient"] as const),
]);
const vanishes = ({ op, inputs }: OpNode): boolean =>
  vanishing.has(op) || (op === "Mul" && inputs.some((x) => scalarValue(x) !== undefined));

export interface Readers {
  /** Nodes that read the memory of this value, which must be one of the live ones. */
  of(live: Tensor): ReadonlySet<OpNode>;
  /** The live value whose memory this value may be, if it is one. */
  memory(value: Tensor): Tensor | undefined;
}

/** Who, among these nodes, reads the memory of the live values. */
export function readersOf(live: readonly Tensor[], nodes: readonly Node[]): Readers {
  const memory = new Map(live.map((value) => [value, value]));
  const readers = new Map(live.map((value) => [value, new Set<OpNode>()]));
  for (const node of nodes) {
    if (node.kind !== "op") continue;
    sourcesOf(node).forEach((source, i) => {
      const root = memory.get(source);
      if (!root) return;
      readers.get(root)!.add(node);
      if (vanishes(node)) memory.set(node.outputs[node.op === "CustomGradient" ? i : 0]!, root);
    });
  }
  return { of: (value) => readers.get(value)!, memory: (value) => memory.get(value) };
}

/** False whatever x holds, NaN included (a comparison with it is false), but known only once x is. */
export const never = (x: Tensor): Tensor => o.less(o.sum(o.cast(x, "float32")), -Infinity);

/** x, computed anew once the condition is known; of any type. */
export const onceKnown = (condition: Tensor, x: Tensor): Tensor => o.where(condition, x, x);

/** Those of the nodes that this value does not need. Ids only grow, so nothing older than all of them is looked at. */
function unreached(nodes: ReadonlySet<OpNode>, value: Tensor): Set<OpNode> {
  const left = new Set(nodes);
  const oldest = Math.min(...[...left].map(({ id }) => id));
  const seen = new Set<Node>();
  const stack = [value.node];
  for (let node = stack.pop(); node && left.size > 0; node = stack.pop()) {
    if (seen.has(node) || node.id < oldest) continue;
    seen.add(node);
    if (node.kind !== "op") continue;
    left.delete(node);
    for (const source of sourcesOf(node)) stack.push(source.node);
  }
  return left;
}

/**
 * False, and known only once these nodes have been computed; undefined where `before`, which the result needs anyway,
 * waits for all of them by itself. It waits for one of `roots` where that is enough, as they are mostly single numbers.
 */
export function waitFor(nodes: ReadonlySet<OpNode>, before: Tensor, roots: readonly Tensor[]): Tensor | undefined {
  let left = unreached(nodes, before);
  const waits: Tensor[] = [];
  for (const root of roots) {
    if (left.size === 0) break;
    const rest = unreached(left, root);
    if (rest.size < left.size) waits.push(never(root));
    left = rest;
  }
  for (const { outputs } of left) waits.push(never(outputs[0]!));
  return waits.length === 0 ? undefined : waits.reduce(o.or);
}

const elementwise = new Set<OpName>([
  ...(["Neg", "Abs", "Sign", "Exp", "Log", "Sqrt", "Reciprocal", "Erf", "Tanh", "Sigmoid", "Sin", "Cos"] as const),
  ...(["Floor", "Ceil", "Round", "Relu", "Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Where"] as const),
]);

/** Whether the node that makes the next value may write it while it still reads the old one: element by element. */
export function mayOverwrite(next: Tensor, old: Tensor, readers: Readers): boolean {
  const { node } = next;
  if (node.kind !== "op" || elementwise.has(node.op)) return true;
  return !node.inputs.some((source) => readers.memory(source) === old);
}
