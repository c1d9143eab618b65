/** A row to tune on, and how messages name it. */

/** Where a row stood in its file, from 1, also when others were taken out before it. */
export const rowNumber: unique symbol = Symbol("row number");

export type TuneRow = Readonly<Record<string, unknown>> & { readonly [rowNumber]?: number | undefined };

/** @param i its place among the rows at hand, where it does not know its own */
export const rowName = (row: TuneRow, i: number): string =>
  typeof row.line === "number" ? `line ${row.line}` : `row ${row[rowNumber] ?? i + 1}`;
