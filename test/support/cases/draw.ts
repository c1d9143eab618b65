/**
 * What random applications of operators are drawn with. All float values of a case are different by at least 0.01 and
 * away from zero: central differences never step over a kink.
 */
import fc from "fast-check";
import type { DType } from "../../../src/graph/dtype.ts";
import type { Attributes, OpName } from "../../../src/graph/tensor.ts";
import { count, type Plain } from "../plain.ts";

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

/** An operator under test: a random application, and its outputs in plain numbers. */
export interface TestRow<K extends OpName> {
  readonly draw: (draw: Draw) => Case<K>;
  readonly reference: Reference<K>;
}

/** The test rows of one kind of operators; all kinds together have one for every operator. */
export type TestRows = { readonly [K in OpName]?: TestRow<K> };

export type Reference<K extends OpName> = (inputs: readonly Plain[], attributes: Attributes[K]) => readonly Plain[];

export function drawing(g: fc.GeneratorValue): Draw {
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

export const axisOf = (draw: Draw, shape: readonly number[]) => draw.int(0, shape.length - 1);
