/** Measured models from rows of any file: which columns hold what, and what cannot be an accuracy. */
import { fail } from "../errors.ts";
import type { Measured } from "./law/limits.ts";

export interface Columns {
  /** Accuracy upstream. */
  readonly us: string;
  /** Accuracy downstream. */
  readonly ds: string;
  /** What rows are told apart by: a task, a number of shots. */
  readonly group?: string | undefined;
  /** What rows of one training share. */
  readonly run?: string | undefined;
}

type Row = Readonly<Record<string, unknown>>;

/** A number of a cell, also where it was written as text. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Reads rows one by one; `where` is what an error names. */
export function pointReader({ us, ds, group, run }: Columns) {
  const groups = new Map<string, Measured[]>();
  const accuracy = (row: Row, column: string, where: string): number => {
    if (!(column in row)) {
      fail("bad_input", `there is no column "${column}"`, {
        where,
        hint: `the columns are ${Object.keys(row).join(", ") || "none"}`,
      });
    }
    const value = numberOf(row[column]);
    if (value === undefined) {
      return fail("bad_input", `"${column}" is ${JSON.stringify(row[column] ?? null)}: expected a number`, { where });
    }
    if (value > 1 && value <= 100) {
      fail("bad_input", `"${column}" is ${value}: expected an accuracy from 0 to 1`, {
        where,
        hint: "if it is in percent, add --percent",
      });
    }
    if (!(value >= 0 && value <= 1))
      fail("bad_input", `"${column}" is ${value}: expected an accuracy from 0 to 1`, { where });
    return value;
  };
  const word = (row: Row, column: string, where: string): string => {
    const value = row[column];
    if (value === undefined || value === null) fail("bad_input", `there is no "${column}"`, { where });
    return String(value);
  };
  return {
    add(row: Row, where: string): void {
      const point: Measured = {
        us: accuracy(row, us, where),
        ds: accuracy(row, ds, where),
        ...(run !== undefined && { run: word(row, run, where) }),
      };
      const name = group === undefined ? "" : word(row, group, where);
      const list = groups.get(name);
      if (list) list.push(point);
      else groups.set(name, [point]);
    },
    /** The points by their group, in the order in which the groups came; one of the name "" without. */
    groups: groups as ReadonlyMap<string, readonly Measured[]>,
  };
}

/** The same row with these columns divided by a hundred. */
export const fromPercent = (row: Row, columns: readonly string[]): Row => ({
  ...row,
  ...Object.fromEntries(
    columns.flatMap((column) => {
      const value = numberOf(row[column]);
      return value === undefined ? [] : [[column, value / 100]];
    }),
  ),
});
