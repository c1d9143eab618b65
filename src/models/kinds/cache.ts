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

export interface Cache {
  /** Positions held. */
  readonly length: number;
  /** Make room for one more position; its keys and values are written by the step that follows. */
  advance(): void;
  /** The buffers by name, [rows, kvHeads, capacity, k]. */
  readonly buffers: readonly (readonly [name: string, array: NdArray])[];
  /** Go on with these rows, in this order; a row may come more than once. */
  take(rows: readonly number[]): void;
}

/**
 * Buffers for `rows` rows with room for `room` positions, which double when they are full; or filled with what a prompt
 * has left, one array [rows, kvHeads, length, k] a name.
 */
export function createCache(shape: CacheShape, rows: number, room: number, held?: readonly NdArray[]): Cache {
  const { layers, kvHeads, headWidth } = shape;
  const names = cacheNames(shape);
  const fresh = (count: number, capacity: number) =>
    Array.from({ length: 2 * layers }, (): NdArray => zeros("float32", [count, kvHeads, capacity, headWidth]));
  let length = held?.[0]?.shape[2] ?? 0;
  let capacity = Math.max(8, length + room);

  /** The used part of every head of the rows named, copied into new buffers. */
  const moved = (from: readonly NdArray[], to: number, taken: readonly number[]): NdArray[] => {
    const next = fresh(taken.length, to);
    const used = length * headWidth;
    from.forEach(({ data, shape: [, , size] }, i) => {
      const [source, target] = [data as Float32Array, next[i]!.data as Float32Array];
      taken.forEach((parent, row) => {
        for (let head = 0; head < kvHeads; head++) {
          const begin = (parent * kvHeads + head) * size! * headWidth;
          target.set(source.subarray(begin, begin + used), (row * kvHeads + head) * to * headWidth);
        }
      });
    });
    return next;
  };
  const all = () => Array.from({ length: arrays[0]?.shape[0] ?? rows }, (_, row) => row);
  let arrays = held ? [...held] : fresh(rows, capacity);
  if (held) arrays = moved(held, capacity, all());

  return {
    get length() {
      return length;
    },
    advance() {
      if (length === capacity) {
        arrays = moved(arrays, capacity * 2, all());
        capacity *= 2;
      }
      length++;
    },
    get buffers() {
      return names.map((name, i) => [name, arrays[i]!] as const);
    },
    take(taken) {
      arrays = moved(arrays, capacity, taken);
    },
  };
}
