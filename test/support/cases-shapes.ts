/** Random applications of the operators that move, reduce and combine: the second half of cases.ts. */
import type { OpName } from "../../src/graph/tensor.ts";
import type { Case, Cases, Draw } from "./cases.ts";
import { count, type Plain, replace } from "./plain.ts";

type Moving = Exclude<OpName, Elementwise>;
type Elementwise =
  | "Neg"
  | "Abs"
  | "Sign"
  | "Exp"
  | "Log"
  | "Sqrt"
  | "Reciprocal"
  | "Erf"
  | "Tanh"
  | "Sigmoid"
  | "Sin"
  | "Cos"
  | "Asin"
  | "Acos"
  | "Atan"
  | "Floor"
  | "Ceil"
  | "Round"
  | "Relu"
  | "Softplus"
  | "Elu"
  | "LeakyRelu"
  | "Not"
  | "Add"
  | "Sub"
  | "Mul"
  | "Div"
  | "Pow"
  | "Min"
  | "Max"
  | "Mod"
  | "Equal"
  | "Less"
  | "LessOrEqual"
  | "Greater"
  | "GreaterOrEqual"
  | "And"
  | "Or"
  | "BitwiseXor"
  | "BitwiseAnd"
  | "BitShift"
  | "Where"
  | "StopGradient"
  | "CustomGradient"
  | "Cast";

const axisOf = (draw: Draw, shape: readonly number[]) => draw.int(0, shape.length - 1);

const alongAxis =
  <K extends "Softmax" | "LogSoftmax">(): Cases<K> =>
  (draw) => {
    const shape = draw.shape(1, 4);
    return { inputs: [draw.floats(shape)], attributes: { axis: axisOf(draw, shape) } } as unknown as Case<K>;
  };

/** Extremes and means of nothing do not exist; sums do. */
const reducing = (empty: boolean) => (draw: Draw) => {
  const shape = draw.shape(1, 4, empty);
  const axes = draw.subset(shape.map((_, i) => i));
  return {
    inputs: [draw.floats(shape)],
    attributes: { axes: axes.length ? axes : [axisOf(draw, shape)], keepdims: draw.bool() },
  };
};

const matmul: Cases<"MatMul"> = (draw) => {
  const [m, k, n] = [draw.size(), draw.size(), draw.size()];
  const lead = Array.from({ length: draw.int(0, 2) }, () => draw.size(3));
  const narrow = draw.pick([lead, [], lead.map((dim) => (draw.bool() ? dim : 1))]);
  const [leadA, leadB] = draw.bool() ? [lead, narrow] : [narrow, lead];
  const [transA, transB] = [draw.bool(), draw.bool()];
  return {
    inputs: [
      draw.floats([...leadA, ...(transA ? [k, m] : [m, k])]),
      draw.floats([...leadB, ...(transB ? [n, k] : [k, n])]),
    ],
    attributes: { transA, transB, alpha: draw.pick([1, 1, 0.5, -2]) },
  };
};

const reshape: Cases<"Reshape"> = (draw) => {
  const shape = draw.shape(0, 4);
  const flat = draw.bool() ? [count(shape)] : [shape.slice(0, 2), shape.slice(2)].map(count);
  return {
    inputs: [draw.floats(shape)],
    attributes: { shape: draw.pick([flat, [...shape, 1], [1, ...shape], [...shape].reverse()]) },
  };
};

const concat: Cases<"Concat"> = (draw) => {
  const shape = draw.shape(1, 3);
  const axis = axisOf(draw, shape);
  const parts = Array.from({ length: draw.int(2, 4) }, () => draw.floats(replace(shape, axis, draw.size(3))));
  return { inputs: parts, attributes: { axis } };
};

const slice: Cases<"Slice"> = (draw) => {
  const shape = draw.shape(1, 3);
  const axis = axisOf(draw, shape);
  const step = draw.pick([1, 1, 1, 2, 3, -1, -2]);
  const dim = shape[axis]!;
  if (step < 0) {
    const attributes = draw.pick([
      { axis, start: -1, end: -Infinity, step: -1 },
      { axis, start: draw.int(-dim, dim), end: draw.pick([-Infinity, draw.int(-dim, dim)]), step },
    ]);
    return { inputs: [draw.floats(shape)], attributes };
  }
  const start = draw.pick([0, draw.int(0, dim), -draw.int(1, dim + 1), dim + 2]);
  const end = draw.pick([Infinity, draw.int(0, dim + 1), -draw.int(1, dim + 1), dim]);
  return { inputs: [draw.floats(shape)], attributes: { axis, start, end, step } };
};

const pad: Cases<"Pad"> = (draw) => {
  const shape = draw.shape(1, 3);
  const amounts = () => shape.map(() => draw.int(0, 2));
  return { inputs: [draw.floats(shape)], attributes: { begin: amounts(), end: amounts() } };
};

const split: Cases<"Split"> = (draw) => {
  const sizes = Array.from({ length: draw.int(2, 3) }, () => draw.size(3));
  const shape = draw.shape(1, 3);
  const axis = axisOf(draw, shape);
  const total = sizes.reduce((a, b) => a + b, 0);
  return { inputs: [draw.floats(replace(shape, axis, total))], attributes: { axis, sizes } };
};

const gather: Cases<"Gather"> = (draw) => {
  const shape = draw.shape(1, 3, false);
  const axis = axisOf(draw, shape);
  const dim = shape[axis]!;
  const dtype = draw.pick(["int64", "int32"] as const);
  return {
    inputs: [draw.floats(shape), draw.integers(dtype, draw.shape(0, 2), draw.bool() ? 0 : -dim, dim - 1)],
    attributes: { axis },
  };
};

const gatherElements: Cases<"GatherElements"> = (draw) => {
  const shape = draw.shape(1, 3, false);
  const axis = axisOf(draw, shape);
  const indices = shape.map((dim, i) => (i === axis ? draw.size(5) : draw.int(1, dim)));
  return {
    inputs: [draw.floats(shape), draw.integers("int64", indices, draw.bool() ? 0 : -shape[axis]!, shape[axis]! - 1)],
    attributes: { axis },
  };
};

const scatterAdd: Cases<"ScatterAdd"> = (draw) => {
  const { inputs, attributes } = gatherElements(draw);
  return { inputs: [...inputs, draw.floats(inputs[1]!.shape)], attributes };
};

interface Geometry {
  strides: number[];
  pads: number[];
  dilations: number[];
  kernel: number[];
  group: number;
  rank: number;
}

function geometry(draw: Draw): Geometry {
  const rank = draw.int(1, 2);
  const each = (f: () => number, n = rank) => Array.from({ length: n }, f);
  return {
    rank,
    kernel: each(() => draw.int(1, 3)),
    strides: each(() => draw.int(1, 2)),
    pads: each(() => draw.int(0, 1), 2 * rank),
    dilations: each(() => draw.int(1, 2)),
    group: draw.int(1, 2),
  };
}

const conv: Cases<"Conv"> = (draw) => {
  const { rank, kernel, group, ...window } = geometry(draw);
  const [perGroup, out] = [draw.int(1, 2), draw.int(1, 2) * group];
  const size = Array.from({ length: rank }, (_, i) => window.dilations[i]! * (kernel[i]! - 1) + draw.int(1, 3));
  const inputs = [
    draw.floats([draw.int(1, 2), perGroup * group, ...size]),
    draw.floats([out, perGroup, ...kernel]),
    ...(draw.bool() ? [draw.floats([out])] : []),
  ];
  return { inputs, attributes: { ...window, group } };
};

const convTranspose: Cases<"ConvTranspose"> = (draw) => {
  const { rank, kernel, group, ...window } = geometry(draw);
  const [perGroup, out] = [draw.int(1, 2), draw.int(1, 2)];
  // The padding may not eat the whole result, and the engine wants the output's own smaller than the stride.
  const size = Array.from({ length: rank }, () => draw.int(3, 4));
  const outputPadding = window.strides.map((stride) => draw.int(0, stride - 1));
  const inputs = [
    draw.floats([draw.int(1, 2), perGroup * group, ...size]),
    draw.floats([perGroup * group, out, ...kernel]),
    ...(draw.bool() ? [draw.floats([out * group])] : []),
  ];
  return { inputs, attributes: { ...window, group, outputPadding } };
};

const pool: Cases<"MaxPool" | "AveragePool"> = (draw) => {
  const { rank, kernel, strides, pads } = geometry(draw);
  const size = kernel.map((k) => k + draw.int(0, 3));
  // A window must reach at least one element: the padding stays smaller than the kernel.
  const fitting = pads.map((p, i) => Math.min(p, kernel[i % rank]! - 1));
  const inputs = [draw.floats([draw.int(1, 2), draw.int(1, 2), ...size])];
  return { inputs, attributes: { kernel, strides, pads: fitting } };
};

/** Heads of queries and of keys. */
const headsOf = (draw: Draw) =>
  draw.pick([
    [1, 1],
    [2, 2],
    [2, 1],
    [4, 2],
    [6, 2],
  ] as const);

const attention: Cases<"Attention"> = (draw) => {
  const [heads, kvHeads] = headsOf(draw);
  const [batch, queries, keys, dk, dv] = [
    draw.int(1, 2),
    draw.int(1, 3),
    draw.int(1, 3),
    draw.int(1, 3),
    draw.int(1, 3),
  ];
  const headed = draw.bool();
  const kv = (each: number) => draw.floats(headed ? [batch, kvHeads, keys, each] : [batch, keys, kvHeads * each]);
  const bias = [draw.pick([1, batch]), draw.pick([1, heads]), queries, keys];
  return {
    inputs: [draw.floats([batch, queries, heads * dk]), kv(dk), kv(dv), ...(draw.bool() ? [draw.floats(bias)] : [])],
    attributes: { heads, kvHeads, scale: draw.pick([1, 0.4]) },
  };
};

const cachedAttention: Cases<"CachedAttention"> = (draw) => {
  const [heads, kvHeads] = headsOf(draw);
  const [rows, each, capacity] = [draw.pick([1, 3]), draw.pick([2, 8]), draw.int(2, 4)];
  const total = draw.int(1, capacity);
  const row = (n: number) => draw.floats([rows, 1, n * each]);
  const past = () => draw.floats([rows, kvHeads, capacity, each]);
  const bias = [draw.pick([1, rows]), draw.pick([1, heads]), 1, total];
  const positions = { dtype: "int64", shape: [total], data: Array.from({ length: total }, (_, i) => i) } as const;
  return {
    inputs: [row(heads), row(kvHeads), row(kvHeads), past(), past(), positions, draw.floats(bias)],
    attributes: { heads, kvHeads, scale: draw.pick([1, 0.4]) },
  };
};

const norm = (extra: number) => (draw: Draw) => {
  const shape = [...draw.shape(1, 3), draw.int(2, 5)];
  const vectors = Array.from({ length: extra }, () => draw.floats([shape.at(-1)!]));
  return { inputs: [draw.floats(shape), ...vectors], attributes: { epsilon: draw.pick([1e-6, 1e-2]) } };
};

const crossEntropy: Cases<"SoftmaxCrossEntropy"> = (draw) => {
  const shape = draw.shape(0, 2);
  const classes = draw.int(1, 5);
  const labels = draw.integers("int64", shape, 0, classes - 1);
  const ignore = draw.pick([-100, 0]);
  const data = labels.data.map((label) => (draw.int(0, 3) === 0 ? ignore : label));
  return { inputs: [draw.floats([...shape, classes]), { ...labels, data }], attributes: { ignore } };
};

/** Whole numbers of which every `group` in a row has the `most` there can be: rounding to 8 bits leaves them as they are. */
function wholeRows(draw: Draw, shape: readonly number[], group: number, most: number): Plain {
  const { data } = draw.integers("int32", shape, 1 - most, most - 1);
  return { dtype: "float32", shape, data: data.map((v, i) => (i % group === 0 ? most : v)) };
}

export const shapeCases: { readonly [K in Moving]: Cases<K> } = {
  MatMul: matmul,
  Reshape: reshape,
  Transpose: (draw) => {
    const shape = draw.shape(1, 4);
    return { inputs: [draw.floats(shape)], attributes: { perm: draw.shuffled(shape.map((_, i) => i)) } };
  },
  Expand: (draw) => {
    const shape = draw.shape(0, 4);
    const from = shape.slice(draw.int(0, shape.length)).map((dim) => (draw.bool() ? dim : 1));
    return { inputs: [draw.floats(from)], attributes: { shape } };
  },
  Concat: concat,
  Slice: slice,
  Pad: pad,
  Split: split,
  Gather: gather,
  GatherElements: gatherElements,
  ScatterAdd: scatterAdd,
  ReduceSum: reducing(true),
  ReduceMean: reducing(false),
  ReduceMax: reducing(false),
  ReduceMin: reducing(false),
  ArgMax: (draw) => {
    const shape = draw.shape(1, 3, false);
    return { inputs: [draw.floats(shape)], attributes: { axis: axisOf(draw, shape), keepdims: draw.bool() } };
  },
  TopK: (draw) => {
    const shape = draw.shape(1, 3, false);
    const axis = axisOf(draw, shape);
    return { inputs: [draw.floats(shape)], attributes: { axis, k: draw.int(1, shape[axis]!) } };
  },
  NonZero: (draw) => {
    const shape = draw.shape(1, 3);
    const x = draw.bool() ? draw.integers("bool", shape, 0, 1) : draw.integers("int64", shape, -1, 1);
    return { inputs: [x], attributes: { count: x.data.filter((v) => v !== 0).length } };
  },
  CumSum: (draw) => {
    const shape = draw.shape(1, 3);
    const attributes = { axis: axisOf(draw, shape), reverse: draw.bool(), exclusive: draw.bool() };
    return { inputs: [draw.floats(shape)], attributes };
  },
  Softmax: alongAxis(),
  LogSoftmax: alongAxis(),
  Iota: (draw) => ({
    inputs: [],
    attributes: { size: draw.int(0, 9), dtype: draw.pick(["int64", "int32", "uint32", "float32"] as const) },
  }),
  SizeValue: (draw) => ({
    inputs: [],
    attributes: { size: draw.int(0, 9), dtype: draw.pick(["int64", "float32"] as const) },
  }),
  OneHot: (draw) => {
    const depth = draw.int(1, 5);
    const indices = draw.integers("int64", draw.shape(0, 3), 0, depth - 1);
    return { inputs: [indices], attributes: { depth, dtype: draw.pick(["float32", "int64"] as const) } };
  },
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool as Cases<"MaxPool">,
  AveragePool: pool as Cases<"AveragePool">,
  RmsNorm: norm(1),
  LayerNorm: norm(2),
  Gelu: (draw) => ({
    inputs: [draw.floats(draw.shape(0, 3))],
    attributes: { approximate: draw.pick(["none", "tanh"] as const) },
  }),
  Attention: attention,
  CachedAttention: cachedAttention,
  MatMulInt8: (draw) => {
    const [inner, out] = [draw.int(1, 9), draw.int(1, 5)];
    const inputs = [
      wholeRows(draw, [...draw.shape(1, 2, false), inner], inner, 63),
      draw.integers("int8", [inner, out], -127, 127),
      draw.floats([out], (v) => v / 100),
    ];
    return { inputs, attributes: {} };
  },
  MatMulInt4: (draw) => {
    const [blocks, out, block] = [draw.int(1, 2), draw.int(1, 5), 32];
    const inputs = [
      wholeRows(draw, [...draw.shape(1, 2, false), blocks * block], block, 127),
      draw.integers("uint8", [out, blocks, block / 2], 0, 255),
      draw.floats([out, blocks], (v) => v / 100),
    ];
    return { inputs, attributes: { block } };
  },
  SoftmaxCrossEntropy: crossEntropy,
};
