/** Rows for templates: as `--input` reads them, but with Python's numbers, and never more of a file than is asked for. */
import { createReadStream } from "node:fs";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { fail, ZerothError } from "../errors.ts";
import { float, type Row, rowFromJson, rowFromObject, type Value, valueFrom } from "../prompts/values.ts";
import { readInput } from "./rows.ts";

async function* jsonRows(path: string): AsyncGenerator<Row | ZerothError> {
  const where = path === "-" ? "stdin" : path;
  const source: NodeJS.ReadableStream = path === "-" ? process.stdin : createReadStream(path);
  const bytes = path.endsWith(".gz") ? source.pipe(createGunzip()) : source;
  const failed = new Promise<never>((_, reject) => {
    for (const stream of new Set([source, bytes])) {
      stream.once("error", (error: NodeJS.ErrnoException) => {
        const missing = error.code === "ENOENT";
        const what = missing ? "no such file" : error.message;
        reject(new ZerothError(missing ? "not_found" : "bad_input", what, { where, cause: error }));
      });
    }
  });
  // Whoever waits for lines waits for this too.
  failed.catch(() => {});
  const lines = createInterface({ input: bytes, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  let line = 0;
  try {
    for (;;) {
      const { done, value } = await Promise.race([lines.next(), failed]);
      if (done) return;
      line++;
      const text = line === 1 ? value.replace(/^\uFEFF/, "") : value;
      if (text.trim() === "") continue;
      try {
        yield rowFromJson(text, `${where}, line ${line}`);
      } catch (error) {
        if (!(error instanceof ZerothError)) throw error;
        yield error;
      }
    }
  } finally {
    if (source !== process.stdin) (source as ReturnType<typeof createReadStream>).destroy();
  }
}

interface SchemaNode {
  readonly element: { readonly name: string; readonly type?: string };
  readonly children: readonly SchemaNode[];
}

/** A cell with the numbers of floating columns as floats: 1.0 comes out of the file as 1. */
function typed(value: unknown, node: SchemaNode | undefined): Value {
  if (typeof value === "number" && (node?.element.type === "DOUBLE" || node?.element.type === "FLOAT")) {
    return float(value);
  }
  if (Array.isArray(value)) {
    // A list's elements lie two levels down: list, element.
    const inner = node?.children[0]?.children[0] ?? node?.children[0] ?? node;
    return value.map((item) => typed(item, inner));
  }
  if (typeof value !== "object" || value === null || value instanceof Date || ArrayBuffer.isView(value)) {
    return valueFrom(value);
  }
  const child = (name: string) => node?.children.find(({ element }) => element.name === name);
  return new Map(Object.entries(value).map(([name, item]) => [name, typed(item, child(name))]));
}

async function* parquetRows(path: string): AsyncGenerator<Row> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import("hyparquet");
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const schema: SchemaNode = parquetSchema(metadata);
    let start = 0;
    for (const { num_rows } of metadata.row_groups) {
      const end = start + Number(num_rows);
      for (const row of await parquetReadObjects({ file, metadata, rowStart: start, rowEnd: end })) {
        yield typed(row, schema) as Row;
      }
      start = end;
    }
  } catch (cause) {
    if (cause instanceof ZerothError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    fail(missing ? "not_found" : "corrupt_file", missing ? "no such file" : `cannot be read as Parquet: ${cause}`, {
      where: path,
      cause,
    });
  }
}

/** The rows of a `.jsonl` (also `.gz`), `.csv` or `.parquet` file, or of stdin; a line that is no row gives its error. */
export async function* promptRows(path: string): AsyncGenerator<Row | ZerothError> {
  const kind = extname(path.replace(/\.gz$/, "")).toLowerCase();
  if (path === "-" || kind === ".jsonl" || kind === ".ndjson" || kind === ".json") yield* jsonRows(path);
  else if (kind === ".parquet") yield* parquetRows(path);
  else {
    for (const row of await readInput(path)) yield row instanceof ZerothError ? row : rowFromObject(row);
  }
}
