/** Rows of a data set by number, wherever they lie; no more of it in memory than a reader keeps for the next row. */
import { throwIfAborted } from "../errors.ts";
import type { Blocks } from "./order.ts";
import type { Row } from "./values.ts";

export interface RowData {
  readonly size: number;
  /** Rows that are read together, where reading one reads them all. */
  readonly blocks?: Blocks | undefined;
  /** Follows from the content: other rows, another digest. */
  readonly digest: string;
  /** Row i, from 0. @throws bad_input or corrupt_file naming file and row */
  row(i: number): Promise<Row>;
}

/** The rows in the order of the file from one on; where it stood is the number of the next row. */
export async function* rowsFrom(data: RowData, from = 0, signal?: AbortSignal): AsyncGenerator<Row, void, undefined> {
  for (let i = from; i < data.size; i++) {
    throwIfAborted(signal);
    yield await data.row(i);
  }
}

/** Several parts one after the other. */
export function joined(parts: readonly RowData[]): RowData {
  if (parts.length === 1) return parts[0]!;
  const starts: number[] = [];
  let size = 0;
  for (const part of parts) {
    starts.push(size);
    size += part.size;
  }
  return {
    size,
    blocks: parts.some(({ blocks }) => blocks) ? parts.flatMap((part) => part.blocks ?? [part.size]) : undefined,
    digest: parts.map(({ digest }) => digest).join("+"),
    row(i) {
      const part = starts.findLastIndex((start, p) => start <= i && parts[p]!.size > 0);
      return parts[part]!.row(i - starts[part]!);
    },
  };
}

/**
 * At most `limit` rows, evenly spaced: the first ones would be of one class where a file is sorted by it. The order
 * is kept, so rows that are read together still are.
 */
export function sampled(data: RowData, limit: number | undefined): RowData {
  if (limit === undefined || data.size <= limit) return data;
  const at = (i: number) => Math.floor((i * data.size) / limit);
  let start = 0;
  let next = 0;
  const blocks = data.blocks?.map((rows) => {
    start += rows;
    let count = 0;
    for (; next < limit && at(next) < start; next++) count++;
    return count;
  });
  return {
    size: limit,
    blocks: blocks?.filter((rows) => rows > 0),
    digest: `${data.digest}/${limit}`,
    row: (i) => data.row(at(i)),
  };
}

/** The rows of the given numbers. */
export function picked(data: RowData, rows: ArrayLike<number>, name: string): RowData {
  return { size: rows.length, digest: `${data.digest}:${name}`, row: (i) => data.row(rows[i]!) };
}
