/** Rows of a file, cut into partitions of consecutive rows, and a journal of what is done of one. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { z } from "zod";
import { type InputRow, openInput } from "../../data/cli-rows-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import { unkeyed } from "../job.ts";

/** Keys of every job over rows. */
export const shardKeys = {
  input: unkeyed(z.string().describe("rows to do: .jsonl, .csv, .tsv (each also .gz) or .parquet")),
  shard: z.number().int().positive().default(10_000).describe("rows of a partition (10000)"),
  shards: z.number().int().positive().max(100_000).optional().describe("or: into how many partitions the rows are cut"),
};

interface Cut {
  readonly input: string;
  readonly shard: number;
  readonly shards?: number | undefined;
}

async function countRows(input: string): Promise<number> {
  let count = 0;
  for await (const _ of await openInput(input)) count++;
  return count;
}

/** "1/40" … "40/40". */
export async function shardNames({ input, shard, shards }: Cut): Promise<readonly string[]> {
  const rows = await countRows(input);
  if (rows === 0) fail("bad_input", "has no rows", { where: input });
  const count = shards === undefined ? Math.ceil(rows / shard) : Math.min(shards, rows);
  return Array.from({ length: count }, (_, i) => `${i + 1}/${count}`);
}

export interface Shard {
  /** The number of its first row in the file, from 0. */
  readonly first: number;
  readonly rows: readonly (InputRow | ZerothError)[];
}

/** The rows of a partition. */
export async function shardRows(cut: Cut, partition: string, signal: AbortSignal): Promise<Shard> {
  const [, at = "", of = ""] = /^(\d+)\/(\d+)$/.exec(partition) ?? [];
  const place = (i: number, rows: number) =>
    cut.shards === undefined ? i * cut.shard : Math.round((i * rows) / Number(of));
  const total = cut.shards === undefined ? 0 : await countRows(cut.input);
  const [first, end] = [place(Number(at) - 1, total), place(Number(at), total)];
  const rows: (InputRow | ZerothError)[] = [];
  let number = 0;
  for await (const row of await openInput(cut.input, { signal })) {
    if (number >= end) break;
    if (number++ >= first) rows.push(row);
  }
  return { first, rows };
}

/** A row that is one. @throws the row's error */
export function needRow(row: InputRow | ZerothError, number: number): InputRow {
  if (!(row instanceof ZerothError)) return row;
  return fail(row.code, `row ${number + 1}: ${row.message}`, { cause: row });
}

/** How much of a journal counts: whole batches, so that the next one holds the rows that it would have held. */
const wholeBatches = (known: number, together: number, total: number): number =>
  known >= total ? total : Math.floor(known / together) * together;

/**
 * A file that grows by whole records of one size and is gone on with after an interruption.
 * @param bytes of a record
 */
export function recordJournal(file: string, bytes: number, together: number, total: number) {
  const size = existsSync(file) ? statSync(file).size : 0;
  const known = wholeBatches(Math.floor(size / bytes), together, total);
  if (size > known * bytes) truncateSync(file, known * bytes);
  const handle = openSync(file, "a");
  return {
    known,
    add: (record: Uint8Array) => {
      for (let done = 0; done < record.length; ) done += writeSync(handle, record, done);
    },
    close: () => closeSync(handle),
  };
}

/** The same for lines. */
export function lineJournal(file: string, together: number, total: number) {
  const text = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  const ends: number[] = [];
  for (let at = text.indexOf(0x0a); at >= 0; at = text.indexOf(0x0a, at + 1)) ends.push(at + 1);
  const known = wholeBatches(ends.length, together, total);
  const length = known === 0 ? 0 : ends[known - 1]!;
  if (text.length > length) truncateSync(file, length);
  return { known, add: (lines: readonly string[]) => appendFileSync(file, lines.map((line) => `${line}\n`).join("")) };
}
