/** How each operator is written in ONNX: a total table. Composites use a fused kernel where the target has one. */
import { filledArray, zeros } from "./array.ts";
import { type Composite, decompositions } from "./decompose.ts";
import { sameShape } from "./dims.ts";
import { dtypes, isFloat } from "./dtype.ts";
import { type AttributeValue, type Emitter, type NodeOptions, reshapeArgument, type Target } from "./emit.ts";
import type { OpName, OpNode, Tensor } from "./tensor.ts";

/** Names of the node's outputs; or tensors to lower in its place. */
export type Lowered = readonly string[] | { readonly instead: readonly Tensor[] };
type Lowering<K extends OpName> = (emit: Emitter, node: OpNode<K>, options: NodeOptions) => Lowered;

const microsoft = { domain: "com.microsoft" };
const int = (value: number | boolean): AttributeValue => ({ int: Number(value) });
const names = (emit: Emitter, node: OpNode) => node.inputs.map((value) => emit.name(value));

/** The ONNX operator of the same name without attributes. */
const plain = <K extends OpName>(emit: Emitter, node: OpNode<K>, options: NodeOptions) =>
  emit.node(node.op, names(emit, node), {}, options);

const withAxis = <K extends "Concat" | "Gather" | "GatherElements" | "Softmax" | "LogSoftmax">(
  emit: Emitter,
  node: OpNode<K>,
  options: NodeOptions,
) => emit.node(node.op, names(emit, node), { axis: int(node.attributes.axis) }, options);

const withAlpha = <K extends "Elu" | "LeakyRelu">(emit: Emitter, node: OpNode<K>, options: NodeOptions) =>
  emit.node(node.op, names(emit, node), { alpha: { float: node.attributes.alpha } }, options);

const reduce = <K extends "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin">(
  emit: Emitter,
  node: OpNode<K>,
  options: NodeOptions,
) => {
  const { axes, keepdims } = node.attributes;
  return emit.node(node.op, [...names(emit, node), emit.ints(axes)], { keepdims: int(keepdims) }, options);
};

/** Which targets have a fused kernel; the others get the decomposition. */
const fusedOn: Record<Composite, readonly Target[]> = {
  RmsNorm: ["cpu", "cuda", "wasm", "webgpu"],
  LayerNorm: ["cpu", "cuda", "wasm", "webgpu", "onnx"],
  Gelu: ["cpu", "cuda", "wasm", "webgpu", "onnx"],
  Attention: ["cpu", "cuda", "wasm", "webgpu"],
  CachedAttention: ["cpu", "wasm"],
  SoftmaxCrossEntropy: [],
  MatMulInt8: ["cpu", "wasm"],
  MatMulInt4: ["cpu", "wasm"],
  OneHot: ["cpu", "cuda", "wasm", "onnx"],
};

type Decompose = (inputs: readonly Tensor[], attributes: object) => readonly Tensor[];

const decomposed = <K extends Composite>(node: OpNode<K>): Lowered => ({
  instead: (decompositions[node.op] as unknown as Decompose)(node.inputs, node.attributes),
});

const composite =
  <K extends Composite>(fused: Lowering<K>): Lowering<K> =>
  (emit, node, options) =>
    fusedOn[node.op].includes(emit.target) ? fused(emit, node, options) : decomposed(node);

/** A product of these two values with the node's attributes. */
function product(emit: Emitter, node: OpNode<"MatMul">, [a, b]: readonly [string, string], options: NodeOptions) {
  const { transA, transB, alpha } = node.attributes;
  if (!transA && !transB && alpha === 1) return emit.node("MatMul", [a, b], {}, options);
  if (emit.target === "cpu" || emit.target === "cuda" || emit.target === "wasm") {
    const attributes = { transA: int(transA), transB: int(transB), alpha: { float: alpha } };
    return emit.node("FusedMatMul", [a, b], attributes, { ...microsoft, ...options });
  }
  const turn = (name: string, value: Tensor) => {
    const rank = value.shape.length;
    const perm = value.shape.map((_, i) => (i < rank - 2 ? i : i === rank - 2 ? rank - 1 : rank - 2));
    return emit.node("Transpose", [name], { perm: { ints: perm } }, options)[0]!;
  };
  const left = transA ? turn(a, node.inputs[0]!) : a;
  const right = transB ? turn(b, node.inputs[1]!) : b;
  const plain = emit.node("MatMul", [left, right], {}, options);
  if (alpha === 1) return plain;
  const factor = emit.constant(filledArray(node.outputs[0]!.dtype, [], alpha));
  return emit.node("Mul", [plain[0]!, factor], {}, options);
}

/**
 * x wᵀ where x may have no rows and w is stored in another type: w is cast only when there are some, as otherwise
 * every expert of a mixture would be read and written for the few that are used. Without rows none of w is taken, and
 * the product's width is put right.
 */
function rowsOfNone(emit: Emitter, node: OpNode<"MatMul">, stored: string, options: NodeOptions): Lowered {
  const one = (op: string, inputs: readonly string[], attributes: Record<string, AttributeValue> = {}) =>
    emit.node(op, inputs, attributes, options)[0]!;
  const { dtype, shape } = node.outputs[0]!;
  const x = emit.name(node.inputs[0]!);
  const rows = node.inputs[1]!.shape[0] as number;
  const end = one("Mul", [one("Min", [emit.size(shape[0]!), emit.ints([1])]), emit.ints([rows])]);
  const taken = one("Slice", [stored, emit.ints([0]), end, emit.ints([0])]);
  const weight = one("Cast", [taken], { to: int(dtypes[dtype].onnx) });
  const answer = product(emit, node, [x, weight], options)[0]!;
  return [one("Reshape", [answer, emit.shape(shape)], { allowzero: int(1) })];
}

const matmul: Lowering<"MatMul"> = (emit, node, options) => {
  const { transA, transB } = node.attributes;
  const [a, b] = names(emit, node) as [string, string];
  const { dtype, shape } = node.outputs[0]!;
  const stored = emit.stored(node.inputs[1]!);
  if (stored && transB && !transA && shape.length === 2 && emit.measured(shape[0]!)) {
    return rowsOfNone(emit, node, stored, options);
  }
  // The kernels do not broadcast one matrix against none, and FusedMatMul does not write sums of nothing.
  if (shape.includes(0) || node.inputs[0]!.shape.includes(0)) {
    const zero = emit.constant({ dtype, shape: [1], data: new dtypes[dtype].array(1) });
    return emit.node("Expand", [zero, emit.shape(shape)], {}, options);
  }
  return product(emit, node, [a, b], options);
};

const slice: Lowering<"Slice"> = (emit, node, options) => {
  const { axis, start, end, step } = node.attributes;
  const stop = Number.isFinite(end) ? end : Math.sign(end) * (2 ** 31 - 1);
  const bounds = [[start], [stop], [axis], [step]].map((values) => emit.ints(values));
  return emit.node("Slice", [...names(emit, node), ...bounds], {}, options);
};

const attention: Lowering<"Attention"> = (emit, node, options) => {
  const [q, k, v, bias] = names(emit, node);
  const inputs = bias ? [q!, k!, v!, "", "", bias] : [q!, k!, v!];
  const attributes = { num_heads: int(node.attributes.heads), scale: { float: node.attributes.scale } };
  return emit.node("MultiHeadAttention", inputs, attributes, { ...microsoft, ...options });
};

/** Grouped-query attention: the one kernel that updates its cache in place. */
const cachedAttention: Lowering<"CachedAttention"> = (emit, node, options) => {
  const { heads, kvHeads, scale } = node.attributes;
  const [q, k, v, pastK, pastV, , bias] = names(emit, node) as [string, string, string, string, string, string, string];
  const int32 = (name: string) => emit.node("Cast", [name], { to: int(dtypes.int32.onnx) })[0]!;
  const total = emit.size(node.inputs[5]!.shape[0]!);
  const last = emit.node("Sub", [total, emit.ints([1])])[0]!;
  const lengths = emit.node("Expand", [int32(last), emit.size(node.inputs[0]!.shape[0]!)])[0]!;
  const length = emit.node("Reshape", [int32(total), emit.ints([])])[0]!;
  const inputs = [q, k, v, pastK, pastV, lengths, length, "", "", "", bias];
  const attributes = { num_heads: int(heads), kv_num_heads: int(kvHeads), scale: { float: scale } };
  return emit.node("GroupQueryAttention", inputs, attributes, { ...microsoft, ...options, outputs: 3 });
};

/**
 * Rows in 8 bits by their own largest magnitude, so that a row's result does not depend on its neighbours, times
 * weights in 8 bits. Rows are unsigned around 128 (or 64), which is the fast kernel everywhere. A row of zeros divides
 * zero by zero; whatever whole number that is rounded to, it is multiplied by zero in the end.
 */
const matmulInt8: Lowering<"MatMulInt8"> = (emit, node, options) => {
  const [x, w, scale] = names(emit, node) as [string, string, string];
  const step = emit.constant({ dtype: "float32", shape: [], data: Float32Array.of(1 / emit.levels) });
  const zero = emit.constant({ dtype: "uint8", shape: [], data: Uint8Array.of(emit.levels + 1) });
  const one = (op: string, inputs: readonly string[], attributes = {}) =>
    emit.node(op, inputs, attributes, options)[0]!;
  const most = one("ReduceMax", [one("Abs", [x]), emit.ints([-1])], { keepdims: int(1) });
  const rounded = one("QuantizeLinear", [one("Div", [x, most]), step, zero]);
  const inputs = [rounded, w, step, scale, zero];
  const [product] = emit.node("MatMulIntegerToFloat", inputs, {}, { ...microsoft, ...options });
  return [one("Mul", [product!, most])];
};

export const lowerings: { readonly [K in OpName]: Lowering<K> } = {
  Neg: plain,
  Abs: plain,
  Sign: plain,
  Exp: plain,
  Log: plain,
  Sqrt: plain,
  Reciprocal: plain,
  Erf: plain,
  Tanh: plain,
  Sigmoid: plain,
  Sin: plain,
  Cos: plain,
  Asin: plain,
  Acos: plain,
  Atan: plain,
  Floor: plain,
  Ceil: plain,
  Round: plain,
  Relu: plain,
  Softplus: plain,
  Elu: withAlpha,
  LeakyRelu: withAlpha,
  Not: plain,
  Add: plain,
  Sub: plain,
  Mul: plain,
  Div: plain,
  Pow: plain,
  Min: plain,
  Max: plain,
  // The remainder takes the sign of the divisor for integers and of the dividend for floats, as ONNX defines it.
  Mod: (emit, node, options) =>
    emit.node("Mod", names(emit, node), { fmod: int(isFloat(node.inputs[0]!.dtype)) }, options),
  Equal: plain,
  Less: plain,
  LessOrEqual: plain,
  Greater: plain,
  GreaterOrEqual: plain,
  And: plain,
  Or: plain,
  BitwiseXor: plain,
  BitwiseAnd: plain,
  BitShift: (emit, node, options) =>
    emit.node("BitShift", names(emit, node), { direction: { string: node.attributes.direction } }, options),
  Where: plain,
  StopGradient: (emit, node) => names(emit, node),
  CustomGradient: (emit, node) => names(emit, node).slice(0, node.attributes.outputs),
  Cast: (emit, node, options) =>
    emit.node("Cast", names(emit, node), { to: int(dtypes[node.attributes.to].onnx) }, options),
  MatMul: matmul,
  Reshape: (emit, node, options) => {
    const shape = reshapeArgument(emit, node.inputs[0]!.shape, node.attributes.shape);
    const zero = node.attributes.shape.includes(0) ? { allowzero: int(1) } : {};
    return emit.node("Reshape", [...names(emit, node), shape], zero, options);
  },
  Transpose: (emit, node, options) =>
    emit.node("Transpose", names(emit, node), { perm: { ints: node.attributes.perm } }, options),
  Expand: (emit, node, options) =>
    emit.node("Expand", [...names(emit, node), emit.shape(node.attributes.shape)], {}, options),
  Concat: withAxis,
  Slice: slice,
  Pad: (emit, node, options) => {
    const { begin, end } = node.attributes;
    return emit.node("Pad", [...names(emit, node), emit.ints([...begin, ...end])], {}, options);
  },
  Split: (emit, node, options) => {
    const { axis, sizes } = node.attributes;
    return emit.node(
      "Split",
      [...names(emit, node), emit.shape(sizes)],
      { axis: int(axis) },
      { ...options, outputs: sizes.length },
    );
  },
  Gather: withAxis,
  GatherElements: withAxis,
  // ScatterND loses updates at repeated indices on two threads; ScatterElements was exact.
  ScatterAdd: (emit, node, options) =>
    emit.node(
      "ScatterElements",
      names(emit, node),
      { axis: int(node.attributes.axis), reduction: { string: "add" } },
      options,
    ),
  ReduceSum: reduce,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ArgMax: (emit, node, options) => {
    const { axis, keepdims } = node.attributes;
    return emit.node("ArgMax", names(emit, node), { axis: int(axis), keepdims: int(keepdims) }, options);
  },
  TopK: (emit, node, options) => {
    const { axis, k } = node.attributes;
    return emit.node("TopK", [...names(emit, node), emit.ints([k])], { axis: int(axis) }, { ...options, outputs: 2 });
  },
  NonZero: (emit, node, options) => {
    const made = plain(emit, node, options);
    const { count } = node.attributes;
    if (typeof count === "string") emit.measure(count, made[0]!, 1);
    return made;
  },
  CumSum: (emit, node, options) => {
    const { axis, reverse, exclusive } = node.attributes;
    const at = emit.scalar(axis);
    return emit.node(
      "CumSum",
      [...names(emit, node), at],
      { reverse: int(reverse), exclusive: int(exclusive) },
      options,
    );
  },
  Softmax: withAxis,
  LogSoftmax: withAxis,
  Iota: (emit, node, options) => {
    const { size, dtype } = node.attributes;
    const range = emit.node("Range", [emit.scalar(0), emit.scalar(size), emit.scalar(1)], {}, options);
    return dtype === "int64" ? range : emit.node("Cast", range, { to: int(dtypes[dtype].onnx) }, options);
  },
  SizeValue: (emit, node, options) => {
    const { size, dtype } = node.attributes;
    return emit.node("Cast", [emit.scalar(size)], { to: int(dtypes[dtype].onnx) }, options);
  },
  OneHot: composite((emit, node, options) => {
    const { depth, dtype } = node.attributes;
    // ONNX has no one-hot of a single index.
    if (node.inputs[0]!.shape.length === 0) return decomposed(node);
    const values = filledArray(dtype, [2], 1);
    values.data.set(zeros(dtype, [1]).data as never);
    const ends = emit.constant(values);
    return emit.node("OneHot", [...names(emit, node), emit.ints([depth]), ends], { axis: int(-1) }, options);
  }),
  Conv: (emit, node, options) => {
    const { strides, pads, dilations, group } = node.attributes;
    const attributes = {
      strides: { ints: strides },
      pads: { ints: pads },
      dilations: { ints: dilations },
      group: int(group),
    };
    return emit.node("Conv", names(emit, node), attributes, options);
  },
  ConvTranspose: (emit, node, options) => {
    const { strides, pads, dilations, group, outputPadding } = node.attributes;
    const window = {
      strides: { ints: strides },
      pads: { ints: pads },
      dilations: { ints: dilations },
      group: int(group),
    };
    return emit.node(
      "ConvTranspose",
      names(emit, node),
      { ...window, output_padding: { ints: outputPadding } },
      options,
    );
  },
  MaxPool: (emit, node, options) => {
    const { kernel, strides, pads } = node.attributes;
    const attributes = { kernel_shape: { ints: kernel }, strides: { ints: strides }, pads: { ints: pads } };
    return emit.node("MaxPool", names(emit, node), attributes, { ...options, outputs: 2 });
  },
  AveragePool: (emit, node, options) => {
    const { kernel, strides, pads } = node.attributes;
    const attributes = {
      kernel_shape: { ints: kernel },
      strides: { ints: strides },
      pads: { ints: pads },
      count_include_pad: int(1),
    };
    return emit.node("AveragePool", names(emit, node), attributes, options);
  },
  RmsNorm: composite((emit, node, options) => {
    const attributes = { axis: int(-1), epsilon: { float: node.attributes.epsilon }, stash_type: int(1) };
    return emit.node("SimplifiedLayerNormalization", names(emit, node), attributes, options);
  }),
  LayerNorm: composite((emit, node, options) => {
    const attributes = { axis: int(-1), epsilon: { float: node.attributes.epsilon } };
    return emit.node("LayerNormalization", names(emit, node), attributes, options);
  }),
  Gelu: composite((emit, node, options) =>
    emit.node("Gelu", names(emit, node), { approximate: { string: node.attributes.approximate } }, options),
  ),
  Attention: (emit, node, options) => {
    const [, k, v] = node.inputs;
    const { heads, kvHeads } = node.attributes;
    // The kernel takes keys and values by heads only when they are of one shape.
    const odd = k!.shape.length !== v!.shape.length || (k!.shape.length === 4 && !sameShape(k!.shape, v!.shape));
    // Grouped heads are as fast in products as in any kernel that takes them, and no kernel takes them everywhere.
    return odd || heads !== kvHeads ? decomposed(node) : composite(attention)(emit, node, options);
  },
  CachedAttention: (emit, node, options) => {
    // The kernel takes heads of a multiple of 8 only.
    const fits = (node.inputs[3]!.shape[3] as number) % 8 === 0;
    return fits ? composite(cachedAttention)(emit, node, options) : decomposed(node);
  },
  MatMulInt8: composite(matmulInt8),
  MatMulInt4: composite((emit, node, options) => {
    const { shape } = node.inputs[0]!;
    const [K, N] = [shape.at(-1) as number, node.inputs[1]!.shape[0] as number];
    // Level 4 computes in 8 bits; without it the kernel is some fifty times slower.
    const fixed = {
      K: int(K),
      N: int(N),
      bits: int(4),
      block_size: int(node.attributes.block),
      accuracy_level: int(4),
    };
    return emit.node("MatMulNBits", names(emit, node), fixed, { ...microsoft, ...options });
  }),
  SoftmaxCrossEntropy: composite(() => []),
};
