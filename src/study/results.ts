/** Results of a grid from rows of any file. */
import { fail } from "../errors.ts";
import type { Result } from "./grid/cells.ts";

export interface ResultColumns {
  /** Parameters of the model. */
  readonly size: string;
  /** Labelled examples. */
  readonly labels: string;
  /** Score on the test set, from 0 to 1. */
  readonly score: string;
  /** What rows are told apart by. */
  readonly group?: string | undefined;
}

const scales: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, b: 1e9 };

/** A count, also as people write them: "60M", "1.5 B", 2048. */
export function countOf(value: unknown): number | undefined {
  if (typeof value === "number") return value > 0 && Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string") return undefined;
  const [, digits, unit] = /^\s*(\d+(?:\.\d+)?(?:e\d+)?)\s*([kmb]?)\s*$/i.exec(value) ?? [];
  const count = digits === undefined ? Number.NaN : Number(digits) * scales[unit!.toLowerCase()]!;
  return count > 0 && Number.isFinite(count) ? count : undefined;
}

/** Reads rows one by one; `where` is what an error names. */
export function resultReader({ size, labels, score, group }: ResultColumns) {
  const groups = new Map<string, Result[]>();
  return {
    add(row: Readonly<Record<string, unknown>>, where: string): void {
      const cell = (column: string): unknown => {
        if (row[column] !== undefined && row[column] !== null) return row[column];
        return fail("bad_input", `there is no "${column}"`, {
          where,
          hint: `the columns are ${Object.keys(row).join(", ") || "none"}`,
        });
      };
      const count = (column: string): number => {
        const value = cell(column);
        const found = countOf(value);
        if (found !== undefined) return found;
        return fail("bad_input", `"${column}" is ${JSON.stringify(value)}: expected a count such as 512 or 60M`, {
          where,
        });
      };
      const value = cell(score);
      const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
      if (typeof number !== "number" || !(number >= 0 && number <= 1)) {
        fail("bad_input", `"${score}" is ${JSON.stringify(value)}: expected a score from 0 to 1`, {
          where,
          ...(typeof number === "number" &&
            number > 1 &&
            number <= 100 && { hint: "if it is in percent, add --percent" }),
        });
      }
      const result: Result = { size: count(size), labels: count(labels), score: number as number };
      const name = group === undefined ? "" : String(cell(group));
      const list = groups.get(name);
      if (list) list.push(result);
      else groups.set(name, [result]);
    },
    groups: groups as ReadonlyMap<string, readonly Result[]>,
  };
}
