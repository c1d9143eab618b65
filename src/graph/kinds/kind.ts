/** What the kinds of operators share: the form of a shape rule, common ones, and making a node by them. */
import { fail } from "../../errors.ts";
import { type Dim, type Shape, showShape } from "../dims.ts";
import { type DType, isFloat } from "../dtype.ts";
import { type Attributes, createNode, type OpName, type OpNode, type Tensor } from "../tensor.ts";

export interface Output {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** Types and shapes of the outputs, from the inputs'; refuses what does not fit. */
export type ShapeRule<K extends OpName> = (inputs: readonly Tensor[], attributes: Attributes[K]) => readonly Output[];

/** The shape rules of one kind of operators; all kinds together have one for every operator. */
export type ShapeRules = { readonly [K in OpName]?: ShapeRule<K> };

/** Make a node of an operator by its shape rule. */
export function make<K extends OpName>(
  op: K,
  rule: ShapeRule<K>,
  inputs: readonly Tensor[],
  attributes: Attributes[K],
  recomputed = false,
): readonly Tensor[] {
  let outputs: readonly Output[];
  try {
    outputs = rule(inputs, attributes);
    for (const { shape } of outputs) {
      if (shape.some((dim) => typeof dim === "number" && dim < 0))
        fail("wrong_use", `the result would have the shape ${showShape(shape)}`);
    }
  } catch (error) {
    if (error instanceof Error) error.message = `${op}: ${error.message}`;
    throw error;
  }
  const node = { kind: "op", op, inputs, attributes, ...(recomputed ? { recomputed: true } : {}) } as const;
  return createNode<OpNode>(node as unknown as OpNode, outputs).outputs;
}

/** Makers of the nodes of one kind: all outputs of an operator, or its only one. */
export function makers<R extends ShapeRules>(rules: R) {
  type Own = keyof R & OpName;
  const all = <K extends Own>(op: K, inputs: readonly Tensor[], attributes: Attributes[K]): readonly Tensor[] =>
    make(op, rules[op] as unknown as ShapeRule<K>, inputs, attributes);
  const one = <K extends Own>(op: K, inputs: readonly Tensor[], attributes: Attributes[K]): Tensor =>
    all(op, inputs, attributes)[0]!;
  return { all, one };
}

export const same = ([x]: readonly Tensor[]): Output[] => [{ dtype: x!.dtype, shape: x!.shape }];

/** Like {@link same}, of floats only. */
export function float(inputs: readonly Tensor[]): Output[] {
  for (const { dtype } of inputs) if (!isFloat(dtype)) fail("wrong_use", `a float tensor is needed, got ${dtype}`);
  return same(inputs);
}

/** The one type all these have. */
export function sameDType(inputs: readonly Tensor[]): DType {
  const first = inputs[0]!.dtype;
  for (const { dtype } of inputs) if (dtype !== first) fail("wrong_use", `${first} meets ${dtype}: cast one of them`);
  return first;
}

/** The shape with another size on one axis. */
export const withAxis = (shape: Shape, axis: number, dim: Dim): Shape =>
  shape.map((old, i) => (i === axis ? dim : old));
