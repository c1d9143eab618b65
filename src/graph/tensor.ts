/** Symbolic values and the nodes that make them. A graph is nothing but tensors that know where they come from. */
import { filledArray, firstValue, type NdArray } from "./array.ts";
import type { Shape } from "./dims.ts";
import type { DType } from "./dtype.ts";

/** No attributes. */
export type None = Record<string, never>;

/**
 * Every operator with its attributes. Names are ONNX's where ONNX has the operator. Each kind of operators, a file of
 * `kinds/`, declares its own here.
 */
// biome-ignore lint/suspicious/noEmptyInterface: the kinds fill it.
export interface Attributes {}

export type OpName = keyof Attributes;

export interface OpNode<K extends OpName = OpName> {
  readonly kind: "op";
  readonly id: number;
  readonly op: K;
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes[K];
  readonly outputs: readonly Tensor[];
  /** A copy made to compute a value a second time instead of keeping it: never merged with the first. */
  readonly recomputed?: true;
}

export interface InputNode {
  readonly kind: "input";
  readonly id: number;
  readonly name: string;
  readonly outputs: readonly Tensor[];
}

/** A weight, named exactly as in the checkpoint. Whether it is frozen or trained is decided when compiling. */
export interface ParameterNode {
  readonly kind: "parameter";
  readonly id: number;
  readonly name: string;
  readonly outputs: readonly Tensor[];
}

export interface ConstantNode {
  readonly kind: "constant";
  readonly id: number;
  readonly value: NdArray;
  readonly outputs: readonly Tensor[];
}

export type Node = OpNode | InputNode | ParameterNode | ConstantNode;

/** A symbolic value: what a node's `index`-th output will be when the graph runs. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly node: Node;
  readonly index: number;
}

/** Ids only grow, and a node's inputs exist before it: ordering nodes by id is a topological order. */
let nextId = 0;

type Unborn<N extends Node> = Omit<N, "id" | "outputs">;

/** Make a node with its output tensors; the only place where ids are given. */
export function createNode<N extends Node>(node: Unborn<N>, outputs: readonly { dtype: DType; shape: Shape }[]): N {
  const made = { ...node, id: nextId++, outputs: [] as Tensor[] };
  outputs.forEach(({ dtype, shape }, index) => {
    made.outputs.push({ dtype, shape, node: made as unknown as Node, index });
  });
  return made as unknown as N;
}

/** A value given at every run. */
export function input(name: string, dtype: DType, shape: Shape): Tensor {
  return createNode<InputNode>({ kind: "input", name }, [{ dtype, shape }]).outputs[0]!;
}

/** A weight of the model, by its checkpoint name. */
export function parameter(name: string, shape: readonly number[], dtype: DType = "float32"): Tensor {
  return createNode<ParameterNode>({ kind: "parameter", name }, [{ dtype, shape }]).outputs[0]!;
}

/** A value fixed in the graph. */
export function constant(value: NdArray): Tensor {
  return createNode<ConstantNode>({ kind: "constant", value }, [value]).outputs[0]!;
}

/** A constant of one value, of any shape of numbers; scalar by default. */
export function full(dtype: DType, value: number, shape: readonly number[] = []): Tensor {
  return constant(filledArray(dtype, shape, value));
}

/** The single value of a constant scalar (or of a constant filled with one value of one element), if it is one. */
export function scalarValue(tensor: Tensor): number | undefined {
  if (tensor.node.kind !== "constant" || tensor.node.value.data.length !== 1) return undefined;
  return firstValue(tensor.node.value);
}
