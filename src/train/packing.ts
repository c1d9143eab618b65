/**
 * Several pairs of input and target in a row, so that little of a batch is padding. Pairs are taken in order and each
 * goes into the first row that has room for both of its parts (first fit); the one that fits nowhere begins the next
 * batch. Where a batch has one row this is what seqio does (one open row, closed by the first pair that does not
 * fit); with several rows fewer places stay empty. Nothing is left over between batches: where the next one begins
 * is one number.
 */
import { fail } from "../errors.ts";
import type { Example } from "../models/kinds/loss.ts";

/** The pairs of one row, in the order of their segments. */
export type PackedRow = readonly Example[];

export interface PackSize {
  readonly rows: number;
  /** Tokens a row has room for. */
  readonly maxInput: number;
  readonly maxTarget: number;
}

/** Rows that fill up; `add` says false when a pair fits into none of them. */
export function packer({ rows, maxInput, maxTarget }: PackSize) {
  const open = Array.from({ length: rows }, () => ({ pairs: [] as Example[], input: 0, target: 0 }));
  return {
    add(example: Example): boolean {
      const { input, target } = example;
      const fits = (row: (typeof open)[number]) =>
        row.input + input.length <= maxInput && row.target + target.length <= maxTarget;
      const row = open.find(fits);
      if (row) {
        row.pairs.push(example);
        row.input += input.length;
        row.target += target.length;
      } else if (open.every(({ pairs }) => pairs.length === 0)) {
        fail("too_long", `a pair of ${input.length} and ${target.length} tokens does not fit into an empty row`, {
          hint: `max_input is ${maxInput}, max_target ${maxTarget}`,
        });
      }
      return row !== undefined;
    },
    /** Rows that hold something. */
    rows: (): PackedRow[] => open.map(({ pairs }) => pairs).filter((pairs) => pairs.length > 0),
  };
}
