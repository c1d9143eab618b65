/** What each operator gives back: dtype and shape of its outputs, from those of its inputs. A total table. */
import { fail } from "../errors.ts";
import {
  addDims,
  broadcast,
  type Dim,
  elements,
  mulDims,
  normalAxis,
  type Shape,
  sameShape,
  showShape,
  subDims,
} from "./dims.ts";
import { type DType, isFloat } from "./dtype.ts";
import type { Attributes, OpName, Tensor } from "./tensor.ts";

export interface Output {
  dtype: DType;
  shape: Shape;
}

type Infer<K extends OpName> = (inputs: readonly Tensor[], attributes: Attributes[K]) => Output[];

const same = ([x]: readonly Tensor[]): Output[] => [{ dtype: x!.dtype, shape: x!.shape }];

const float = (inputs: readonly Tensor[]): Output[] => {
  for (const { dtype } of inputs) if (!isFloat(dtype)) fail("wrong_use", `a float tensor is needed, got ${dtype}`);
  return same(inputs);
};

function sameDType(inputs: readonly Tensor[]): DType {
  const first = inputs[0]!.dtype;
  for (const { dtype } of inputs) if (dtype !== first) fail("wrong_use", `${first} meets ${dtype}: cast one of them`);
  return first;
}

const elementwise = (inputs: readonly Tensor[]): Output[] => [
  { dtype: sameDType(inputs), shape: broadcast(inputs[0]!.shape, inputs[1]!.shape) },
];

const compare = (inputs: readonly Tensor[]): Output[] => [
  ...elementwise(inputs).map(({ shape }): Output => ({ dtype: "bool", shape })),
];

const logical = (inputs: readonly Tensor[]): Output[] => {
  for (const { dtype } of inputs) if (dtype !== "bool") fail("wrong_use", `bool is needed, got ${dtype}`);
  return [{ dtype: "bool", shape: broadcast(inputs[0]!.shape, (inputs[1] ?? inputs[0]!).shape) }];
};

function reduce(inputs: readonly Tensor[], axes: readonly number[], keepdims: boolean, dtype = inputs[0]!.dtype) {
  const shape = inputs[0]!.shape;
  const kept = shape.flatMap((dim, axis): Dim[] => (!axes.includes(axis) ? [dim] : keepdims ? [1] : []));
  return [{ dtype, shape: kept }];
}

const withAxis = (shape: Shape, axis: number, dim: Dim): Shape => shape.map((old, i) => (i === axis ? dim : old));

function reshape([x]: readonly Tensor[], { shape }: Attributes["Reshape"]): Output[] {
  const from = elements(x!.shape);
  const to = elements(shape);
  if (from !== to) fail("wrong_use", `${showShape(x!.shape)} cannot be reshaped to ${showShape(shape)}`);
  return [{ dtype: x!.dtype, shape }];
}

function concat(inputs: readonly Tensor[], { axis }: Attributes["Concat"]): Output[] {
  const first = inputs[0]!;
  let total: Dim = 0;
  for (const { shape } of inputs) {
    total = addDims(total, shape[axis]!);
    if (!sameShape(withAxis(shape, axis, 0), withAxis(first.shape, axis, 0))) {
      fail("wrong_use", `${showShape(first.shape)} and ${showShape(shape)} differ off axis ${axis}`);
    }
  }
  return [{ dtype: sameDType(inputs), shape: withAxis(first.shape, axis, total) }];
}

/** Whether a slice turns the whole axis around. */
export const isFlip = ({ start, end, step }: Attributes["Slice"]): boolean =>
  step === -1 && start === -1 && end === -Infinity;

/** The first position of a slice and how many it takes, in an axis of known size; positions outside are clipped. */
export function sliceRange(dim: number, { start, end, step }: Attributes["Slice"]): { first: number; count: number } {
  // Going backwards, the end may lie before the first element.
  const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
  const clip = (at: number) => Math.max(low, Math.min(high, at < 0 ? at + dim : at));
  const first = clip(start);
  return { first, count: Math.max(0, Math.ceil((clip(end) - first) / step)) };
}

/** Elements a slice keeps; end = ±Infinity for all that follow. */
function sliced(dim: Dim, attributes: Attributes["Slice"]): Dim {
  const { start, end, step } = attributes;
  if (!Number.isInteger(step) || step === 0) fail("wrong_use", `a step of ${step}`);
  if (typeof dim === "number") return sliceRange(dim, attributes).count;
  if (isFlip(attributes)) return dim;
  if (step !== 1) fail("unsupported", `a strided slice of the symbolic size ${dim}`);
  const at = (value: number): Dim => (value === Infinity ? dim : value < 0 ? addDims(dim, value) : value);
  return subDims(at(end), at(start));
}

function matmul(inputs: readonly Tensor[], { transA, transB }: Attributes["MatMul"]): Output[] {
  const [a, b] = inputs as [Tensor, Tensor];
  if (a.shape.length < 2 || b.shape.length < 2) fail("wrong_use", "a matrix product needs tensors of rank 2 or more");
  const [m, ka] = transA ? [a.shape.at(-1)!, a.shape.at(-2)!] : [a.shape.at(-2)!, a.shape.at(-1)!];
  const [kb, n] = transB ? [b.shape.at(-1)!, b.shape.at(-2)!] : [b.shape.at(-2)!, b.shape.at(-1)!];
  if (ka !== kb) {
    const t = (on: boolean) => (on ? "ᵀ" : "");
    fail("wrong_use", `inner sizes differ: ${showShape(a.shape)}${t(transA)} · ${showShape(b.shape)}${t(transB)}`);
  }
  return [{ dtype: sameDType(inputs), shape: [...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n] }];
}

/** Size of a convolution's or pool's spatial axis; symbols must divide out exactly, so strides need numbers. */
function windowed(dim: Dim, kernel: number, stride: number, begin: number, end: number, dilation: number): Dim {
  const span = subDims(addDims(dim, begin + end), dilation * (kernel - 1) + 1);
  if (typeof span === "number") {
    if (span < 0) fail("wrong_use", `a window of ${kernel} does not fit into ${dim} with padding ${begin} and ${end}`);
    return Math.floor(span / stride) + 1;
  }
  if (stride === 1) return addDims(span, 1);
  return fail("unsupported", `a strided window over the symbolic size ${dim}`);
}

function window(
  spatial: Shape,
  kernel: readonly number[],
  { strides, pads }: Attributes["MaxPool"],
  dilations?: readonly number[],
) {
  return spatial.map((dim, i) =>
    windowed(dim, kernel[i]!, strides[i]!, pads[i]!, pads[i + spatial.length]!, dilations?.[i] ?? 1),
  );
}

const pool = ([x]: readonly Tensor[], attributes: Attributes["MaxPool"]): Output[] => [
  { dtype: x!.dtype, shape: [...x!.shape.slice(0, 2), ...window(x!.shape.slice(2), attributes.kernel, attributes)] },
];

const numbers = (shape: Shape): number[] =>
  shape.map((dim) => (typeof dim === "number" ? dim : fail("unsupported", `a kernel of symbolic size ${dim}`)));

/** Weights of a norm are vectors as long as the last axis. */
const norm = (inputs: readonly Tensor[]): Output[] => {
  const [x, ...weights] = inputs;
  for (const { shape } of weights) {
    if (!sameShape(shape, x!.shape.slice(-1))) {
      fail("wrong_use", `a norm's weight ${showShape(shape)} for values ${showShape(x!.shape)}`);
    }
  }
  sameDType(inputs);
  return float(inputs);
};

/** Width of each head, a number. */
function headWidth({ shape }: Tensor, heads: number): number {
  const width = shape.at(-1);
  return typeof width === "number" && width % heads === 0
    ? width / heads
    : fail("wrong_use", `width ${width} in ${heads} heads`);
}

/** As many heads of queries for each head of keys. */
function needGroups(heads: number, kvHeads: number): void {
  if (!(Number.isInteger(heads) && Number.isInteger(kvHeads) && kvHeads >= 1 && heads % kvHeads === 0)) {
    fail("wrong_use", `${heads} heads of queries over ${kvHeads} heads of keys and values: expected a multiple`);
  }
}

/** A bias is as large as the scores, or the same for all rows of a batch, all heads, or both. */
function needBias(bias: Tensor | undefined, scores: Shape): void {
  const fits = (dim: Dim, axis: number) => dim === scores[axis] || (axis < 2 && dim === 1);
  if (bias && !(bias.shape.length === 4 && bias.shape.every(fits))) {
    fail("wrong_use", `a bias ${showShape(bias.shape)} for scores ${showShape(scores)}`);
  }
}

export const infer: { readonly [K in OpName]: Infer<K> } = {
  Neg: same,
  Abs: same,
  Sign: same,
  Exp: float,
  Log: float,
  Sqrt: float,
  Reciprocal: float,
  Erf: float,
  Tanh: float,
  Sigmoid: float,
  Sin: float,
  Cos: float,
  Asin: float,
  Acos: float,
  Atan: float,
  Floor: float,
  Ceil: float,
  Round: float,
  Relu: float,
  Softplus: float,
  Elu: float,
  LeakyRelu: float,
  Not: logical,
  Add: elementwise,
  Sub: elementwise,
  Mul: elementwise,
  Div: elementwise,
  Pow: elementwise,
  Min: elementwise,
  Max: elementwise,
  Mod: elementwise,
  Equal: compare,
  Less: compare,
  LessOrEqual: compare,
  Greater: compare,
  GreaterOrEqual: compare,
  And: logical,
  Or: logical,
  BitwiseXor: elementwise,
  BitwiseAnd: elementwise,
  BitShift: elementwise,
  Where: ([condition, a, b]) => [
    { dtype: sameDType([a!, b!]), shape: broadcast(condition!.shape, broadcast(a!.shape, b!.shape)) },
  ],
  StopGradient: same,
  CustomGradient: (inputs, { outputs }) => inputs.slice(0, outputs).flatMap((y) => same([y])),
  Cast: ([x], { to }) => [{ dtype: to, shape: x!.shape }],
  MatMul: matmul,
  Reshape: reshape,
  Transpose: ([x], { perm }) => [
    { dtype: x!.dtype, shape: perm.map((axis) => x!.shape[normalAxis(axis, x!.shape.length)]!) },
  ],
  Expand: ([x], { shape }) => [{ dtype: x!.dtype, shape: broadcast(x!.shape, shape) }],
  Concat: concat,
  Slice: ([x], attributes) => [
    { dtype: x!.dtype, shape: withAxis(x!.shape, attributes.axis, sliced(x!.shape[attributes.axis]!, attributes)) },
  ],
  Pad: ([x], { begin, end }) => [
    { dtype: x!.dtype, shape: x!.shape.map((dim, i) => addDims(dim, begin[i]! + end[i]!)) },
  ],
  Split: ([x], { axis, sizes }) => {
    const total = sizes.reduce<Dim>(addDims, 0);
    if (x!.shape[axis] !== total) fail("wrong_use", `axis ${axis} has ${x!.shape[axis]}, the parts sum to ${total}`);
    return sizes.map((size) => ({ dtype: x!.dtype, shape: withAxis(x!.shape, axis, size) }));
  },
  Gather: ([x, indices], { axis }) => [
    { dtype: x!.dtype, shape: [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)] },
  ],
  GatherElements: ([x, indices]) => [{ dtype: x!.dtype, shape: indices!.shape }],
  ScatterAdd: ([data, indices, updates]) => {
    if (!sameShape(indices!.shape, updates!.shape)) {
      fail("wrong_use", `indices ${showShape(indices!.shape)} and updates ${showShape(updates!.shape)} must agree`);
    }
    return [{ dtype: sameDType([data!, updates!]), shape: data!.shape }];
  },
  ReduceSum: (inputs, { axes, keepdims }) => reduce(inputs, axes, keepdims),
  ReduceMean: (inputs, { axes, keepdims }) => reduce(inputs, axes, keepdims),
  ReduceMax: (inputs, { axes, keepdims }) => reduce(inputs, axes, keepdims),
  ReduceMin: (inputs, { axes, keepdims }) => reduce(inputs, axes, keepdims),
  ArgMax: (inputs, { axis, keepdims }) => reduce(inputs, [axis], keepdims, "int64"),
  TopK: ([x], { axis, k }) => {
    const shape = withAxis(x!.shape, axis, k);
    return [
      { dtype: x!.dtype, shape },
      { dtype: "int64", shape },
    ];
  },
  NonZero: ([x], { count }) => [{ dtype: "int64", shape: [x!.shape.length, count] }],
  CumSum: same,
  Softmax: float,
  LogSoftmax: float,
  Iota: (_, { size, dtype }) => [{ dtype, shape: [size] }],
  SizeValue: (_, { dtype }) => [{ dtype, shape: [] }],
  OneHot: ([x], { depth, dtype }) => [{ dtype, shape: [...x!.shape, depth] }],
  Conv: ([x, w], attributes) => {
    const kernel = numbers(w!.shape.slice(2));
    if (x!.shape[1] !== mulDims(w!.shape[1]!, attributes.group)) {
      fail("wrong_use", `${x!.shape[1]} channels, the kernel takes ${w!.shape[1]} in ${attributes.group} group(s)`);
    }
    const spatial = window(x!.shape.slice(2), kernel, { ...attributes, kernel }, attributes.dilations);
    return [{ dtype: sameDType([x!, w!]), shape: [x!.shape[0]!, w!.shape[0]!, ...spatial] }];
  },
  ConvTranspose: ([x, w], { strides, pads, dilations, group, outputPadding }) => {
    const kernel = numbers(w!.shape.slice(2));
    const spatial = x!.shape.slice(2).map((dim, i) => {
      const span = dilations[i]! * (kernel[i]! - 1) + 1 + outputPadding[i]! - pads[i]! - pads[i + kernel.length]!;
      return addDims(mulDims(subDims(dim, 1), strides[i]!), span);
    });
    return [{ dtype: sameDType([x!, w!]), shape: [x!.shape[0]!, mulDims(w!.shape[1]!, group), ...spatial] }];
  },
  MaxPool: (inputs, attributes) => [
    ...pool(inputs, attributes),
    ...pool(inputs, attributes).map(({ shape }) => ({ dtype: "int64" as const, shape })),
  ],
  AveragePool: pool,
  RmsNorm: norm,
  LayerNorm: norm,
  Gelu: float,
  Attention: (inputs, { heads, kvHeads }) => {
    const [q, k, v] = inputs as [Tensor, Tensor, Tensor];
    needGroups(heads, kvHeads);
    const joined = (x: Tensor): Shape =>
      x.shape.length === 4 ? [x.shape[0]!, x.shape[2]!, mulDims(x.shape[1]!, x.shape[3]!)] : x.shape;
    const byHead = [k, v].every(({ shape }) => shape.length !== 4 || shape[1] === kvHeads);
    const [keys, values] = [joined(k), joined(v)];
    if (!byHead || keys[2] !== kvHeads * headWidth(q, heads) || keys[1] !== values[1]) {
      const shapes = `q ${showShape(q.shape)}, k ${showShape(k.shape)}, v ${showShape(v.shape)}`;
      fail("wrong_use", `attention over ${shapes} with ${heads} heads of queries, ${kvHeads} of keys and values`);
    }
    needBias(inputs[3], [q.shape[0]!, heads, q.shape[1]!, keys[1]!]);
    const width = heads * headWidth({ ...v, shape: values }, kvHeads);
    return [{ dtype: sameDType(inputs), shape: [q.shape[0]!, q.shape[1]!, width] }];
  },
  CachedAttention: ([q, , , pastK, pastV, positions, bias], { heads, kvHeads }) => {
    needGroups(heads, kvHeads);
    if (pastK!.shape[1] !== kvHeads || pastK!.shape[3] !== headWidth(q!, heads)) {
      const past = `a past ${showShape(pastK!.shape)} of ${kvHeads} heads`;
      fail("wrong_use", `${past} for ${heads} heads of queries ${showShape(q!.shape)}`);
    }
    needBias(bias, [q!.shape[0]!, heads, 1, positions!.shape[0]!]);
    return [q!, pastK!, pastV!].map(({ dtype, shape }) => ({ dtype, shape }));
  },
  MatMulInt8: ([x, w, scale]) => {
    const [inner, out] = w!.shape as [Dim, Dim];
    if (w!.dtype !== "int8" || w!.shape.length !== 2 || x!.shape.at(-1) !== inner || !sameShape(scale!.shape, [out])) {
      const [a, b, c] = [x!, w!, scale!].map(({ shape }) => showShape(shape));
      fail("wrong_use", `${a} by ${w!.dtype} weights ${b} with scales ${c}`);
    }
    return [{ dtype: sameDType([x!, scale!]), shape: [...x!.shape.slice(0, -1), out] }];
  },
  MatMulInt4: ([x, w, scale], { block }) => {
    const [out, blocks, bytes] = w!.shape as [Dim, number, Dim];
    // The kernel is told the number of outputs.
    const fits =
      w!.dtype === "uint8" &&
      w!.shape.length === 3 &&
      typeof out === "number" &&
      bytes === block / 2 &&
      x!.shape.at(-1) === blocks * block;
    if (!fits || !sameShape(scale!.shape, [out, blocks])) {
      const [a, b, c] = [x!, w!, scale!].map(({ shape }) => showShape(shape));
      fail("wrong_use", `${a} by ${w!.dtype} weights ${b} with scales ${c} in blocks of ${block}`);
    }
    return [{ dtype: sameDType([x!, scale!]), shape: [...x!.shape.slice(0, -1), out] }];
  },
  SoftmaxCrossEntropy: ([logits, labels]) => {
    if (!sameShape(logits!.shape.slice(0, -1), labels!.shape)) {
      fail(
        "wrong_use",
        `logits ${showShape(logits!.shape)} and labels ${showShape(labels!.shape)} do not belong together`,
      );
    }
    return [{ dtype: logits!.dtype, shape: labels!.shape }, ...float([logits!])];
  },
};
