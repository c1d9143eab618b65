/** Operators that compute each element by itself. */
import type { DType } from "../../../src/graph/dtype.ts";
import { atBroadcast, broadcastSizes, build, type Plain } from "../plain.ts";
import { broadcastPair, type Draw, type TestRows } from "./draw.ts";

const awayFromZero = (v: number) => v + Math.sign(v) * 0.3;

const positive = (v: number) => Math.abs(v) * 0.5 + 0.2 + (v > 0 ? 0.0025 : 0);

/** Within (-1, 1), where arc sine and cosine have slopes. */
const inside = (v: number) => v * 0.2;

const one = (map?: (value: number) => number) => (draw: Draw) => ({
  inputs: [draw.floats(draw.shape(0, 4), map)],
  attributes: {},
});

const two =
  (left?: (v: number) => number, right = left, integers?: readonly DType[]) =>
  (draw: Draw) => {
    const [a, b] = broadcastPair(draw);
    const dtype = integers && draw.bool() ? draw.pick(integers) : "float32";
    if (dtype === "float32") return { inputs: [draw.floats(a, left), draw.floats(b, right)], attributes: {} };
    const low = dtype.startsWith("u") ? 1 : -9;
    const operand = (shape: number[]) => draw.integers(dtype, shape, low, 9);
    const divisor = (shape: number[]) => draw.integers(dtype, shape, 1, 9);
    return { inputs: [operand(a), right === awayFromZero ? divisor(b) : operand(b)], attributes: {} };
  };

const withAlpha = (draw: Draw) => ({
  inputs: [draw.floats(draw.shape(0, 4))],
  attributes: { alpha: draw.pick([1, 0.25]) },
});

const bools = (draw: Draw) => {
  const [a, b] = broadcastPair(draw);
  return { inputs: [draw.integers("bool", a, 0, 1), draw.integers("bool", b, 0, 1)], attributes: {} };
};

const comparing = (draw: Draw) => {
  const [a, b] = broadcastPair(draw);
  const dtype = draw.pick(["int64", "int32", "float32"] as const);
  return { inputs: [draw.integers(dtype, a, 0, 2), draw.integers(dtype, b, 0, 2)], attributes: {} };
};

const bits = (draw: Draw) => {
  const [a, b] = broadcastPair(draw);
  return {
    inputs: [draw.integers("uint32", a, 0, 2 ** 32 - 1), draw.integers("uint32", b, 0, 2 ** 32 - 1)],
    attributes: {},
  };
};

/** erf by its all-positive series 2/√π e^(−x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!, good to double precision for |x| < 6. */
function erf(x: number): number {
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

const each =
  (f: (x: number) => number) =>
  ([x]: readonly Plain[]): Plain[] => [{ ...x!, data: x!.data.map(f) }];

const pairs =
  (f: (a: number, b: number, integers: boolean) => number, dtype?: "bool") =>
  ([a, b]: readonly Plain[]): Plain[] => {
    const integers = !a!.dtype.startsWith("float");
    return [
      build(dtype ?? a!.dtype, broadcastSizes(a!.shape, b!.shape), (p) =>
        f(atBroadcast(a!, p), atBroadcast(b!, p), integers),
      ),
    ];
  };

const compare = (f: (a: number, b: number) => boolean) => pairs((a, b) => Number(f(a, b)), "bool");

const tanhGelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

const rows = {
  Neg: { draw: one(), reference: each((x) => -x) },
  Abs: { draw: one(), reference: each(Math.abs) },
  Sign: { draw: one(), reference: each(Math.sign) },
  Exp: { draw: one(), reference: each(Math.exp) },
  Log: { draw: one(positive), reference: each(Math.log) },
  Sqrt: { draw: one(positive), reference: each(Math.sqrt) },
  Reciprocal: { draw: one(awayFromZero), reference: each((x) => 1 / x) },
  Erf: { draw: one(), reference: each(erf) },
  Tanh: { draw: one(), reference: each(Math.tanh) },
  Sigmoid: { draw: one(), reference: each((x) => 1 / (1 + Math.exp(-x))) },
  Sin: { draw: one(), reference: each(Math.sin) },
  Cos: { draw: one(), reference: each(Math.cos) },
  Asin: { draw: one(inside), reference: each(Math.asin) },
  Acos: { draw: one(inside), reference: each(Math.acos) },
  Atan: { draw: one(), reference: each(Math.atan) },
  Floor: { draw: one(), reference: each(Math.floor) },
  Ceil: { draw: one(), reference: each(Math.ceil) },
  Round: {
    draw: (draw: Draw) => ({
      inputs: [draw.integers("float32", [9], -9, 9)].map((x) => ({ ...x, data: x.data.map((v) => v / 2) })),
      attributes: {},
    }),
    reference: each(roundEven),
  },
  Relu: { draw: one(), reference: each((x) => Math.max(0, x)) },
  Softplus: { draw: one((v) => v * 4), reference: each((x) => Math.log(1 + Math.exp(x))) },
  Elu: { draw: withAlpha, reference: ([x], { alpha }) => each((v) => (v > 0 ? v : alpha * (Math.exp(v) - 1)))([x!]) },
  LeakyRelu: { draw: withAlpha, reference: ([x], { alpha }) => each((v) => (v > 0 ? v : alpha * v))([x!]) },
  Gelu: {
    draw: (draw) => ({
      inputs: [draw.floats(draw.shape(0, 3))],
      attributes: { approximate: draw.pick(["none", "tanh"] as const) },
    }),
    reference: ([x], { approximate }) =>
      each(approximate === "tanh" ? tanhGelu : (v) => 0.5 * v * (1 + erf(v * Math.SQRT1_2)))([x!]),
  },
  Not: {
    draw: (draw: Draw) => ({ inputs: [draw.integers("bool", draw.shape(0, 3), 0, 1)], attributes: {} }),
    reference: each((x) => Number(!x)),
  },
  Add: { draw: two(undefined, undefined, ["int64", "int32", "uint32"]), reference: pairs((a, b) => a + b) },
  Sub: { draw: two(undefined, undefined, ["int64", "int32"]), reference: pairs((a, b) => a - b) },
  Mul: {
    draw: two(undefined, undefined, ["int64", "int32", "uint32"]),
    reference: pairs((a, b, integers) => (integers ? Number(BigInt(a) * BigInt(b)) : a * b)),
  },
  Div: {
    draw: two(undefined, awayFromZero, ["int64", "int32"]),
    reference: pairs((a, b, integers) => (integers ? Math.trunc(a / b) : a / b)),
  },
  Pow: { draw: two(positive, (v) => v), reference: pairs((a, b) => a ** b) },
  Min: { draw: two(undefined, undefined, ["int64", "int32"]), reference: pairs((a, b) => Math.min(a, b)) },
  Max: { draw: two(undefined, undefined, ["int64", "int32"]), reference: pairs((a, b) => Math.max(a, b)) },
  Mod: {
    draw: two((v) => v * 3, awayFromZero, ["int64", "int32"]),
    reference: pairs((a, b, integers) => (integers ? ((a % b) + b) % b : a % b)),
  },
  Equal: { draw: comparing, reference: compare((a, b) => a === b) },
  Less: { draw: comparing, reference: compare((a, b) => a < b) },
  LessOrEqual: { draw: comparing, reference: compare((a, b) => a <= b) },
  Greater: { draw: comparing, reference: compare((a, b) => a > b) },
  GreaterOrEqual: { draw: comparing, reference: compare((a, b) => a >= b) },
  And: { draw: bools, reference: compare((a, b) => a !== 0 && b !== 0) },
  Or: { draw: bools, reference: compare((a, b) => a !== 0 || b !== 0) },
  BitwiseXor: { draw: bits, reference: pairs((a, b) => (a ^ b) >>> 0) },
  BitwiseAnd: { draw: bits, reference: pairs((a, b) => (a & b) >>> 0) },
  BitShift: {
    draw: (draw: Draw) => {
      const [a, b] = broadcastPair(draw);
      return {
        inputs: [draw.integers("uint32", a, 0, 2 ** 32 - 1), draw.integers("uint32", b, 0, 31)],
        attributes: { direction: draw.pick(["LEFT", "RIGHT"] as const) },
      };
    },
    reference: (inputs, { direction }) => pairs((a, b) => (direction === "LEFT" ? a << b : a >>> b) >>> 0)(inputs),
  },
  Where: {
    draw: (draw: Draw) => {
      const [a, b] = broadcastPair(draw);
      const condition = draw.pick([a, b]).map((dim) => (draw.int(0, 3) ? dim : 1));
      return { inputs: [draw.integers("bool", condition, 0, 1), draw.floats(a), draw.floats(b)], attributes: {} };
    },
    reference: ([condition, a, b]) => [
      build(a!.dtype, broadcastSizes(condition!.shape, a!.shape, b!.shape), (p) =>
        atBroadcast(condition!, p) ? atBroadcast(a!, p) : atBroadcast(b!, p),
      ),
    ],
  },
  Cast: {
    draw: (draw: Draw) => ({
      inputs: [draw.floats(draw.shape(0, 3), (v) => v * 5)],
      attributes: { to: draw.pick(["float64", "int64", "int32", "bool", "float32"] as const) },
    }),
    reference: ([x], { to }) => [
      {
        ...x!,
        dtype: to,
        data: x!.data.map((v) => (to === "bool" ? Number(v !== 0) : to.startsWith("f") ? v : Math.trunc(v))),
      },
    ],
  },
} satisfies TestRows;

export default rows;
