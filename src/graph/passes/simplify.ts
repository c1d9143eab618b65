/**
 * Rewriting a graph into an equal, smaller one before it is lowered. Operators already drop what changes nothing as
 * they are called, and lowering merges equal nodes; what is left here are pairs of nodes that one node can do.
 */
import { broadcast, type Shape, sameShape } from "../dims.ts";
import type { DType } from "../dtype.ts";
import { emptyValue, fold } from "../fold.ts";
import type { Graph } from "../graph.ts";
import { apply } from "../operators.ts";
import {
  type Attributes,
  constant,
  full,
  type Node,
  type OpName,
  type OpNode,
  scalarValue,
  type Tensor,
} from "../tensor.ts";
import { type RewriteRule, rewrite } from "./rewrite.ts";

/** A node under its simplified inputs, and what the rules may ask and make. */
interface Rewrite<K extends OpName> {
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes[K];
  readonly output: Tensor;
  /** Whether this node alone reads the value: only then does taking it over save its computation. */
  alone(value: Tensor): boolean;
  make<N extends OpName>(op: N, inputs: readonly Tensor[], attributes: Attributes[N]): Tensor;
}

type Rule<K extends OpName> = (rewrite: Rewrite<K>) => Tensor | undefined;

/** The node that makes a value, if it is of this operator. */
const from = <K extends OpName>(value: Tensor, op: K): OpNode<K> | undefined =>
  value.node.kind === "op" && value.node.op === op ? (value.node as OpNode<K>) : undefined;

/** x and c when the value is x · c for a constant number c. */
function scaled(value: Tensor): { x: Tensor; c: number } | undefined {
  const node = from(value, "Mul");
  if (!node) return undefined;
  for (const [x, other] of [node.inputs, [...node.inputs].reverse()] as [Tensor, Tensor][]) {
    const c = scalarValue(other);
    if (c !== undefined && sameShape(x.shape, value.shape)) return { x, c };
  }
  return undefined;
}

const isFloat32 = ({ dtype }: Tensor) => dtype === "float32";

/** Whether a permutation exchanges the last two axes and nothing else. */
const swapsLast = (perm: readonly number[]) =>
  perm.length >= 2 &&
  perm.every((axis, i) => axis === (i < perm.length - 2 ? i : i === perm.length - 2 ? i + 1 : i - 1));

/** Scales of the operands go into alpha, transposes into the product's flags. */
const matmul: Rule<"MatMul"> = ({ inputs, attributes, make }) => {
  let { alpha } = attributes;
  const flags = [attributes.transA, attributes.transB];
  const operands = inputs.map((value, i) => {
    let operand = value;
    for (;;) {
      const scale = isFloat32(operand) ? scaled(operand) : undefined;
      const turned = from(operand, "Transpose");
      if (scale) {
        alpha *= scale.c;
        operand = scale.x;
      } else if (turned && swapsLast(turned.attributes.perm)) {
        flags[i] = !flags[i];
        operand = turned.inputs[0]!;
      } else return operand;
    }
  });
  if (operands.every((value, i) => value === inputs[i])) return undefined;
  return make("MatMul", operands, { transA: flags[0]!, transB: flags[1]!, alpha });
};

/** (a b) c for numbers c goes into the product's alpha, (x b) c into one number; only where a b is not read elsewhere. */
const scale: Rule<"Mul"> = ({ output, inputs, alone, make }) => {
  for (const [x, other] of [inputs, [...inputs].reverse()] as [Tensor, Tensor][]) {
    const c = scalarValue(other);
    if (c === undefined || !isFloat32(x) || !alone(x) || !sameShape(x.shape, output.shape)) continue;
    const product = from(x, "MatMul");
    if (product) return make("MatMul", product.inputs, { ...product.attributes, alpha: product.attributes.alpha * c });
    const inner = scaled(x);
    if (inner) return make("Mul", [inner.x, full(x.dtype, inner.c * c)], {});
  }
  return undefined;
};

type Broadcasting = "Add" | "Sub" | "Mul" | "Div" | "Min" | "Max";

/** An operand need not be expanded when the other one has the full shape. */
const unexpanded =
  <K extends Broadcasting>(op: K): Rule<K> =>
  ({ inputs, output, make }) => {
    for (const [i, value] of inputs.entries()) {
      const inner = from(value, "Expand")?.inputs[0];
      if (!inner || !covers(inner.shape, inputs[1 - i]!.shape, output.shape)) continue;
      return make(op as Broadcasting, i === 0 ? [inner, inputs[1]!] : [inputs[0]!, inner], {});
    }
    return undefined;
  };

function covers(a: Shape, b: Shape, wanted: Shape): boolean {
  // Symbols that do not broadcast are an error to the operators and merely no match here.
  const fits = a.every((dim, i) => dim === 1 || dim === (b[i - a.length + b.length] ?? 1));
  return fits && a.length <= b.length && sameShape(broadcast(a, b), wanted);
}

const subtract: Rule<"Add"> = ({ inputs: [a, b], make }) => {
  const [left, right] = [from(a!, "Neg"), from(b!, "Neg")];
  if (right) return make("Sub", [a!, right.inputs[0]!], {});
  return left ? make("Sub", [b!, left.inputs[0]!], {}) : undefined;
};

const isZero = (value: Tensor) => scalarValue(from(value, "Expand")?.inputs[0] ?? value) === 0;

/**
 * Rows added up from zero and then added to something are added to that at once: a tied embedding's gradient needs no
 * second table of the vocabulary's size.
 */
const scattered: Rule<"Add"> = ({ inputs: [a, b], output, alone, make }) => {
  for (const [x, other] of [
    [a!, b!],
    [b!, a!],
  ] as const) {
    const scatter = alone(x) ? from(x, "ScatterAdd") : undefined;
    if (!scatter || !isZero(scatter.inputs[0]!) || !sameShape(other.shape, output.shape)) continue;
    return make("ScatterAdd", [other, scatter.inputs[1]!, scatter.inputs[2]!], scatter.attributes);
  }
  return undefined;
};

/** Types that hold every value of another. */
const holds: Partial<Record<DType, readonly DType[]>> = {
  float32: ["float64"],
  int32: ["int64", "float64"],
  bool: ["float32", "float64", "int32", "int64", "uint8"],
};

const first =
  <K extends OpName>(...rules: readonly Rule<K>[]): Rule<K> =>
  (rewrite) => {
    for (const rule of rules) {
      const result = rule(rewrite);
      if (result) return result;
    }
    return undefined;
  };

const rules: { readonly [K in OpName]?: Rule<K> } = {
  MatMul: matmul,
  Add: first(subtract, scattered, unexpanded("Add")),
  Sub: unexpanded("Sub"),
  Mul: first(scale, unexpanded("Mul")),
  Div: unexpanded("Div"),
  Min: unexpanded("Min"),
  Max: unexpanded("Max"),
  Neg: ({ inputs: [x] }) => from(x!, "Neg")?.inputs[0],
  Cast: ({ inputs: [x], output }) => {
    const inner = from(x!, "Cast")?.inputs[0];
    return inner && inner.dtype === output.dtype && holds[inner.dtype]?.includes(x!.dtype) ? inner : undefined;
  },
  Transpose: ({ inputs: [x], attributes: { perm }, make }) => {
    const inner = from(x!, "Transpose");
    if (!inner) return undefined;
    const both = perm.map((axis) => inner.attributes.perm[axis]!);
    return both.every((axis, i) => axis === i) ? inner.inputs[0]! : make("Transpose", inner.inputs, { perm: both });
  },
  Expand: ({ inputs: [x], attributes, make }) => {
    const inner = from(x!, "Expand");
    return inner && make("Expand", inner.inputs, attributes);
  },
};

/** How many nodes and outputs read each value. */
function countReaders(g: Graph): Map<Tensor, number> {
  const readers = new Map<Tensor, number>();
  const read = (value: Tensor) => readers.set(value, (readers.get(value) ?? 0) + 1);
  for (const node of g.nodes) if (node.kind === "op") node.inputs.forEach(read);
  Object.values<Tensor>(g.outputs).forEach(read);
  return readers;
}

/** The graph without what is there for gradients only: those of one's own are to be taken before. */
export function withoutOwnGradients<O extends string>(g: Graph<O>): Graph<O> {
  return rewrite(g, (node, inputs) => {
    if (node.op === "StopGradient") return inputs;
    return node.op === "CustomGradient" ? inputs.slice(0, node.outputs.length) : undefined;
  });
}

/** An equal graph with fewer nodes, for running: gradients are to be taken before. Values differ by rounding at most. */
export function simplify<O extends string>(given: Graph<O>): Graph<O> {
  const g = withoutOwnGradients(given);
  const readers = countReaders(g);
  const rule: RewriteRule = (node, inputs) => {
    const empty = node.outputs.flatMap((value) => emptyValue(value) ?? []);
    if (empty.length === node.outputs.length) return empty.map(constant);
    const known = fold(node, inputs);
    if (known) return [constant(known)];
    const again = node.recomputed === true;
    const result = (rules[node.op] as Rule<OpName> | undefined)?.({
      inputs,
      attributes: node.attributes,
      output: node.outputs[0]!,
      alone: (value) => readers.get(value) === 1,
      make: (op, operands, attributes) => apply(op, operands, attributes, again)[0]!,
    });
    return result && [result];
  };
  const smaller = rewrite(g, rule, (old, value) => {
    readers.set(value, Math.max(readers.get(value) ?? 0, readers.get(old) ?? 0));
  });
  if (smaller === given) return given;
  // A parameter all readers of which are gone still is one of the graph's: it may be an input of the program.
  const nodes = [...new Set<Node>([...given.parameters, ...smaller.nodes])].sort((a, b) => a.id - b.id);
  return { ...smaller, parameters: given.parameters, nodes };
}
