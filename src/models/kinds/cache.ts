/** Keys and values of a decoding, held outside of the graph: growing, reordering for beams, keeping some rows. */
import { type NdArray, zeros } from "../../graph/array.ts";

export interface CacheShape {
  readonly layers: number;
  /** Heads of keys and values. */
  readonly kvHeads: number;
  readonly headWidth: number;
}

/** Names under which a step's graph asks for the buffers, after `past.` and `present.`. */
export const cacheNames = ({ layers }: Pick<CacheShape, "layers">): string[] =>
  Array.from({ length: 2 * layers }, (_, i) => `${i >> 1}.${i % 2 ? "v" : "k"}`);

/** Rows of an array along its first axis, copied. */
export function takeRows({ dtype, shape, data }: NdArray, rows: readonly number[]): NdArray {
  const taken = zeros(dtype, [rows.length, ...shape.slice(1)]);
  const width = data.length / shape[0]!;
  rows.forEach((from, to) => {
    (taken.data as Float32Array).set((data as Float32Array).subarray(from * width, (from + 1) * width), to * width);
  });
  return taken;
}

type Buffers = readonly (readonly [name: string, array: NdArray])[];

/** Buffers of `rows` rows with room for `capacity` positions, [rows, kvHeads, capacity, k] each. */
const emptyBuffers = ({ layers, kvHeads, headWidth }: CacheShape, rows: number, capacity: number): NdArray[] =>
  Array.from({ length: 2 * layers }, () => zeros("float32", [rows, kvHeads, capacity, headWidth]));

/** The first `used(row)` positions of every head of the rows named, copied into new buffers. */
function moved(
  cache: CacheShape,
  from: readonly NdArray[],
  capacity: number,
  taken: readonly number[],
  used: (row: number) => number,
): NdArray[] {
  const { kvHeads, headWidth } = cache;
  const next = emptyBuffers(cache, taken.length, capacity);
  from.forEach(({ data, shape: [, , size] }, i) => {
    const [source, target] = [data as Float32Array, next[i]!.data as Float32Array];
    taken.forEach((parent, row) => {
      for (let head = 0; head < kvHeads; head++) {
        const begin = (parent * kvHeads + head) * size! * headWidth;
        target.set(
          source.subarray(begin, begin + used(parent) * headWidth),
          (row * kvHeads + head) * capacity * headWidth,
        );
      }
    });
  });
  return next;
}

const upTo = (count: number) => Array.from({ length: count }, (_, row) => row);

export interface Cache {
  /** Positions held. */
  readonly length: number;
  /** Make room for one more position; its keys and values are written by the step that follows. */
  advance(): void;
  /** The buffers by name, [rows, kvHeads, capacity, k]. */
  readonly buffers: Buffers;
  /** Go on with these rows, in this order; a row may come more than once. */
  take(rows: readonly number[]): void;
}

/** Rows that all begin with the same keys and values, [1, kvHeads, positions, k] in the order of the names. */
function begunWith(shape: CacheShape, begin: readonly NdArray[], rows: number, capacity: number): NdArray[] {
  const held = begin[0]?.shape[2] ?? 0;
  return moved(shape, begin, capacity, new Array<number>(rows).fill(0), () => held);
}

/**
 * Buffers for `rows` rows that grow together, with room for `room` positions, which double when they are full. Every row
 * may begin with given keys and values.
 */
export function createCache(shape: CacheShape, rows: number, room: number, begin?: readonly NdArray[]): Cache {
  const names = cacheNames(shape);
  let length = begin?.[0]?.shape[2] ?? 0;
  let capacity = Math.max(8, room + length);
  let arrays = begin ? begunWith(shape, begin, rows, capacity) : emptyBuffers(shape, rows, capacity);
  return {
    get length() {
      return length;
    },
    advance() {
      if (length === capacity) {
        capacity *= 2;
        arrays = moved(shape, arrays, capacity, upTo(arrays[0]?.shape[0] ?? rows), () => length);
      }
      length++;
    },
    get buffers() {
      return names.map((name, i) => [name, arrays[i]!] as const);
    },
    take(taken) {
      arrays = moved(shape, arrays, capacity, taken, () => length);
    },
  };
}

/** Rows of different lengths. */
export interface RowCache {
  /** Positions held of every row. */
  readonly lengths: readonly number[];
  /** Positions that every row has room for. */
  readonly capacity: number;
  /** Make room for a row of so many positions. */
  reserve(positions: number): void;
  /** The buffers of rows `from` to `to` by name, [to − from, kvHeads, capacity, k]: the same memory, not a copy. */
  buffers(from?: number, to?: number): Buffers;
  /** A row holds so many positions from now on: those that have been written, or fewer, which forgets the others. */
  hold(row: number, positions: number): void;
  /** Go on with these rows, in this order; a row may come more than once. */
  take(rows: readonly number[]): void;
}

/** What a buffer grows by: a power of two while it is small, then pieces of 256 positions. */
export const grown = (positions: number): number =>
  positions <= 256 ? Math.max(16, 2 ** Math.ceil(Math.log2(positions))) : 256 * Math.ceil(positions / 256);

/** Buffers for `rows` rows with room for `room` positions each, nothing held. */
export function createRowCache(shape: CacheShape, rows: number, room: number): RowCache {
  const names = cacheNames(shape);
  let lengths = new Array<number>(rows).fill(0);
  let capacity = grown(room);
  let arrays = emptyBuffers(shape, rows, capacity);
  return {
    get lengths() {
      return lengths;
    },
    get capacity() {
      return capacity;
    },
    reserve(positions) {
      if (positions <= capacity) return;
      capacity = grown(positions);
      arrays = moved(shape, arrays, capacity, upTo(lengths.length), (row) => lengths[row]!);
    },
    buffers(from = 0, to = lengths.length) {
      const each = shape.kvHeads * capacity * shape.headWidth;
      const part = ({ dtype, shape: [, ...rest], data }: NdArray): NdArray => ({
        dtype,
        shape: [to - from, ...rest],
        data: (data as Float32Array).subarray(from * each, to * each),
      });
      return names.map((name, i) => [name, part(arrays[i]!)] as const);
    },
    hold(row, positions) {
      lengths[row] = positions;
    },
    take(taken) {
      arrays = moved(shape, arrays, capacity, taken, (row) => lengths[row]!);
      lengths = taken.map((row) => lengths[row]!);
    },
  };
}
