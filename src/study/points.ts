/** Measured models from rows of any file: which columns hold what. */
import { cellOf, type GroupedReader, groupedReader, shareOf } from "./columns.ts";
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

export const pointReader = ({ us, ds, group, run }: Columns): GroupedReader<Measured> =>
  groupedReader(group, (row, where) => ({
    us: shareOf(row, us, "an accuracy", where),
    ds: shareOf(row, ds, "an accuracy", where),
    ...(run !== undefined && { run: String(cellOf(row, run, where)) }),
  }));
