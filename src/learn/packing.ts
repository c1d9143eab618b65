/**
 * Several pairs of input and target in a row, so that little of a batch is padding. Pairs are taken in order and each
 * goes into the first row that has room for both of its parts (first fit); the one that fits nowhere begins the next
 * batch. Where a batch has one row this is what seqio does (one open row, closed by the first pair that does not
 * fit); with several rows fewer places stay empty. Nothing is left over between batches: where the next one begins
 * is one number.
 */
import { fail } from "../errors.ts";
import { float32, int64, type NdArray } from "../graph/array.ts";
import type { Example } from "./objectives.ts";

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

/**
 * Inputs of the packed loss for rows, padded to the longest; `tokens` is the target tokens of the whole step. Every
 * pair's decoder begins with the start token.
 */
export function collatePacked(
  rows: readonly PackedRow[],
  { pad, start, tokens }: { pad: number; start: number; tokens: number },
): Record<string, NdArray> {
  const total = (row: PackedRow, part: "input" | "target") => row.reduce((sum, pair) => sum + pair[part].length, 0);
  const inputs = Math.max(...rows.map((row) => total(row, "input")));
  const targets = Math.max(...rows.map((row) => total(row, "target")));
  const sheet = (width: number, value: number) => new Array<number>(rows.length * width).fill(value);
  const [ids, segments] = [sheet(inputs, pad), sheet(inputs, 0)];
  const [shifted, labels, targetSegments] = [sheet(targets, pad), sheet(targets, -100), sheet(targets, 0)];
  rows.forEach((row, r) => {
    let [at, out] = [r * inputs, r * targets];
    row.forEach(({ input, target }, segment) => {
      for (const id of input) {
        ids[at] = id;
        segments[at++] = segment + 1;
      }
      target.forEach((id, i) => {
        shifted[out] = i === 0 ? start : target[i - 1]!;
        labels[out] = id;
        targetSegments[out++] = segment + 1;
      });
    });
  });
  return {
    ids: int64([rows.length, inputs], ids),
    segments: int64([rows.length, inputs], segments),
    tokens: int64([rows.length, 1, targets], shifted),
    labels: int64([rows.length, 1, targets], labels),
    target_segments: int64([rows.length, targets], targetSegments),
    scale: float32([], [1 / Math.max(1, tokens)]),
  };
}
