/** Tensors as plain numbers, for references that are easy to believe. */
import type { NdArray } from "../../src/graph/array.ts";
import { type DType, dtypes } from "../../src/graph/dtype.ts";

export interface Plain {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The position of the n-th element. */
export function place(shape: readonly number[], n: number): number[] {
  const at = shape.map(() => 0);
  let rest = n;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    at[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return at;
}

/** The number of the element at a position. */
export function offset(shape: readonly number[], at: readonly number[]): number {
  return shape.reduce((sum, dim, axis) => sum * dim + at[axis]!, 0);
}

/** A tensor whose elements are a function of their position. */
export function build(dtype: DType, shape: readonly number[], value: (at: number[], n: number) => number): Plain {
  return { dtype, shape, data: Array.from({ length: count(shape) }, (_, n) => value(place(shape, n), n)) };
}

/** The element at a position. */
export const at = (x: Plain, position: readonly number[]): number => x.data[offset(x.shape, position)]!;

/** The element a position of the broadcast shape reads. */
export function atBroadcast(x: Plain, position: readonly number[]): number {
  const lead = position.length - x.shape.length;
  return at(
    x,
    x.shape.map((dim, axis) => (dim === 1 ? 0 : position[axis + lead]!)),
  );
}

/** The broadcast of shapes known to fit. */
export function broadcastSizes(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((shape) => shape[i - rank + shape.length] ?? 1);
    return sizes.find((size) => size !== 1) ?? 1;
  });
}

export const replace = (list: readonly number[], axis: number, value: number): number[] =>
  list.map((old, i) => (i === axis ? value : old));

export function toArray({ dtype, shape, data }: Plain): NdArray {
  const typed = new dtypes[dtype].array(data.length);
  data.forEach((value, i) => {
    typed[i] = typed instanceof BigInt64Array || typed instanceof BigUint64Array ? (BigInt(value) as never) : value;
  });
  return { dtype, shape, data: typed };
}

export function fromArray({ dtype, shape, data }: NdArray): Plain {
  return { dtype, shape, data: Array.from(data as ArrayLike<number>, Number) };
}

export const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

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
