/**
 * Rows of Parquet files. What a file says of itself is followed by a library that has no limits of its own: so it is
 * read in a process, a row group at a time.
 */
import { type ReaderLimits, readerProcess } from "../base/reader-process-node.ts";
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import type { GroupCache } from "./group-cache.ts";
import type { ParquetGroup, ParquetOverview, ParquetQuestion } from "./parquet-messages.ts";
import { received } from "./parquet-values.ts";
import type { RowData } from "./rows.ts";
import { needReadable } from "./source-node.ts";
import type { Row } from "./values.ts";

/** A megabyte of well-packed text becomes some thirty of rows. */
const usual: ReaderLimits = { milliseconds: 30_000, megabytes: 512 };

const reader = readerProcess<ParquetQuestion, ParquetOverview | ParquetGroup>({
  as: "as Parquet",
  // The sources themselves are only run by tests, which build first: a process cannot be started from TypeScript.
  script: import.meta.url.endsWith(".ts")
    ? new URL("../../dist/data/parquet-process-node.js", import.meta.url)
    : new URL("./parquet-process-node.js", import.meta.url),
  each: { milliseconds: 1000, megabytes: 32 },
});

const asked = <R extends ParquetOverview | ParquetGroup>(question: ParquetQuestion, limits: ReaderLimits): Promise<R> =>
  reader.ask(question, limits) as Promise<R>;

/** Row i of a group, which is row `number` of its file. @throws bad_input naming the row */
function rowOf({ names, rows }: ParquetGroup, i: number, where: string, number: number): Row {
  const row = rows[i]!;
  if (typeof row === "string") return fail("bad_input", row, { where: `${where}, row ${number}` });
  return new Map(names.map((name, column) => [name, received(row[column]!)]));
}

/**
 * Rows by number.
 * @throws not_found, bad_input where the system refuses; corrupt_file for what cannot be read or asks for time or
 *   memory out of proportion; unsupported naming a compression
 */
export async function openParquet(path: string, cache: GroupCache, limits: ReaderLimits = usual): Promise<RowData> {
  await needReadable(path);
  const { blocks, digest } = await asked<ParquetOverview>({ path }, limits);
  const starts = [0];
  for (const rows of blocks) starts.push(starts.at(-1)! + rows);
  return {
    size: starts.at(-1)!,
    blocks,
    digest,
    async row(i): Promise<Row> {
      const group = starts.findLastIndex((start, g) => start <= i && blocks[g]! > 0);
      if (group < 0) return fail("corrupt_file", `there is no row ${i + 1}`, { where: path });
      const read = () => asked<ParquetGroup>({ path, group }, limits);
      return rowOf(await cache.get(`${path}\0${digest}\0${group}`, read), i - starts[group]!, path, i + 1);
    },
  };
}

/** Rows in the order of the file; one that cannot be read gives its error in its place. @throws as {@link openParquet} */
export async function* parquetRows(
  path: string,
  limits: ReaderLimits = usual,
  signal?: AbortSignal,
): AsyncGenerator<Row | ZerothError, void, undefined> {
  const { blocks } = await asked<ParquetOverview>({ path }, limits);
  let number = 0;
  for (const [group, count] of blocks.entries()) {
    if (count === 0) continue;
    throwIfAborted(signal);
    const read = await asked<ParquetGroup>({ path, group }, limits);
    for (let i = 0; i < count; i++) {
      number++;
      let row: Row | ZerothError;
      try {
        row = rowOf(read, i, path, number);
      } catch (error) {
        if (!(error instanceof ZerothError)) throw error;
        row = error;
      }
      yield row;
    }
  }
}
