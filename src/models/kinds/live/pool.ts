/** Keys and values of rows that come and go: buffers in which a row is copied, moved to another place, put away and back. */
import { fail } from "../../../errors.ts";
import type { NdArray } from "../../../graph/array.ts";
import { type CacheShape, cacheNames } from "../cache.ts";

/** The keys and values of one row, outside of the buffers: [kvHeads, length, k] a buffer. */
export interface KeptPart {
  readonly length: number;
  readonly arrays: readonly Float32Array[];
}

export interface RowPool {
  /** Rows that there is room for, and positions of each. */
  readonly rows: number;
  readonly capacity: number;
  /** Positions that the row at each place holds; what lies beyond them means nothing. */
  readonly lengths: readonly number[];
  /** Bytes of buffers for so many rows of so many positions. */
  bytesFor(rows: number, capacity: number): number;
  /** Go on in buffers of this size, which what is held fits into. */
  resize(rows: number, capacity: number): void;
  /** The buffers of places `from` to `to` by name, [to − from, kvHeads, capacity, k]: the same memory, not a copy. */
  buffers(from: number, to: number): readonly (readonly [name: string, array: NdArray])[];
  /** A row holds so many positions from now on. */
  hold(place: number, positions: number): void;
  copy(from: number, to: number): void;
  swap(a: number, b: number): void;
  /** The first positions of a row, copied. */
  keep(place: number, positions?: number): KeptPart;
  /** The first positions of what was kept, in the place of what the row held. */
  put(place: number, kept: KeptPart, positions?: number): void;
  /** Zeros everywhere in the row: what is no number does harm even where it counts for nothing. */
  wipe(place: number): void;
}

function emptyBuffer(size: number): Float32Array {
  try {
    return new Float32Array(size);
  } catch (cause) {
    return fail("out_of_memory", `no memory for ${size * 4} bytes of keys or values`, {
      hint: "give rows fewer bytes",
      cause,
    });
  }
}

export function createPool(shape: CacheShape): RowPool {
  const { layers, kvHeads, headWidth } = shape;
  const names = cacheNames(shape);
  let [rows, capacity] = [0, 0];
  let lengths: number[] = [];
  const arrays: Float32Array[] = names.map(() => new Float32Array(0));
  const bytesFor = (count: number, positions: number) => 2 * layers * kvHeads * headWidth * 4 * count * positions;

  /** Every head of `count` positions of one row of an array into that of another. */
  function copyHeads(
    source: Float32Array,
    from: { readonly row: number; readonly capacity: number },
    target: Float32Array,
    to: { readonly row: number; readonly capacity: number },
    count: number,
  ): void {
    for (let head = 0; head < kvHeads; head++) {
      const begin = (from.row * kvHeads + head) * from.capacity * headWidth;
      const end = begin + count * headWidth;
      target.set(source.subarray(begin, end), (to.row * kvHeads + head) * to.capacity * headWidth);
    }
  }

  const pool: RowPool = {
    get rows() {
      return rows;
    },
    get capacity() {
      return capacity;
    },
    get lengths() {
      return lengths;
    },
    bytesFor,
    resize(count, positions) {
      if (count === rows && positions === capacity) return;
      const kept = Math.min(rows, count);
      // All before any is changed: a buffer that cannot be had leaves everything as it was.
      const targets = arrays.map(() => emptyBuffer(count * kvHeads * positions * headWidth));
      arrays.forEach((source, i) => {
        const target = targets[i]!;
        for (let row = 0; row < kept; row++) {
          copyHeads(source, { row, capacity }, target, { row, capacity: positions }, lengths[row]!);
        }
        arrays[i] = target;
      });
      lengths = Array.from({ length: count }, (_, row) => lengths[row] ?? 0);
      [rows, capacity] = [count, positions];
    },
    buffers(from, to) {
      const each = kvHeads * capacity * headWidth;
      return names.map((name, i): [string, NdArray] => {
        const data = arrays[i]!.subarray(from * each, to * each);
        return [name, { dtype: "float32", shape: [to - from, kvHeads, capacity, headWidth], data }];
      });
    },
    hold(place, positions) {
      lengths[place] = positions;
    },
    copy(from, to) {
      for (const array of arrays) {
        copyHeads(array, { row: from, capacity }, array, { row: to, capacity }, lengths[from]!);
      }
      lengths[to] = lengths[from]!;
    },
    swap(a, b) {
      if (a === b) return;
      const kept = pool.keep(a);
      pool.copy(b, a);
      pool.put(b, kept);
    },
    keep(place, positions = lengths[place]!) {
      const kept = arrays.map((array) => {
        const part = emptyBuffer(kvHeads * positions * headWidth);
        copyHeads(array, { row: place, capacity }, part, { row: 0, capacity: positions }, positions);
        return part;
      });
      return { length: positions, arrays: kept };
    },
    put(place, kept, positions = kept.length) {
      kept.arrays.forEach((part, i) => {
        copyHeads(part, { row: 0, capacity: kept.length }, arrays[i]!, { row: place, capacity }, positions);
      });
      lengths[place] = positions;
    },
    wipe(place) {
      const each = kvHeads * capacity * headWidth;
      for (const array of arrays) array.fill(0, place * each, (place + 1) * each);
      lengths[place] = 0;
    },
  };
  return pool;
}
