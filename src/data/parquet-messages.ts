/** What the process that reads Parquet is asked, one question after the other, and what it answers. */
import type { Sent } from "./parquet-values.ts";

export interface ParquetQuestion {
  readonly path: string;
  /** The row group to read; without it the file is only looked at. */
  readonly group?: number;
}

export interface ParquetOverview {
  /** Rows of each row group. */
  readonly blocks: readonly number[];
  readonly digest: string;
}

export interface ParquetGroup {
  readonly names: readonly string[];
  /** Values in the order of the names; a text is what is wrong with that row. */
  readonly rows: readonly (readonly Sent[] | string)[];
  /** What was unpacked for them. */
  readonly bytes: number;
}
