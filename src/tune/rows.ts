/** Rows to tune on, wherever they were read from. */

export type TuneRow = Readonly<Record<string, unknown>>;

export interface ReadRows {
  readonly rows: readonly TuneRow[];
  /** What messages call it. */
  readonly file: string;
  /** Of the rows: what is resumed must go on with the same ones. */
  readonly digest: string;
}
