/** Cells of rows of any file, by the names of their columns: what lacks, and what is no share, is said with its place. */
import { fail } from "../errors.ts";

export type Row = Readonly<Record<string, unknown>>;

/** A number of a cell, also where it was written as text. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** A cell of a text file as the number that it says; what is empty is null. */
export function typedCell(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined || value === "") return null;
  if (typeof value === "boolean") return value;
  return numberOf(value) ?? String(value);
}

/** @throws bad_input where the row has no such column, or nothing in it */
export function cellOf(row: Row, column: string, where: string): unknown {
  const value = row[column];
  if (value !== undefined && value !== null) return value;
  return fail("bad_input", column in row ? `there is nothing in "${column}"` : `there is no column "${column}"`, {
    where,
    hint: `the columns are ${Object.keys(row).join(", ") || "none"}`,
  });
}

/** A share from 0 to 1, such as an accuracy. @param what how errors call it: "an accuracy" */
export function shareOf(row: Row, column: string, what: string, where: string): number {
  const value = cellOf(row, column, where);
  const number = numberOf(value);
  if (number !== undefined && number >= 0 && number <= 1) return number;
  return fail("bad_input", `"${column}" is ${JSON.stringify(value)}: expected ${what} from 0 to 1`, {
    where,
    ...(number !== undefined && number > 1 && number <= 100 && { hint: "if it is in percent, add --percent" }),
  });
}

/**
 * Reads rows one by one into groups, in the order in which the groups come; one of the name "" without a `group`.
 * `where` is what an error names.
 */
export function groupedReader<T>(group: string | undefined, read: (row: Row, where: string) => T) {
  const groups = new Map<string, T[]>();
  return {
    add(row: Row, where: string): void {
      const one = read(row, where);
      const name = group === undefined ? "" : String(cellOf(row, group, where));
      const list = groups.get(name);
      if (list) list.push(one);
      else groups.set(name, [one]);
    },
    groups: groups as ReadonlyMap<string, readonly T[]>,
  };
}

export type GroupedReader<T> = ReturnType<typeof groupedReader<T>>;

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
