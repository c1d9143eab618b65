/** How each ONNX operator is read: a table from domain and name to operators of ours; composites read back as such. */
import { fail } from "../errors.ts";
import { type Dim, divideDims, elements, type Shape, showShape } from "./dims.ts";
import { type DType, dtypeOfOnnx, isFloat } from "./dtype.ts";
import * as o from "./operators.ts";
import type { Attributes, OpName, Tensor } from "./tensor.ts";

/** One node while it is read. Every attribute must be asked for: one that is not understood is refused. */
export interface NodeReader {
  readonly op: string;
  /** How many inputs are listed; some may be left out (empty names). */
  readonly count: number;
  readonly outputs: number;
  tensor(at: number): Tensor;
  optional(at: number): Tensor | undefined;
  /** Sizes, symbols too, that are known without running the graph. */
  dims(at: number): Shape;
  numbers(at: number): number[];
  int(name: string, otherwise: number): number;
  float(name: string, otherwise: number): number;
  ints(name: string): number[] | undefined;
  string(name: string, otherwise: string): string;
  /** Refuse any value of an attribute but this one. */
  fixed(name: string, value: number | string): void;
}

export type Reader = (node: NodeReader) => readonly Tensor[];

const axisOf = (node: NodeReader, rank: number, otherwise: number) => {
  const axis = node.int("axis", otherwise);
  return axis < 0 ? axis + rank : axis;
};

type Plain = { [K in OpName]: Attributes[K] extends Record<string, never> ? K : never }[OpName];

const plain =
  (op: Plain, inputs: number): Reader =>
  (node) => {
    if (node.count !== inputs) fail("unsupported", `${op} with ${node.count} inputs`);
    return o.apply(
      op,
      Array.from({ length: inputs }, (_, i) => node.tensor(i)),
      {},
    );
  };

const unaries =
  "Neg Abs Sign Exp Log Sqrt Reciprocal Erf Tanh Sigmoid Sin Cos Asin Acos Atan Floor Ceil Round Relu Softplus Not";
const binaries =
  "Add Sub Mul Div Pow Min Max Equal Less LessOrEqual Greater GreaterOrEqual And Or BitwiseXor BitwiseAnd";
const table = (list: string, inputs: number) =>
  Object.fromEntries(list.split(" ").map((op) => [op, plain(op as Plain, inputs)]));

const along =
  (op: "Softmax" | "LogSoftmax"): Reader =>
  (node) => [o.apply(op, [node.tensor(0)], { axis: axisOf(node, node.tensor(0).shape.length, -1) })[0]!];

const reduce =
  (op: "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin"): Reader =>
  (node) => {
    node.fixed("noop_with_empty_axes", 0);
    const x = node.tensor(0);
    const given = node.ints("axes") ?? (node.optional(1) ? node.numbers(1) : []);
    const axes =
      given.length > 0 ? given.map((axis) => (axis < 0 ? axis + x.shape.length : axis)) : x.shape.map((_, i) => i);
    const keepdims = node.int("keepdims", 1) !== 0;
    return axes.length === 0 ? [x] : o.apply(op, [x], { axes, keepdims });
  };

const matmul =
  (fused: boolean): Reader =>
  (node) => {
    node.fixed("transBatchA", 0);
    node.fixed("transBatchB", 0);
    const transA = fused && node.int("transA", 0) !== 0;
    const transB = fused && node.int("transB", 0) !== 0;
    const alpha = fused ? node.float("alpha", 1) : 1;
    return [o.matmul(node.tensor(0), node.tensor(1), { transA, transB, alpha })];
  };

/** Zero copies a size, −1 is worked out, unless zeros are allowed. */
function reshape(node: NodeReader): Tensor[] {
  const x = node.tensor(0);
  const allowZero = node.int("allowzero", 0) !== 0;
  const shape = node.dims(1).map((dim, i): Dim => (dim === 0 && !allowZero ? (x.shape[i] ?? 0) : dim));
  const open = shape.indexOf(-1);
  if (open >= 0) {
    const rest = elements(shape.filter((_, i) => i !== open));
    const solved = rest === 0 ? 0 : divideDims(elements(x.shape), rest);
    if (solved === undefined) fail("unsupported", `Reshape of ${showShape(x.shape)} to ${showShape(shape)}`);
    shape[open] = solved;
  }
  return [o.reshape(x, shape)];
}

function slice(node: NodeReader): Tensor[] {
  const [starts, ends] = [node.numbers(1), node.numbers(2)];
  const axes = node.optional(3) ? node.numbers(3) : starts.map((_, i) => i);
  const steps = node.optional(4) ? node.numbers(4) : starts.map(() => 1);
  return [
    starts.reduce((x, start, i) => {
      const end = ends[i]!;
      return o.slice(x, axes[i]!, start, Math.abs(end) >= 2 ** 31 - 1 ? end * Infinity : end, steps[i]!);
    }, node.tensor(0)),
  ];
}

function pad(node: NodeReader): Tensor[] {
  node.fixed("mode", "constant");
  const value = node.optional(2);
  const zero = !value || (value.node.kind === "constant" && Number(value.node.value.data[0]) === 0);
  if (!zero || node.optional(3)) fail("unsupported", "a Pad with a value other than 0, or over chosen axes");
  const pads = node.numbers(1);
  return [o.pad(node.tensor(0), pads.slice(0, pads.length / 2), pads.slice(pads.length / 2))];
}

function split(node: NodeReader): readonly Tensor[] {
  const x = node.tensor(0);
  const axis = axisOf(node, x.shape.length, 0);
  if (node.optional(1)) return o.apply("Split", [x], { axis, sizes: node.dims(1) });
  const parts = node.int("num_outputs", node.outputs);
  const size = x.shape[axis];
  if (typeof size !== "number" || size % parts !== 0) fail("unsupported", `a Split of ${size} into ${parts}`);
  return o.apply("Split", [x], { axis, sizes: Array(parts).fill(size / parts) });
}

function oneHot(node: NodeReader): Tensor[] {
  const indices = node.tensor(0);
  const [depth] = node.numbers(1);
  const values = node.tensor(2);
  const data = values.node.kind === "constant" ? Array.from(values.node.value.data as ArrayLike<number>, Number) : [];
  const last = [-1, indices.shape.length].includes(node.int("axis", -1));
  if (!last || data.length !== 2 || data[0] !== 0 || data[1] !== 1) {
    fail("unsupported", "a OneHot with values other than 0 and 1 or off the last axis");
  }
  return [o.oneHot(indices, depth!, values.dtype)];
}

function windowOf(node: NodeReader, rank: number) {
  node.fixed("auto_pad", "NOTSET");
  const ones = Array<number>(rank).fill(1);
  const pads = node.ints("pads") ?? Array<number>(2 * rank).fill(0);
  return { strides: node.ints("strides") ?? ones, pads, dilations: node.ints("dilations") ?? ones };
}

const convolution =
  (op: "Conv" | "ConvTranspose"): Reader =>
  (node) => {
    const [x, w, bias] = [node.tensor(0), node.tensor(1), node.optional(2)];
    const window = { ...windowOf(node, x.shape.length - 2), group: node.int("group", 1) };
    const kernel = node.ints("kernel_shape");
    if (kernel && kernel.join() !== w.shape.slice(2).join())
      fail("corrupt_file", `${op}: its kernel is of another shape`);
    const inputs = bias ? [x, w, bias] : [x, w];
    if (op === "Conv") return o.apply(op, inputs, window);
    if (node.ints("output_shape")) fail("unsupported", "a ConvTranspose with output_shape");
    const outputPadding = node.ints("output_padding") ?? window.strides.map(() => 0);
    return o.apply(op, inputs, { ...window, outputPadding });
  };

const pool =
  (op: "MaxPool" | "AveragePool"): Reader =>
  (node) => {
    const x = node.tensor(0);
    node.fixed("ceil_mode", 0);
    node.fixed("storage_order", 0);
    const { strides, pads, dilations } = windowOf(node, x.shape.length - 2);
    const counted = node.int("count_include_pad", 0) !== 0 || op === "MaxPool" || pads.every((p) => p === 0);
    if (!counted || dilations.some((d) => d !== 1)) fail("unsupported", `${op} with dilations or a varying divisor`);
    const kernel = node.ints("kernel_shape") ?? fail("corrupt_file", `${op} without kernel_shape`);
    return o.apply(op, [x], { kernel, strides, pads });
  };

function lastAxisOnly(node: NodeReader): Tensor {
  const x = node.tensor(0);
  if (axisOf(node, x.shape.length, -1) !== x.shape.length - 1) fail("unsupported", `${node.op} off the last axis`);
  node.fixed("stash_type", 1);
  return x;
}

function attention(node: NodeReader): Tensor[] {
  const [q, bias] = [node.tensor(0), node.optional(5)];
  if ([3, 4, 6, 7].some((at) => node.optional(at))) fail("unsupported", "MultiHeadAttention with a mask, bias or past");
  for (const name of ["unidirectional", "mask_filter_value"]) node.fixed(name, 0);
  const heads = node.int("num_heads", 1);
  const width = q.shape[2];
  const usual = typeof width === "number" ? 1 / Math.sqrt(width / heads) : 1;
  return [o.attention(q, node.tensor(1), node.tensor(2), bias, heads, node.float("scale", 0) || usual)];
}

/** As written by our own lowering: the cache as long as the length says. */
function cachedAttention(node: NodeReader): readonly Tensor[] {
  const heads = node.int("num_heads", 1);
  const kvHeads = node.int("kv_num_heads", heads);
  if ([7, 8, 9, 11].some((at) => node.optional(at)) || !node.optional(10)) {
    fail("unsupported", "GroupQueryAttention with rotary embedding, positions or sinks, or without a bias");
  }
  const scale = node.float("scale", 0);
  if (scale === 0) fail("unsupported", "GroupQueryAttention without a scale");
  const [total] = node.dims(6);
  const past = { k: node.tensor(3), v: node.tensor(4) };
  const row = [node.tensor(0), node.tensor(1), node.tensor(2)] as const;
  return o.cachedAttention(row, past, o.iota(total!), node.tensor(10), { heads, kvHeads, scale });
}

/** round(x / scale) + zero within the range of the type, for one scale. */
const quantizeLinear: Reader = (node) => {
  const [scale, zero] = [node.tensor(1), node.tensor(2)];
  if (scale.shape.length > 0) fail("unsupported", "QuantizeLinear with a scale of its own for each row or column");
  if (zero.dtype !== "uint8") fail("unsupported", `QuantizeLinear to ${zero.dtype}`);
  const moved = o.add(o.round(o.div(node.tensor(0), scale)), o.cast(zero, "float32"));
  return [o.cast(o.minimum(o.maximum(moved, 0), 255), "uint8")];
};

const integerProduct: Reader = (node) => {
  const [a, b, scaleA, scaleB, zero] = [0, 1, 2, 3, 4].map((at) => node.tensor(at)) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  if (node.count > 5) fail("unsupported", `MatMulIntegerToFloat with ${node.count} inputs`);
  const [left, moved] = [a, zero].map((x) => o.cast(x, "float32")) as [Tensor, Tensor];
  return [o.mul(o.mul(o.matmul(o.sub(left, moved), o.cast(b, "float32")), scaleA), scaleB)];
};

const fourBits: Reader = (node) => {
  node.fixed("bits", 4);
  node.int("accuracy_level", 0);
  const [x, w, scale] = [0, 1, 2].map((at) => node.tensor(at)) as [Tensor, Tensor, Tensor];
  const block = node.int("block_size", 32);
  const [out, inner] = [node.int("N", 0), node.int("K", 0)];
  const blocks = inner / block;
  if (node.count > 3 || !Number.isInteger(blocks)) fail("unsupported", `MatMulNBits of ${inner} in blocks of ${block}`);
  const [values, scales] = [o.reshape(w, [out, blocks, block / 2]), o.reshape(scale, [out, blocks])];
  return [o.matmulInt4(x, values, scales, block)];
};

const standard: Readonly<Record<string, Reader>> = {
  ...table(unaries, 1),
  ...table(binaries, 2),
  Where: plain("Where", 3),
  Elu: (node) => [o.elu(node.tensor(0), node.float("alpha", 1))],
  LeakyRelu: (node) => [o.leakyRelu(node.tensor(0), node.float("alpha", 0.01))],
  Identity: (node) => [node.tensor(0)],
  Mod: (node) => {
    const [a, b] = [node.tensor(0), node.tensor(1)];
    node.fixed("fmod", Number(isFloat(a.dtype)));
    return [o.mod(a, b)];
  },
  BitShift: (node) => {
    const direction = node.string("direction", "");
    if (direction !== "LEFT" && direction !== "RIGHT") fail("corrupt_file", `BitShift to the "${direction}"`);
    return o.apply("BitShift", [node.tensor(0), node.tensor(1)], { direction });
  },
  Cast: (node) => {
    node.fixed("saturate", 1);
    return [o.cast(node.tensor(0), castTarget(node))];
  },
  MatMul: matmul(false),
  Reshape: reshape,
  Transpose: (node) => {
    const x = node.tensor(0);
    return [o.transpose(x, node.ints("perm") ?? x.shape.map((_, i) => x.shape.length - 1 - i))];
  },
  Expand: (node) => [o.apply("Expand", [node.tensor(0)], { shape: node.dims(1) })[0]!],
  Concat: (node) => [
    o.concat(
      Array.from({ length: node.count }, (_, i) => node.tensor(i)),
      node.int("axis", 0),
    ),
  ],
  Slice: slice,
  Pad: pad,
  Split: split,
  Gather: (node) => [o.gather(node.tensor(0), node.tensor(1), node.int("axis", 0))],
  GatherElements: (node) => [o.gatherElements(node.tensor(0), node.tensor(1), node.int("axis", 0))],
  ScatterElements: (node) => {
    node.fixed("reduction", "add");
    return [o.scatterAdd(node.tensor(0), node.tensor(1), node.tensor(2), node.int("axis", 0))];
  },
  ReduceSum: reduce("ReduceSum"),
  ReduceMean: reduce("ReduceMean"),
  ReduceMax: reduce("ReduceMax"),
  ReduceMin: reduce("ReduceMin"),
  ArgMax: (node) => {
    node.fixed("select_last_index", 0);
    return [o.argmax(node.tensor(0), node.int("axis", 0), node.int("keepdims", 1) !== 0)];
  },
  TopK: (node) => {
    node.fixed("largest", 1);
    node.fixed("sorted", 1);
    return o.topK(node.tensor(0), node.numbers(1)[0]!, node.int("axis", -1));
  },
  NonZero: (node) => {
    const x = node.tensor(0);
    return [o.nonZero(x, `nonzero_${x.node.id}_${x.index}`)];
  },
  CumSum: (node) => {
    const options = { reverse: node.int("reverse", 0) !== 0, exclusive: node.int("exclusive", 0) !== 0 };
    return [o.cumsum(node.tensor(0), node.numbers(1)[0]!, options)];
  },
  QuantizeLinear: quantizeLinear,
  Softmax: along("Softmax"),
  LogSoftmax: along("LogSoftmax"),
  Range: (node) => {
    const [start] = node.dims(0);
    const [step] = node.dims(2);
    const [limit] = node.dims(1);
    if (start !== 0 || step !== 1) fail("unsupported", `a Range from ${start} by ${step}`);
    return [o.iota(limit!)];
  },
  OneHot: oneHot,
  Conv: convolution("Conv"),
  ConvTranspose: convolution("ConvTranspose"),
  MaxPool: pool("MaxPool"),
  AveragePool: pool("AveragePool"),
  SimplifiedLayerNormalization: (node) => [o.rmsNorm(lastAxisOnly(node), node.tensor(1), node.float("epsilon", 1e-5))],
  LayerNormalization: (node) => {
    const [x, w] = [lastAxisOnly(node), node.tensor(1)];
    return [o.layerNorm(x, w, node.optional(2) ?? o.filled(w.dtype, 0, w.shape), node.float("epsilon", 1e-5))];
  },
  Gelu: (node) => {
    const approximate = node.string("approximate", "none");
    if (approximate !== "none" && approximate !== "tanh") fail("corrupt_file", `Gelu approximated by "${approximate}"`);
    return [o.gelu(node.tensor(0), approximate)];
  },
};

const microsoft: Readonly<Record<string, Reader>> = {
  MatMulIntegerToFloat: integerProduct,
  MatMulNBits: fourBits,
  FusedMatMul: matmul(true),
  MultiHeadAttention: attention,
  GroupQueryAttention: cachedAttention,
};

/** The type a Cast casts to. */
export function castTarget(node: Pick<NodeReader, "int">): DType {
  const code = node.int("to", 0);
  return dtypeOfOnnx(code) ?? fail("unsupported", `a Cast to the ONNX data type ${code}`);
}

/** Readers by "domain:name"; a map, since the names come from files. */
export const readers: ReadonlyMap<string, Reader> = new Map([
  ...Object.entries(standard).map(([op, read]) => [`:${op}`, read] as const),
  ...Object.entries(microsoft).map(([op, read]) => [`com.microsoft:${op}`, read] as const),
]);
