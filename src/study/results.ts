/** Results of a grid from rows of any file. */
import { fail } from "../errors.ts";
import { cellOf, type GroupedReader, groupedReader, type Row, shareOf } from "./columns.ts";
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

/** 60000000 as "60M"; below ten thousand every digit. */
export function countText(count: number): string {
  if (count < 1e4) return String(Math.round(count));
  const [scale, unit] = count >= 1e9 ? [1e9, "B"] : count >= 1e6 ? [1e6, "M"] : [1e3, "k"];
  return `${Number((count / scale).toPrecision(3))}${unit}`;
}

/** @throws bad_input for what is no count */
function countIn(row: Row, column: string, where: string): number {
  const value = cellOf(row, column, where);
  const found = countOf(value);
  if (found !== undefined) return found;
  return fail("bad_input", `"${column}" is ${JSON.stringify(value)}: expected a count such as 512 or 60M`, { where });
}

export const resultReader = ({ size, labels, score, group }: ResultColumns): GroupedReader<Result> =>
  groupedReader(group, (row, where) => ({
    size: countIn(row, size, where),
    labels: countIn(row, labels, where),
    score: shareOf(row, score, "a score", where),
  }));
