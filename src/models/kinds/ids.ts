/** Token ids of several texts as arrays. */
import { fail } from "../../errors.ts";
import { int64, type NdArray } from "../../graph/array.ts";

/** Rows filled up to the longest with `value`, behind their end or before their begin, and their mask. */
export function padded(
  rows: readonly (readonly number[])[],
  value: number,
  side: "left" | "right" = "right",
): { ids: NdArray<"int64">; mask: NdArray<"int64"> } {
  const length = Math.max(1, ...rows.map((row) => row.length));
  const ids = new Array<number>(rows.length * length).fill(value);
  const mask = new Array<number>(rows.length * length).fill(0);
  rows.forEach((row, r) => {
    const from = r * length + (side === "left" ? length - row.length : 0);
    row.forEach((id, i) => {
      ids[from + i] = id;
      mask[from + i] = 1;
    });
  });
  return { ids: int64([rows.length, length], ids), mask: int64([rows.length, length], mask) };
}

/** Refuse empty rows and ids that are not in the vocabulary. */
export function needTokens(rows: readonly (readonly number[])[], vocabulary: number, whenEmpty: string): void {
  if (rows.some((row) => row.length === 0)) fail("bad_input", whenEmpty);
  for (const row of rows) {
    for (const id of row) {
      if (!Number.isInteger(id) || id < 0 || id >= vocabulary) {
        fail("bad_input", `token ${id} is outside the vocabulary of ${vocabulary}`);
      }
    }
  }
}
