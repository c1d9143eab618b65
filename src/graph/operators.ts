/**
 * The operators as functions of tensors. Each checks its shapes as it is called and drops what changes nothing
 * (a cast to the same type, a reshape to the same shape, times one), so graphs stay readable without a pass.
 */
import { fail } from "../errors.ts";
import { type Dim, divideDims, elements, mulDims, normalAxis, type Shape, sameShape, showShape } from "./dims.ts";
import type { DType } from "./dtype.ts";
import { infer } from "./infer.ts";
import {
  type AttentionHeads,
  type Attributes,
  type CustomRule,
  createNode,
  full,
  type OpName,
  type OpNode,
  scalarValue,
  type Tensor,
} from "./tensor.ts";

/** A tensor, or a number that becomes a constant of the other operand's type. */
export type Operand = Tensor | number;

/** Make the node of any operator; the named functions below are the pleasant way. */
export function apply<K extends OpName>(
  op: K,
  inputs: readonly Tensor[],
  attributes: Attributes[K],
  recomputed = false,
): readonly Tensor[] {
  let outputs: ReturnType<(typeof infer)[K]>;
  try {
    outputs = infer[op](inputs, attributes) as ReturnType<(typeof infer)[K]>;
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

const one = <K extends OpName>(op: K, inputs: readonly Tensor[], attributes: Attributes[K]): Tensor =>
  apply(op, inputs, attributes)[0]!;

type Plain = { [K in OpName]: Attributes[K] extends Record<string, never> ? K : never }[OpName];

const unary = (op: Plain) => (x: Tensor) => one(op, [x], {});

function lift(a: Operand, b: Operand): [Tensor, Tensor] {
  if (typeof a === "number") {
    if (typeof b === "number") fail("wrong_use", "two numbers: one operand must be a tensor");
    return [full(b.dtype, a), b];
  }
  return [a, typeof b === "number" ? full(a.dtype, b) : b];
}

const binary = (op: Plain) => (x: Operand, y: Operand) => one(op, lift(x, y), {});

export const neg = unary("Neg");
export const abs = unary("Abs");
export const sign = unary("Sign");
export const exp = unary("Exp");
export const log = unary("Log");
export const sqrt = unary("Sqrt");
export const reciprocal = unary("Reciprocal");
export const erf = unary("Erf");
export const tanh = unary("Tanh");
export const sigmoid = unary("Sigmoid");
export const sin = unary("Sin");
export const cos = unary("Cos");
export const asin = unary("Asin");
export const acos = unary("Acos");
export const atan = unary("Atan");
export const floor = unary("Floor");
export const ceil = unary("Ceil");
export const round = unary("Round");
export const relu = unary("Relu");
/** log(1 + eˣ), with the slope 1/2 at 0. */
export const softplus = unary("Softplus");
export const not = unary("Not");
export const pow = binary("Pow");
export const minimum = binary("Min");
export const maximum = binary("Max");
export const mod = binary("Mod");
export const equal = binary("Equal");
export const less = binary("Less");
export const lessOrEqual = binary("LessOrEqual");
export const greater = binary("Greater");
export const greaterOrEqual = binary("GreaterOrEqual");
export const and = binary("And");
export const or = binary("Or");
export const bitwiseXor = binary("BitwiseXor");
export const bitwiseAnd = binary("BitwiseAnd");

/** Whether a neutral constant may be dropped: it must not change the other operand's shape. */
const neutral = (x: Tensor, value: number, other: Tensor) =>
  scalarValue(x) === value && x.shape.length <= other.shape.length;

export function add(x: Operand, y: Operand): Tensor {
  const [a, b] = lift(x, y);
  if (neutral(b, 0, a)) return a;
  if (neutral(a, 0, b)) return b;
  return one("Add", [a, b], {});
}

export function sub(x: Operand, y: Operand): Tensor {
  const [a, b] = lift(x, y);
  return neutral(b, 0, a) ? a : one("Sub", [a, b], {});
}

export function mul(x: Operand, y: Operand): Tensor {
  const [a, b] = lift(x, y);
  if (neutral(b, 1, a)) return a;
  if (neutral(a, 1, b)) return b;
  return one("Mul", [a, b], {});
}

export function div(x: Operand, y: Operand): Tensor {
  const [a, b] = lift(x, y);
  return neutral(b, 1, a) ? a : one("Div", [a, b], {});
}

/** x above 0, else α(eˣ − 1) (Clevert et al. 2015). */
export const elu = (x: Tensor, alpha = 1) => one("Elu", [x], { alpha });
/** x above 0, else α x. */
export const leakyRelu = (x: Tensor, alpha = 0.01) => one("LeakyRelu", [x], { alpha });
/** x σ(x), also called swish. The engine makes one kernel of it. */
export const silu = (x: Tensor) => mul(x, sigmoid(x));
/** x σ(1.702 x), an approximation of GELU (Hendrycks & Gimpel 2016). */
export const quickGelu = (x: Tensor) => mul(x, sigmoid(mul(x, 1.702)));

export const square = (x: Tensor) => mul(x, x);
export const shiftRight = (x: Operand, y: Operand) => one("BitShift", lift(x, y), { direction: "RIGHT" });
export const shiftLeft = (x: Operand, y: Operand) => one("BitShift", lift(x, y), { direction: "LEFT" });

/** condition ? a : b, elementwise. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  return one("Where", [condition, ...lift(a, b)], {});
}

export function cast(x: Tensor, to: DType): Tensor {
  return x.dtype === to ? x : one("Cast", [x], { to });
}

/** x, through which no gradient flows. It costs nothing when run. */
export const stopGradient = (x: Tensor) => one("StopGradient", [x], {});

/**
 * The same values with a gradient of their own: whatever they are made of, their gradient goes to `inputs` by the rule
 * and nowhere else. The rule is written in operators, so that it has gradients too: of `x` and of `y`, which are the
 * results here. It costs nothing when run.
 */
export function withGradients(
  values: readonly Tensor[],
  inputs: readonly Tensor[],
  rule: CustomRule,
): readonly Tensor[] {
  return apply("CustomGradient", [...values, ...inputs], { outputs: values.length, rule });
}

/** {@link withGradients} for one value. */
export const withGradient = (y: Tensor, inputs: readonly Tensor[], rule: CustomRule): Tensor =>
  withGradients([y], inputs, rule)[0]!;

/** The value of `hard` with the gradient of `soft`, which has its type and shape (Bengio et al. 2013). */
export function straightThrough(hard: Tensor, soft: Tensor): Tensor {
  if (hard.dtype !== soft.dtype || !sameShape(hard.shape, soft.shape)) {
    const [a, b] = [hard, soft].map(({ dtype, shape }) => `${dtype}${showShape(shape)}`);
    fail("wrong_use", `straight through from ${a} to ${b}: expected one type and shape`);
  }
  return withGradient(hard, [soft], ({ g }) => [g]);
}

export interface MatMulOptions {
  transA?: boolean;
  transB?: boolean;
  alpha?: number;
}

/** alpha · a · b over the last two axes, either transposed; leading axes broadcast. */
export function matmul(
  a: Tensor,
  b: Tensor,
  { transA = false, transB = false, alpha = 1 }: MatMulOptions = {},
): Tensor {
  return one("MatMul", [a, b], { transA, transB, alpha });
}

/** Same elements in another shape, whose sizes may be symbols. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const source = x.node.kind === "op" && x.node.op === "Reshape" ? x.node.inputs[0]! : x;
  return sameShape(source.shape, shape) ? source : one("Reshape", [source], { shape });
}

/** Drop the leading axes into one: [a, b, …, width] to [a·b·…, width]. */
export function flattenRows(x: Tensor): Tensor {
  return reshape(x, [elements(x.shape.slice(0, -1)), x.shape.at(-1)!]);
}

export function transpose(x: Tensor, perm: readonly number[]): Tensor {
  return perm.every((axis, i) => axis === i) ? x : one("Transpose", [x], { perm });
}

export function expand(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : one("Expand", [x], { shape });
}

/** A tensor of one value with any shape, symbols too. */
export function filled(dtype: DType, value: number, shape: Shape): Tensor {
  return expand(full(dtype, value), shape);
}

export function concat(parts: readonly Tensor[], axis: number): Tensor {
  const first = parts[0] ?? fail("wrong_use", "concat of nothing");
  return parts.length === 1 ? first : one("Concat", parts, { axis: normalAxis(axis, first.shape.length) });
}

/**
 * x[…, start:end:step, …]; negative positions count from the end, end defaults to all. Positions outside are clipped
 * where the size is a number; a symbolic size must hold them, and takes no step. With a negative step the positions
 * go down, and the end is -Infinity to include the first.
 */
export function slice(x: Tensor, axis: number, start: number, end = Infinity, step = 1): Tensor {
  if (start === 0 && end === Infinity && step === 1) return x;
  return one("Slice", [x], { axis: normalAxis(axis, x.shape.length), start, end, step });
}

/** The axis turned around, whatever its size. */
export function flip(x: Tensor, axis: number): Tensor {
  return slice(x, axis, -1, -Infinity, -1);
}

/** Zeros before and after each axis. */
export function pad(x: Tensor, begin: readonly number[], end: readonly number[]): Tensor {
  return [...begin, ...end].every((n) => n === 0) ? x : one("Pad", [x], { begin, end });
}

/** Consecutive parts of these sizes, which may be symbols, along the axis. */
export function split(x: Tensor, axis: number, sizes: Shape): readonly Tensor[] {
  return sizes.length === 1 ? [x] : apply("Split", [x], { axis: normalAxis(axis, x.shape.length), sizes });
}

/** x with whole slices picked along the axis by an index tensor of any shape. */
export function gather(x: Tensor, indices: Tensor, axis = 0): Tensor {
  return one("Gather", [x, indices], { axis: normalAxis(axis, x.shape.length) });
}

export function gatherElements(x: Tensor, indices: Tensor, axis: number): Tensor {
  return one("GatherElements", [x, indices], { axis: normalAxis(axis, x.shape.length) });
}

export function scatterAdd(data: Tensor, indices: Tensor, updates: Tensor, axis: number): Tensor {
  return one("ScatterAdd", [data, indices, updates], { axis: normalAxis(axis, data.shape.length) });
}

type Reduction = "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin";

const reduction =
  (op: Reduction) =>
  /** Over these axes (all by default). */
  (x: Tensor, axes?: readonly number[], keepdims = false): Tensor => {
    const normal = axes ? axes.map((axis) => normalAxis(axis, x.shape.length)) : x.shape.map((_, i) => i);
    return normal.length === 0 ? x : one(op, [x], { axes: normal, keepdims });
  };

export const sum = reduction("ReduceSum");
export const mean = reduction("ReduceMean");
export const max = reduction("ReduceMax");
export const min = reduction("ReduceMin");

export function argmax(x: Tensor, axis = -1, keepdims = false): Tensor {
  return one("ArgMax", [x], { axis: normalAxis(axis, x.shape.length), keepdims });
}

/** The k largest along the axis, largest first: [values, indices]. */
export function topK(x: Tensor, k: number, axis = -1): readonly [Tensor, Tensor] {
  const [values, indices] = apply("TopK", [x], { axis: normalAxis(axis, x.shape.length), k });
  return [values!, indices!];
}

/** Places of the elements that are not zero, [rank, count]; see `NonZero` in {@link Attributes}. */
export const nonZero = (x: Tensor, count: Dim): Tensor => one("NonZero", [x], { count });

export function cumsum(x: Tensor, axis: number, { reverse = false, exclusive = false } = {}): Tensor {
  return one("CumSum", [x], { axis: normalAxis(axis, x.shape.length), reverse, exclusive });
}

export function softmax(x: Tensor, axis = -1): Tensor {
  return one("Softmax", [x], { axis: normalAxis(axis, x.shape.length) });
}

export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return one("LogSoftmax", [x], { axis: normalAxis(axis, x.shape.length) });
}

/** 0, 1, …, size − 1; the size may be a symbol. */
export function iota(size: Dim, dtype: DType = "int64"): Tensor {
  return one("Iota", [], { size, dtype });
}

/** The value of a size as a scalar tensor: a constant where it is a number. */
export function sizeValue(size: Dim, dtype: DType = "float32"): Tensor {
  return typeof size === "number" ? full(dtype, size) : one("SizeValue", [], { size, dtype });
}

export function oneHot(indices: Tensor, depth: number, dtype: DType = "float32"): Tensor {
  return one("OneHot", [indices], { depth, dtype });
}

export const rmsNorm = (x: Tensor, weight: Tensor, epsilon: number) => one("RmsNorm", [x, weight], { epsilon });

export const layerNorm = (x: Tensor, weight: Tensor, bias: Tensor, epsilon: number) =>
  one("LayerNorm", [x, weight, bias], { epsilon });

export const gelu = (x: Tensor, approximate: "none" | "tanh" = "none") => one("Gelu", [x], { approximate });

/**
 * softmax(scale · q kᵀ + bias) v by heads; q [batch, query, heads · k], k and v [batch, key, kvHeads · k] or by heads,
 * bias [1 | batch, 1 | heads, query, key]. `kvHeads` is as many as `heads`, or a divisor of it; see `Attention` in
 * {@link Attributes}.
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  bias: Tensor | undefined,
  heads: number,
  scale: number,
  kvHeads = heads,
): Tensor {
  return one("Attention", bias ? [q, k, v, bias] : [q, k, v], { heads, kvHeads, scale });
}

/** See `CachedAttention` in {@link Attributes}: the answer and the updated past keys and values. */
export function cachedAttention(
  [q, k, v]: readonly [Tensor, Tensor, Tensor],
  past: { readonly k: Tensor; readonly v: Tensor },
  positions: Tensor,
  bias: Tensor,
  { heads, kvHeads = heads, scale }: Pick<AttentionHeads, "heads" | "scale"> & { readonly kvHeads?: number },
): readonly [Tensor, Tensor, Tensor] {
  const [y, nextK, nextV] = apply("CachedAttention", [q, k, v, past.k, past.v, positions, bias], {
    heads,
    kvHeads,
    scale,
  });
  return [y!, nextK!, nextV!];
}

/** x [..., in] by weights in 8 bits; see `MatMulInt8` in {@link Attributes}. */
export const matmulInt8 = (x: Tensor, w: Tensor, scale: Tensor) => one("MatMulInt8", [x, w, scale], {});

/** x [..., in] by weights in 4 bits; see `MatMulInt4` in {@link Attributes}. */
export const matmulInt4 = (x: Tensor, w: Tensor, scale: Tensor, block: number) =>
  one("MatMulInt4", [x, w, scale], { block });

/** Cross-entropy of each row against its label, 0 where the label is `ignore` (-100 by custom). */
export function softmaxCrossEntropy(logits: Tensor, labels: Tensor, ignore = -100): Tensor {
  return one("SoftmaxCrossEntropy", [logits, labels], { ignore });
}

const spatial = (x: Tensor, value: number | readonly number[] | undefined, otherwise: number): readonly number[] =>
  Array.isArray(value) ? (value as number[]) : x.shape.slice(2).map(() => (value as number | undefined) ?? otherwise);

export interface ConvOptions {
  stride?: number | readonly number[];
  /** The same on both sides of an axis, or begins then ends. */
  pads?: number | readonly number[];
  dilation?: number | readonly number[];
  group?: number;
}

const bothSides = (x: Tensor, pads: number | readonly number[] | undefined): readonly number[] =>
  Array.isArray(pads) ? (pads as number[]) : [...spatial(x, pads, 0), ...spatial(x, pads, 0)];

/** x [batch, channels, …], w [out, channels / group, …kernel], bias [out]. */
export function conv(
  x: Tensor,
  w: Tensor,
  bias?: Tensor,
  { stride, pads, dilation, group = 1 }: ConvOptions = {},
): Tensor {
  return one("Conv", bias ? [x, w, bias] : [x, w], {
    strides: spatial(x, stride, 1),
    pads: bothSides(x, pads),
    dilations: spatial(x, dilation, 1),
    group,
  });
}

/** x [batch, in, …], w [in, out / group, …kernel], bias [out]. */
export function convTranspose(
  x: Tensor,
  w: Tensor,
  bias?: Tensor,
  {
    stride,
    pads,
    dilation,
    group = 1,
    outputPadding,
  }: ConvOptions & { outputPadding?: number | readonly number[] } = {},
): Tensor {
  return one("ConvTranspose", bias ? [x, w, bias] : [x, w], {
    strides: spatial(x, stride, 1),
    pads: bothSides(x, pads),
    dilations: spatial(x, dilation, 1),
    group,
    outputPadding: spatial(x, outputPadding, 0),
  });
}

export interface PoolOptions {
  stride?: number | readonly number[];
  pads?: number | readonly number[];
}

const pooling =
  (op: "MaxPool" | "AveragePool") =>
  (x: Tensor, kernel: number | readonly number[], { stride, pads }: PoolOptions = {}): Tensor => {
    const size = spatial(x, kernel, 1);
    return one(op, [x], {
      kernel: size,
      strides: stride === undefined ? size : spatial(x, stride, 1),
      pads: bothSides(x, pads),
    });
  };

export const maxPool = pooling("MaxPool");
export const averagePool = pooling("AveragePool");

/** Split the last axis into heads and bring them forward: [batch, length, heads·k] to [batch, heads, length, k]. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, length, width] = x.shape as [Dim, Dim, Dim];
  if (typeof width !== "number" || width % heads !== 0) fail("wrong_use", `width ${width} in ${heads} heads`);
  return transpose(reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** [batch, length, heads·k] as [batch, heads, length, k], which it may be already. */
export function asHeads(x: Tensor, heads: number): Tensor {
  return x.shape.length === 4 ? x : splitHeads(x, heads);
}

/**
 * Heads of queries that share a head of keys as more rows of one: [batch, heads, query, k] to [batch, kvHeads, heads /
 * kvHeads · query, k]. One product a head of keys then serves all of its queries, without a copy of the keys.
 */
export function groupHeads(x: Tensor, kvHeads: number): Tensor {
  const [batch, heads, query, width] = x.shape as [Dim, number, Dim, Dim];
  return reshape(x, [batch, kvHeads, mulDims(heads / kvHeads, query), width]);
}

/** The inverse of {@link groupHeads}. */
export function ungroupHeads(x: Tensor, heads: number): Tensor {
  const [batch, kvHeads, rows, width] = x.shape as [Dim, number, Dim, Dim];
  const query =
    divideDims(rows, heads / kvHeads) ?? fail("wrong_use", `${rows} rows for ${heads / kvHeads} heads each`);
  return reshape(x, [batch, heads, query, width]);
}

/**
 * {@link attention} written out in products, so that the probabilities [batch, heads, query, key] can be changed (by
 * dropout) and are kept for the backward pass.
 */
export function attentionInParts(
  [q, k, v, bias]: readonly [Tensor, Tensor, Tensor, Tensor?],
  { heads, kvHeads = heads, scale }: Pick<AttentionHeads, "heads" | "scale"> & { readonly kvHeads?: number },
  change: (probabilities: Tensor) => Tensor = (p) => p,
): Tensor {
  const query = groupHeads(asHeads(q, heads), kvHeads);
  const [keys, values] = [asHeads(k, kvHeads), asHeads(v, kvHeads)];
  const scores = ungroupHeads(matmul(query, keys, { transB: true, alpha: scale }), heads);
  const probabilities = change(softmax(bias ? add(scores, bias) : scores));
  return joinHeads(ungroupHeads(matmul(groupHeads(probabilities, kvHeads), values), heads));
}

/** The inverse of {@link splitHeads}. */
export function joinHeads(x: Tensor): Tensor {
  const [batch, heads, length, width] = x.shape as [Dim, Dim, Dim, Dim];
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, length, mulDims(heads, width)]);
}
