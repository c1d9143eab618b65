/** Every operator in plain numbers: a total table, so an operator without a reference does not compile. */
import type { Attributes, OpName } from "../../src/graph/tensor.ts";
import { at, atBroadcast, broadcastSizes, build, count, offset, type Plain, place, replace } from "./plain.ts";
import { attention, averagePool, cachedAttention, conv, convTranspose, maxPool } from "./reference-windows.ts";

export type Reference<K extends OpName> = (inputs: readonly Plain[], attributes: Attributes[K]) => Plain[];

/** erf by its all-positive series 2/√π e^(−x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!, good to double precision for |x| < 6. */
export function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** Halves go to the even neighbour. */
const roundEven = (x: number) => {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
};

const unary =
  (f: (x: number) => number) =>
  ([x]: readonly Plain[]): Plain[] => [{ ...x!, data: x!.data.map(f) }];

const binary =
  (f: (a: number, b: number, integers: boolean) => number, dtype?: "bool") =>
  ([a, b]: readonly Plain[]): Plain[] => {
    const integers = !a!.dtype.startsWith("float");
    return [
      build(dtype ?? a!.dtype, broadcastSizes(a!.shape, b!.shape), (p) =>
        f(atBroadcast(a!, p), atBroadcast(b!, p), integers),
      ),
    ];
  };

const compare = (f: (a: number, b: number) => boolean) => binary((a, b) => Number(f(a, b)), "bool");

/** All elements that fall together when these axes are reduced. */
function reduced(
  x: Plain,
  axes: readonly number[],
  keepdims: boolean,
  f: (values: number[]) => number,
  dtype = x.dtype,
): Plain[] {
  const kept = x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  const groups: number[][] = Array.from({ length: count(kept) }, () => []);
  x.data.forEach((value, n) => {
    const to = place(x.shape, n).map((p, i) => (axes.includes(i) ? 0 : p));
    groups[offset(kept, to)]!.push(value);
  });
  const shape = keepdims ? kept : x.shape.filter((_, i) => !axes.includes(i));
  return [{ dtype, shape, data: groups.map(f) }];
}

const reduction =
  (f: (values: number[]) => number) =>
  ([x]: readonly Plain[], { axes, keepdims }: Attributes["ReduceSum"]) =>
    reduced(x!, axes, keepdims, f);

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** Apply a function to every line along an axis; lines may change their length. */
export function lines(x: Plain, axis: number, f: (line: number[]) => number[], dtype = x.dtype, size?: number): Plain {
  const shape = replace(x.shape, axis, size ?? x.shape[axis]!);
  const results = new Map<number, number[]>();
  return build(dtype, shape, (p) => {
    const key = offset(replace(shape, axis, 1), replace(p, axis, 0));
    let line = results.get(key);
    if (!line) {
      line = f(Array.from({ length: x.shape[axis]! }, (_, i) => at(x, replace(p, axis, i))));
      results.set(key, line);
    }
    return line[p[axis]!]!;
  });
}

const logSoftmaxLine = (line: number[]) => {
  const top = Math.max(...line);
  const total = Math.log(sum(line.map((v) => Math.exp(v - top)))) + top;
  return line.map((v) => v - total);
};

const cumulative = (line: number[], { reverse, exclusive }: Attributes["CumSum"]) =>
  line.map((_, i) => sum(reverse ? line.slice(exclusive ? i + 1 : i) : line.slice(0, exclusive ? i : i + 1)));

const descending = (line: number[]) => line.map((value, i) => [value, i] as const).sort((a, b) => b[0] - a[0]);

function matmul([a, b]: readonly Plain[], { transA, transB, alpha }: Attributes["MatMul"]): Plain[] {
  const [rows, inner] = transA ? [a!.shape.at(-1)!, a!.shape.at(-2)!] : [a!.shape.at(-2)!, a!.shape.at(-1)!];
  const columns = transB ? b!.shape.at(-2)! : b!.shape.at(-1)!;
  const lead = broadcastSizes(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
  const matrix = (x: Plain, p: readonly number[], i: number, j: number) => {
    const own = x.shape.slice(0, -2);
    const skip = lead.length - own.length;
    return at(x, [...own.map((dim, k) => (dim === 1 ? 0 : p[k + skip]!)), i, j]);
  };
  return [
    build(a!.dtype, [...lead, rows, columns], (p) => {
      const [i, j] = [p.at(-2)!, p.at(-1)!];
      let total = 0;
      for (let k = 0; k < inner; k++) {
        total += matrix(a!, p, transA ? k : i, transA ? i : k) * matrix(b!, p, transB ? j : k, transB ? k : j);
      }
      return alpha * total;
    }),
  ];
}

function slice([x]: readonly Plain[], { axis, start, end, step }: Attributes["Slice"]): Plain[] {
  const dim = x!.shape[axis]!;
  const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
  const clip = (v: number) => Math.max(low, Math.min(high, v < 0 ? v + dim : v));
  const picked: number[] = [];
  for (let i = clip(start); step > 0 ? i < clip(end) : i > clip(end); i += step) picked.push(i);
  return [build(x!.dtype, replace(x!.shape, axis, picked.length), (p) => at(x!, replace(p, axis, picked[p[axis]!]!)))];
}

function pad([x]: readonly Plain[], { begin, end }: Attributes["Pad"]): Plain[] {
  const shape = x!.shape.map((dim, i) => dim + begin[i]! + end[i]!);
  return [
    build(x!.dtype, shape, (p) => {
      const from = p.map((v, i) => v - begin[i]!);
      return from.every((v, i) => v >= 0 && v < x!.shape[i]!) ? at(x!, from) : 0;
    }),
  ];
}

function split([x]: readonly Plain[], { axis, sizes }: Attributes["Split"]): Plain[] {
  let start = 0;
  return (sizes as readonly number[]).map((size) => {
    const from = start;
    start += size;
    return build(x!.dtype, replace(x!.shape, axis, size), (p) => at(x!, replace(p, axis, p[axis]! + from)));
  });
}

function concat(inputs: readonly Plain[], { axis }: Attributes["Concat"]): Plain[] {
  const first = inputs[0]!;
  const total = sum(inputs.map(({ shape }) => shape[axis]!));
  return [
    build(first.dtype, replace(first.shape, axis, total), (p) => {
      let rest = p[axis]!;
      const part = inputs.find(({ shape }) => {
        if (rest < shape[axis]!) return true;
        rest -= shape[axis]!;
        return false;
      })!;
      return at(part, replace(p, axis, rest));
    }),
  ];
}

function gather([x, indices]: readonly Plain[], { axis }: Attributes["Gather"]): Plain[] {
  const rank = indices!.shape.length;
  const shape = [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)];
  return [
    build(x!.dtype, shape, (p) => {
      const index = at(indices!, p.slice(axis, axis + rank));
      const row = index < 0 ? index + x!.shape[axis]! : index;
      return at(x!, [...p.slice(0, axis), row, ...p.slice(axis + rank)]);
    }),
  ];
}

const wrap = (index: number, dim: number) => (index < 0 ? index + dim : index);

function scatterAdd([data, indices, updates]: readonly Plain[], { axis }: Attributes["ScatterAdd"]): Plain[] {
  const result = [...data!.data];
  updates!.data.forEach((value, n) => {
    const to = replace(place(updates!.shape, n), axis, wrap(indices!.data[n]!, data!.shape[axis]!));
    result[offset(data!.shape, to)]! += value;
  });
  return [{ ...data!, data: result }];
}

const tanhGelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

function crossEntropy([logits, labels]: readonly Plain[], { ignore }: Attributes["SoftmaxCrossEntropy"]): Plain[] {
  const logp = lines(logits!, logits!.shape.length - 1, logSoftmaxLine);
  const loss = build(logits!.dtype, labels!.shape, (p, n) => {
    const label = labels!.data[n]!;
    return label === ignore ? 0 : -at(logp, [...p, label]);
  });
  return [loss, logp];
}

export const references: { readonly [K in OpName]: Reference<K> } = {
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Sign: unary(Math.sign),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
  Erf: unary(erf),
  Tanh: unary(Math.tanh),
  Sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  Sin: unary(Math.sin),
  Cos: unary(Math.cos),
  Asin: unary(Math.asin),
  Acos: unary(Math.acos),
  Atan: unary(Math.atan),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Round: unary(roundEven),
  Relu: unary((x) => Math.max(0, x)),
  Softplus: unary((x) => Math.log(1 + Math.exp(x))),
  Elu: ([x], { alpha }) => unary((v) => (v > 0 ? v : alpha * (Math.exp(v) - 1)))([x!]),
  LeakyRelu: ([x], { alpha }) => unary((v) => (v > 0 ? v : alpha * v))([x!]),
  Not: unary((x) => Number(!x)),
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b, integers) => (integers ? Number(BigInt(a) * BigInt(b)) : a * b)),
  Div: binary((a, b, integers) => (integers ? Math.trunc(a / b) : a / b)),
  Pow: binary((a, b) => a ** b),
  Min: binary((a, b) => Math.min(a, b)),
  Max: binary((a, b) => Math.max(a, b)),
  Mod: binary((a, b, integers) => (integers ? ((a % b) + b) % b : a % b)),
  Equal: compare((a, b) => a === b),
  Less: compare((a, b) => a < b),
  LessOrEqual: compare((a, b) => a <= b),
  Greater: compare((a, b) => a > b),
  GreaterOrEqual: compare((a, b) => a >= b),
  And: compare((a, b) => a !== 0 && b !== 0),
  Or: compare((a, b) => a !== 0 || b !== 0),
  BitwiseXor: binary((a, b) => (a ^ b) >>> 0),
  BitwiseAnd: binary((a, b) => (a & b) >>> 0),
  BitShift: (inputs, { direction }) => binary((a, b) => (direction === "LEFT" ? a << b : a >>> b) >>> 0)(inputs),
  Where: ([condition, a, b]) => [
    build(a!.dtype, broadcastSizes(condition!.shape, a!.shape, b!.shape), (p) =>
      atBroadcast(condition!, p) ? atBroadcast(a!, p) : atBroadcast(b!, p),
    ),
  ],
  StopGradient: unary((x) => x),
  CustomGradient: (inputs, { outputs }) => inputs.slice(0, outputs),
  Cast: ([x], { to }) => [
    {
      ...x!,
      dtype: to,
      data: x!.data.map((v) => (to === "bool" ? Number(v !== 0) : to.startsWith("f") ? v : Math.trunc(v))),
    },
  ],
  MatMul: matmul,
  Reshape: ([x], { shape }) => [{ ...x!, shape: shape as number[] }],
  Transpose: ([x], { perm }) => [
    build(
      x!.dtype,
      perm.map((axis) => x!.shape[axis]!),
      (p) =>
        at(
          x!,
          perm.map((_, axis) => p[perm.indexOf(axis)]!),
        ),
    ),
  ],
  Expand: ([x], { shape }) => [build(x!.dtype, broadcastSizes(x!.shape, shape as number[]), (p) => atBroadcast(x!, p))],
  Concat: concat,
  Slice: slice,
  Pad: pad,
  Split: split,
  Gather: gather,
  GatherElements: ([x, indices], { axis }) => [
    build(x!.dtype, indices!.shape, (p, n) => at(x!, replace(p, axis, wrap(indices!.data[n]!, x!.shape[axis]!)))),
  ],
  ScatterAdd: scatterAdd,
  ReduceSum: reduction(sum),
  ReduceMean: reduction((values) => sum(values) / values.length),
  ReduceMax: reduction((values) => Math.max(...values)),
  ReduceMin: reduction((values) => Math.min(...values)),
  ArgMax: ([x], { axis, keepdims }) =>
    reduced(x!, [axis], keepdims, (values) => values.indexOf(Math.max(...values)), "int64"),
  TopK: ([x], { axis, k }) => [
    lines(x!, axis, (line) => descending(line).map(([value]) => value), x!.dtype, k),
    lines(x!, axis, (line) => descending(line).map(([, i]) => i), "int64", k),
  ],
  NonZero: ([x]) => {
    const places = x!.data.flatMap((value, n) => (value === 0 ? [] : [place(x!.shape, n)]));
    return [build("int64", [x!.shape.length, places.length], ([axis, i]) => places[i!]![axis!]!)];
  },
  CumSum: ([x], attributes) => [lines(x!, attributes.axis, (line) => cumulative(line, attributes))],
  Softmax: ([x], { axis }) => [lines(x!, axis, (line) => logSoftmaxLine(line).map(Math.exp))],
  LogSoftmax: ([x], { axis }) => [lines(x!, axis, logSoftmaxLine)],
  Iota: (_, { size, dtype }) => [build(dtype, [size as number], ([i]) => i!)],
  SizeValue: (_, { size, dtype }) => [{ dtype, shape: [], data: [size as number] }],
  OneHot: ([x], { depth, dtype }) => [
    build(dtype, [...x!.shape, depth], (p) => Number(at(x!, p.slice(0, -1)) === p.at(-1))),
  ],
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: maxPool,
  AveragePool: averagePool,
  RmsNorm: ([x, w], { epsilon }) => [
    lines(x!, x!.shape.length - 1, (line) => {
      const r = 1 / Math.sqrt(sum(line.map((v) => v * v)) / line.length + epsilon);
      return line.map((v, i) => v * r * w!.data[i]!);
    }),
  ],
  LayerNorm: ([x, w, b], { epsilon }) => [
    lines(x!, x!.shape.length - 1, (line) => {
      const mean = sum(line) / line.length;
      const r = 1 / Math.sqrt(sum(line.map((v) => (v - mean) ** 2)) / line.length + epsilon);
      return line.map((v, i) => (v - mean) * r * w!.data[i]! + b!.data[i]!);
    }),
  ],
  Gelu: ([x], { approximate }) =>
    unary(approximate === "tanh" ? tanhGelu : (v) => 0.5 * v * (1 + erf(v * Math.SQRT1_2)))([x!]),
  Attention: attention,
  CachedAttention: cachedAttention,
  MatMulInt8: ([x, w, scale]) => [
    build("float32", [...x!.shape.slice(0, -1), scale!.data.length], (p) => {
      const [row, n] = [p.slice(0, -1), p.at(-1)!];
      return (
        sum(w!.data.flatMap((_, i) => (i < w!.shape[0]! ? [at(x!, [...row, i]) * at(w!, [i, n])] : []))) *
        at(scale!, [n])
      );
    }),
  ],
  MatMulInt4: ([x, w, scale], { block }) => [
    build("float32", [...x!.shape.slice(0, -1), scale!.shape[0]!], (p) => {
      const [row, n] = [p.slice(0, -1), p.at(-1)!];
      const term = (i: number) => {
        const byte = at(w!, [n, Math.floor(i / block), (i % block) >> 1]);
        const value = (i % 2 === 0 ? byte & 15 : byte >> 4) - 8;
        return at(x!, [...row, i]) * value * at(scale!, [n, Math.floor(i / block)]);
      };
      return sum(Array.from({ length: x!.shape.at(-1)! }, (_, i) => term(i)));
    }),
  ],
  SoftmaxCrossEntropy: crossEntropy,
};
