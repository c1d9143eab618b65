/** Rows to tune on, wherever they were read from, and how messages name them. */

/** Where a row stood in its file, from 1, also when others were taken out before it. */
export const rowNumber: unique symbol = Symbol("row number");

export type TuneRow = Readonly<Record<string, unknown>> & { readonly [rowNumber]?: number | undefined };

export interface ReadRows {
  readonly rows: readonly TuneRow[];
  /** What messages call it. */
  readonly file: string;
  /** Of the rows: what is resumed must go on with the same ones. */
  readonly digest: string;
}

/** @param i its place among the rows at hand, where it does not know its own */
export const rowName = (row: TuneRow, i: number): string =>
  typeof row.line === "number" ? `line ${row.line}` : `row ${row[rowNumber] ?? i + 1}`;
