/** Input rows of a command: JSON lines, CSV, TSV, Parquet or stdin. */
import { createReadStream, type ReadStream } from "node:fs";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { isJsonObject } from "../base/json.ts";
import { fail, ZerothError } from "../errors.ts";
import { csvRecords } from "./csv.ts";
import type { ParquetLimits } from "./parquet-rows-node.ts";

export type InputRow = Readonly<Record<string, unknown>>;

async function jsonLines(stream: NodeJS.ReadableStream, where: string): Promise<(InputRow | ZerothError)[]> {
  const rows: (InputRow | ZerothError)[] = [];
  let line = 0;
  for await (const text of createInterface({ input: stream, crlfDelay: Infinity })) {
    line++;
    const trimmed = line === 1 ? text.replace(/^\uFEFF/, "") : text;
    if (trimmed.trim() === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(trimmed);
    } catch (cause) {
      rows.push(new ZerothError("bad_input", "the line is no JSON", { where: `${where}, line ${line}`, cause }));
      continue;
    }
    const what = Array.isArray(value) ? "a list" : value === null ? "null" : `a ${typeof value}`;
    rows.push(
      isJsonObject(value)
        ? value
        : new ZerothError("bad_input", `expected an object, got ${what}`, { where: `${where}, line ${line}` }),
    );
  }
  return rows;
}

/**
 * A cell of a Parquet file as JSON would have given it: 64-bit whole numbers as numbers, or as text where a number
 * would change them.
 */
function plainCell(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  }
  return Array.isArray(value) ? value.map(plainCell) : value;
}

/** Every Parquet row has every column: an empty cell means what an absent key means in JSON. */
const plainRow = (row: InputRow): InputRow =>
  Object.fromEntries(Object.entries(row).flatMap(([name, value]) => (value == null ? [] : [[name, plainCell(value)]])));

async function opened(path: string): Promise<ReadStream> {
  const file = createReadStream(path);
  await new Promise<void>((resolve, reject) => {
    file.once("open", () => resolve());
    file.once("error", (error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT";
      const message = missing ? "no such file" : error.message;
      reject(new ZerothError(missing ? "not_found" : "bad_input", message, { where: path }));
    });
  });
  return file;
}

/** A file's text in pieces, unpacked where it is packed. */
function textIn(file: ReadStream, path: string): NodeJS.ReadableStream & AsyncIterable<string> {
  if (!path.endsWith(".gz")) return file.setEncoding("utf8");
  const unpacked = createGunzip().setEncoding("utf8");
  pipeline(file, unpacked, () => undefined);
  return unpacked;
}

async function recordsOf(pieces: AsyncIterable<string>, separator: "," | "\t", where: string): Promise<InputRow[]> {
  const rows: InputRow[] = [];
  for await (const row of csvRecords(pieces, separator, where)) rows.push(row);
  return rows;
}

/** Read all rows of `--input`; a line that is no row gives its error in its place. */
export async function readInput(path: string, parquetLimits?: ParquetLimits): Promise<(InputRow | ZerothError)[]> {
  if (path === "-") return jsonLines(process.stdin, "stdin");
  const file = await opened(path);
  const kind = extname(path.replace(/\.gz$/, "")).toLowerCase();
  try {
    if (kind === ".jsonl" || kind === ".ndjson" || kind === ".json") return await jsonLines(textIn(file, path), path);
    if (kind === ".csv") return await recordsOf(textIn(file, path), ",", path);
    if (kind === ".tsv") return await recordsOf(textIn(file, path), "\t", path);
  } catch (cause) {
    if (cause instanceof ZerothError) throw cause;
    fail("corrupt_file", `cannot be read: ${(cause as Error).message}`, { where: path, cause });
  }
  file.destroy();
  if (kind === ".parquet") {
    const { readParquet } = await import("./parquet-rows-node.ts");
    return (await readParquet(path, parquetLimits)).map(plainRow);
  }
  return fail("bad_input", `"${kind || "no extension"}" is not a kind of rows`, {
    where: path,
    hint: "use .jsonl, .csv, .tsv (also .gz) or .parquet, or - for stdin",
  });
}

/** A column that must be text. */
export function textOf(row: InputRow, column: string): string {
  const value = row[column];
  if (typeof value === "string") return value;
  return fail("bad_input", value === undefined ? `the row has no "${column}"` : `"${column}" is no text`, {
    hint: `the row has ${Object.keys(row).join(", ") || "no columns"}`,
  });
}

/** Token ids given as they are, when the row has them. */
export function idsOf(row: InputRow, column: string): readonly number[] | undefined {
  const value = row[column];
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((id) => Number.isInteger(id) && id >= 0)) return value as number[];
  return fail("bad_input", `"${column}" must be a list of token ids`);
}
