/**
 * A random application of every operator: shapes, attributes and values. A total table, so an operator without a
 * case does not compile. All float values of a case are different by at least 0.01 and away from zero: central
 * differences never step over a kink.
 */
import fc from "fast-check";
import type { DType } from "../../src/graph/dtype.ts";
import type { CustomCotangent } from "../../src/graph/operators.ts";
import type { Attributes, OpName } from "../../src/graph/tensor.ts";
import { shapeCases } from "./cases-shapes.ts";
import { count, type Plain } from "./plain.ts";

export interface Case<K extends OpName = OpName> {
  readonly inputs: readonly Plain[];
  readonly attributes: Attributes[K];
}

export interface Draw {
  int(min: number, max: number): number;
  bool(): boolean;
  pick<T>(options: readonly T[]): T;
  subset<T>(options: readonly T[]): T[];
  shuffled<T>(options: readonly T[]): T[];
  /** A size: 1 to `max`, now and then 0. */
  size(max?: number, empty?: boolean): number;
  shape(minRank: number, maxRank: number, empty?: boolean): number[];
  /** Different values, positive and negative, away from zero. */
  floats(shape: readonly number[], map?: (value: number) => number): Plain;
  integers(dtype: DType, shape: readonly number[], min: number, max: number): Plain;
}

export type Cases<K extends OpName> = (draw: Draw) => Case<K>;

function drawing(g: fc.GeneratorValue): Draw {
  const int = (min: number, max: number) => g(fc.integer, { min, max });
  const shuffled = <T>(options: readonly T[]): T[] => {
    const list = [...options];
    for (let i = list.length - 1; i > 0; i--) {
      const j = int(0, i);
      [list[i], list[j]] = [list[j]!, list[i]!];
    }
    return list;
  };
  let state = int(0, 0x7fffffff);
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const pool = Array.from({ length: 800 }, (_, i) => (i - 400) * 0.01 + 0.005);
  for (let i = pool.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [pool[i], pool[j]] = [pool[j]!, pool[i]!];
  }
  const draw: Draw = {
    int,
    bool: () => int(0, 1) === 1,
    pick: (options) => options[int(0, options.length - 1)]!,
    subset: (options) => options.filter(() => int(0, 1) === 1),
    shuffled,
    size: (max = 4, empty = true) => (empty && int(0, 14) === 0 ? 0 : int(1, max)),
    shape: (min, max, empty = true) => Array.from({ length: int(min, max) }, () => draw.size(4, empty)),
    floats: (shape, map = (v) => v) => ({
      dtype: "float32",
      shape,
      data: Array.from({ length: count(shape) }, () => Math.fround(map(pool.pop()!))),
    }),
    integers: (dtype, shape, min, max) => ({
      dtype,
      shape,
      data: Array.from({ length: count(shape) }, () => min + Math.floor(next() * (max - min + 1))),
    }),
  };
  return draw;
}

/** Two shapes that broadcast to one. */
export function broadcastPair(draw: Draw, empty = true): [number[], number[]] {
  const full = draw.shape(0, 4, empty);
  const narrow = (shape: number[]) => shape.slice(draw.int(0, shape.length)).map((dim) => (draw.int(0, 3) ? dim : 1));
  const pair: [number[], number[]] = draw.bool() ? [full, narrow(full)] : [narrow(full), full];
  // Now and then each has an axis the other lacks.
  return draw.int(0, 4) === 0 && full.length > 1
    ? [full.map((d, i) => (i ? d : 1)), [full[0]!, ...full.slice(1).map(() => 1)]]
    : pair;
}

const awayFromZero = (v: number) => v + Math.sign(v) * 0.3;
const positive = (v: number) => Math.abs(v) * 0.5 + 0.2 + (v > 0 ? 0.0025 : 0);

const unary = (map?: (value: number) => number) => (draw: Draw) => ({
  inputs: [draw.floats(draw.shape(0, 4), map)],
  attributes: {},
});

const binary =
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

/** Within (-1, 1), where arc sine and cosine have slopes. */
const inside = (v: number) => v * 0.2;

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

const elementwiseCases = {
  Neg: unary(),
  Abs: unary(),
  Sign: unary(),
  Exp: unary(),
  Log: unary(positive),
  Sqrt: unary(positive),
  Reciprocal: unary(awayFromZero),
  Erf: unary(),
  Tanh: unary(),
  Sigmoid: unary(),
  Sin: unary(),
  Cos: unary(),
  Asin: unary(inside),
  Acos: unary(inside),
  Atan: unary(),
  Floor: unary(),
  Ceil: unary(),
  Round: (draw: Draw) => ({
    inputs: [draw.integers("float32", [9], -9, 9)].map((x) => ({ ...x, data: x.data.map((v) => v / 2) })),
    attributes: {},
  }),
  Relu: unary(),
  Softplus: unary((v) => v * 4),
  Elu: withAlpha,
  LeakyRelu: withAlpha,
  Not: (draw: Draw) => ({ inputs: [draw.integers("bool", draw.shape(0, 3), 0, 1)], attributes: {} }),
  Add: binary(undefined, undefined, ["int64", "int32", "uint32"]),
  Sub: binary(undefined, undefined, ["int64", "int32"]),
  Mul: binary(undefined, undefined, ["int64", "int32", "uint32"]),
  Div: binary(undefined, awayFromZero, ["int64", "int32"]),
  Pow: binary(positive, (v) => v),
  Min: binary(undefined, undefined, ["int64", "int32"]),
  Max: binary(undefined, undefined, ["int64", "int32"]),
  Mod: binary((v) => v * 3, awayFromZero, ["int64", "int32"]),
  Equal: comparing,
  Less: comparing,
  LessOrEqual: comparing,
  Greater: comparing,
  GreaterOrEqual: comparing,
  And: bools,
  Or: bools,
  BitwiseXor: bits,
  BitwiseAnd: bits,
  BitShift: (draw: Draw) => {
    const [a, b] = broadcastPair(draw);
    return {
      inputs: [draw.integers("uint32", a, 0, 2 ** 32 - 1), draw.integers("uint32", b, 0, 31)],
      attributes: { direction: draw.pick(["LEFT", "RIGHT"] as const) },
    };
  },
  Where: (draw: Draw) => {
    const [a, b] = broadcastPair(draw);
    const condition = draw.pick([a, b]).map((dim) => (draw.int(0, 3) ? dim : 1));
    return { inputs: [draw.integers("bool", condition, 0, 1), draw.floats(a), draw.floats(b)], attributes: {} };
  },
  StopGradient: unary(),
  CustomGradient: (draw: Draw) => {
    const outputs = draw.int(1, 2);
    const inputs = Array.from({ length: outputs + draw.int(0, 2) }, () => draw.floats(draw.shape(0, 3)));
    return { inputs, attributes: { outputs, rule: ({ x }: CustomCotangent) => x.map(() => null) } };
  },
  Cast: (draw: Draw) => ({
    inputs: [draw.floats(draw.shape(0, 3), (v) => v * 5)],
    attributes: { to: draw.pick(["float64", "int64", "int32", "bool", "float32"] as const) },
  }),
};

export const cases: { readonly [K in OpName]: Cases<K> } = { ...elementwiseCases, ...shapeCases };

/** Random cases of one operator. */
export function caseOf<K extends OpName>(op: K): fc.Arbitrary<Case<K>> {
  const make = cases[op] as unknown as Cases<K>;
  return fc.gen().map((g) => make(drawing(g)));
}
