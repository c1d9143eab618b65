/** Input rows of a command: JSON lines, CSV, Parquet or stdin. */
import { createReadStream } from "node:fs";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { fail, ZerothError } from "../errors.ts";
import { isJsonObject } from "../hub/json.ts";
import type { ParquetLimits } from "./parquet-node.ts";

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

/** RFC 4180: quoted fields may hold commas, quotes and line breaks. The first record names the columns. */
export function parseCsv(text: string, where: string): InputRow[] {
  const records: string[][] = [];
  let record: string[] = [];
  let field = "";
  let quoted = false;
  const endRecord = () => {
    record.push(field);
    if (record.length > 1 || record[0] !== "") records.push(record);
    record = [];
    field = "";
  };
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (quoted) {
      if (char === '"' && text[i + 1] === '"') {
        field += '"';
        i++;
      } else if (char === '"') quoted = false;
      else field += char;
    } else if (char === '"' && field === "") quoted = true;
    else if (char === ",") {
      record.push(field);
      field = "";
    } else if (char === "\n") endRecord();
    else if (char !== "\r" || text[i + 1] !== "\n") field += char;
  }
  if (quoted) fail("bad_input", "a quoted field is never closed", { where });
  if (field !== "" || record.length > 0) endRecord();
  const [header, ...body] = records;
  if (!header) return fail("bad_input", "the file is empty: its first line must name the columns", { where });
  return body.map((values, i) => {
    if (values.length !== header.length) {
      fail("bad_input", `record ${i + 1} has ${values.length} fields, the header has ${header.length}`, { where });
    }
    return Object.fromEntries(header.map((name, column) => [name, values[column]!]));
  });
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

/** Read all rows of `--input`; a line that is no row gives its error in its place. */
export async function readInput(path: string, parquetLimits?: ParquetLimits): Promise<(InputRow | ZerothError)[]> {
  if (path === "-") return jsonLines(process.stdin, "stdin");
  const opened = createReadStream(path);
  await new Promise<void>((resolve, reject) => {
    opened.once("open", () => resolve());
    opened.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        new ZerothError(
          error.code === "ENOENT" ? "not_found" : "bad_input",
          error.code === "ENOENT" ? "no such file" : error.message,
          {
            where: path,
          },
        ),
      ),
    );
  });
  const kind = extname(path).toLowerCase();
  if (kind === ".jsonl" || kind === ".ndjson" || kind === ".json") return jsonLines(opened, path);
  if (kind === ".csv") {
    const parts: Buffer[] = [];
    for await (const part of opened) parts.push(part as Buffer);
    return parseCsv(
      Buffer.concat(parts)
        .toString("utf8")
        .replace(/^\uFEFF/, ""),
      path,
    );
  }
  opened.destroy();
  if (kind === ".parquet") {
    const { readParquet } = await import("./parquet-node.ts");
    return (await readParquet(path, parquetLimits)).map(plainRow);
  }
  return fail("bad_input", `"${kind || "no extension"}" is not a kind of rows`, {
    where: path,
    hint: "use .jsonl, .csv or .parquet, or - for stdin",
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
