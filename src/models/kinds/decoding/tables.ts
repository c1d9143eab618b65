/** Tables of what depends on positions alone (rotary cosines and sines): computed when they grow, not in every step. */
import { int64, type NdArray } from "../../../graph/array.ts";
import type { Program } from "../../../runtime/program.ts";

export interface Tables extends AsyncDisposable {
  /** The tables for so many positions, by name. */
  of(capacity: number): Promise<Readonly<Record<string, NdArray>>>;
}

/** Over a program of `tablesGraph`. */
export function createTables(program: Program): Tables {
  let known = 0;
  let all: Record<string, NdArray> = {};
  return {
    async of(capacity) {
      if (capacity > known) {
        const places = Array.from({ length: capacity }, (_, place) => place);
        all = await program.run({ places: int64([capacity], places) });
        known = capacity;
      }
      if (capacity === known) return all;
      // A row of a table depends on nothing but its place.
      return Object.fromEntries(
        Object.entries(all).map(
          ([
            name,
            {
              dtype,
              shape: [, ...rest],
              data,
            },
          ]) => {
            const each = rest.reduce((a, b) => a * b, 1);
            const part = (data as Float32Array).subarray(0, capacity * each);
            return [name, { dtype, shape: [capacity, ...rest], data: part }];
          },
        ),
      );
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}
