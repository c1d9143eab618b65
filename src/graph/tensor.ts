/** Symbolic values and the nodes that make them. A graph is nothing but tensors that know where they come from. */
import { filledArray, firstValue, type NdArray } from "./array.ts";
import type { Dim, Shape } from "./dims.ts";
import type { DType } from "./dtype.ts";

type None = Record<string, never>;

interface Window {
  readonly strides: readonly number[];
  /** Begin of each spatial axis, then end of each. */
  readonly pads: readonly number[];
}

export interface AttentionHeads {
  /** Heads of the queries. */
  readonly heads: number;
  /** Heads of the keys and values: a divisor of `heads`. */
  readonly kvHeads: number;
  readonly scale: number;
}

/** What a rule of one's own is given: gradients of the outputs, and the values it belongs to. */
export interface CustomCotangent {
  /** The gradient of the first output. */
  readonly g: Tensor;
  /** The same for every output, undefined where the loss does not depend on it. */
  readonly gs: readonly (Tensor | undefined)[];
  /** The inputs the rule was given with. */
  readonly x: readonly Tensor[];
  readonly y: readonly Tensor[];
}

/** The gradient of each input, of its type and shape, written in operators; null where there is none. */
export type CustomRule = (c: CustomCotangent) => readonly (Tensor | null)[];

/**
 * Every operator with its attributes. Names are ONNX's where ONNX has the operator; `Iota`, `ScatterAdd` and the
 * composites at the end lower to several nodes or to a fused kernel.
 */
export interface Attributes {
  Neg: None;
  Abs: None;
  Sign: None;
  Exp: None;
  Log: None;
  Sqrt: None;
  Reciprocal: None;
  Erf: None;
  Tanh: None;
  Sigmoid: None;
  Sin: None;
  Cos: None;
  Asin: None;
  Acos: None;
  Atan: None;
  Floor: None;
  Ceil: None;
  Round: None;
  Relu: None;
  /** log(1 + eˣ); its slope is the sigmoid everywhere. */
  Softplus: None;
  /** x above 0, else α(eˣ − 1). */
  Elu: { readonly alpha: number };
  /** x above 0, else α x. */
  LeakyRelu: { readonly alpha: number };
  Not: None;
  Add: None;
  Sub: None;
  Mul: None;
  Div: None;
  Pow: None;
  Min: None;
  Max: None;
  Mod: None;
  Equal: None;
  Less: None;
  LessOrEqual: None;
  Greater: None;
  GreaterOrEqual: None;
  And: None;
  Or: None;
  BitwiseXor: None;
  BitwiseAnd: None;
  BitShift: { readonly direction: "LEFT" | "RIGHT" };
  Where: None;
  /** x, through which no gradient flows. Not there any more when lowered. */
  StopGradient: None;
  /**
   * The first `outputs` of the inputs as they are. Gradients go to the other inputs, by the rule, and not to these. Not
   * there any more when lowered.
   */
  CustomGradient: { readonly outputs: number; readonly rule: CustomRule };
  Cast: { readonly to: DType };
  /** alpha · op(a) · op(b), the transposes of the last two axes. */
  MatMul: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number };
  Reshape: { readonly shape: Shape };
  Transpose: { readonly perm: readonly number[] };
  Expand: { readonly shape: Shape };
  Concat: { readonly axis: number };
  Slice: { readonly axis: number; readonly start: number; readonly end: number; readonly step: number };
  Pad: { readonly begin: readonly number[]; readonly end: readonly number[] };
  Split: { readonly axis: number; readonly sizes: Shape };
  Gather: { readonly axis: number };
  GatherElements: { readonly axis: number };
  /** data with updates added at indices along the axis; repeated indices add up. */
  ScatterAdd: { readonly axis: number };
  ReduceSum: { readonly axes: readonly number[]; readonly keepdims: boolean };
  ReduceMean: { readonly axes: readonly number[]; readonly keepdims: boolean };
  ReduceMax: { readonly axes: readonly number[]; readonly keepdims: boolean };
  ReduceMin: { readonly axes: readonly number[]; readonly keepdims: boolean };
  ArgMax: { readonly axis: number; readonly keepdims: boolean };
  TopK: { readonly axis: number; readonly k: number };
  /**
   * Places of what is not zero, in order: x [...] to int64 [rank, count], a column a place. How many there are only the
   * values tell: `count` is a name for it that nothing else in the graph may have, and other shapes may then use.
   */
  NonZero: { readonly count: Dim };
  CumSum: { readonly axis: number; readonly reverse: boolean; readonly exclusive: boolean };
  Softmax: { readonly axis: number };
  LogSoftmax: { readonly axis: number };
  /** 0, 1, …, size − 1. */
  Iota: { readonly size: Dim; readonly dtype: DType };
  /** A size of some input as a scalar value. */
  SizeValue: { readonly size: Dim; readonly dtype: DType };
  OneHot: { readonly depth: number; readonly dtype: DType };
  Conv: Window & { readonly dilations: readonly number[]; readonly group: number };
  ConvTranspose: Window & {
    readonly dilations: readonly number[];
    readonly group: number;
    readonly outputPadding: readonly number[];
  };
  /** Second output: where each maximum was, counted over the whole tensor. */
  MaxPool: Window & { readonly kernel: readonly number[] };
  /** Padding counts as zeros. */
  AveragePool: Window & { readonly kernel: readonly number[] };
  /** w · x / sqrt(mean(x²) + ε) over the last axis (Zhang & Sennrich 2019). */
  RmsNorm: { readonly epsilon: number };
  /** w · (x − mean) / sqrt(var + ε) + b over the last axis (Ba et al. 2016). */
  LayerNorm: { readonly epsilon: number };
  Gelu: { readonly approximate: "none" | "tanh" };
  /**
   * softmax(scale · q kᵀ + bias) v; q [batch, query, heads·k], k and v [batch, key, kvHeads·k] or [batch, kvHeads, key,
   * k], bias [1 | batch, 1 | heads, query, key]. With fewer heads of keys and values than of queries, head h reads head
   * ⌊h / (heads / kvHeads)⌋ of them (Ainslie et al. 2023).
   */
  Attention: AttentionHeads;
  /**
   * Attention of one new position over a cache: writes k and v into the past at the last of `positions` and attends
   * over those positions. Inputs q [rows, 1, heads·k], k and v [rows, 1, kvHeads·k], past k and v [rows, kvHeads,
   * capacity, k], positions [total], bias [1 | rows, 1 | heads, 1, total]; outputs the answer and the updated past.
   * Heads as in `Attention`. Inference only.
   */
  CachedAttention: AttentionHeads;
  /**
   * x · (w · scale) with weights in 8 bits by output column: x [..., in], w int8 [in, out], scale [out]. Fused, each
   * row of x is rounded to whole multiples of its largest magnitude / {@link Levels} (straight through for gradients).
   */
  MatMulInt8: None;
  /**
   * x · wᵀ with weights in 4 bits by block of the inner axis: x [..., in], w uint8 [out, in / block, block / 2], two
   * values a byte, low half first, 8 is zero; scale [out, in / block]. Fused, x is rounded to 8 bits by block.
   */
  MatMulInt4: { readonly block: number };
  /** logsumexp(logits) − logits[label] for each row, 0 where label = ignore; second output: log-probabilities. */
  SoftmaxCrossEntropy: { readonly ignore: number };
}

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
