/** Rows for templates: as `--input` reads them, but with Python's numbers, and never more of a file than is asked for. */
import { createReadStream } from "node:fs";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { readInput } from "../data/cli-rows-node.ts";
import { createGroupCache, openParquet } from "../data/parquet-node.ts";
import { rowsFrom } from "../data/rows.ts";
import { type Row, rowFromJson, rowFromObject } from "../data/values.ts";
import { ZerothError } from "../errors.ts";

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

/** The rows of a `.jsonl` (also `.gz`), `.csv` or `.parquet` file, or of stdin; a line that is no row gives its error. */
export async function* promptRows(path: string): AsyncGenerator<Row | ZerothError> {
  const kind = extname(path.replace(/\.gz$/, "")).toLowerCase();
  if (path === "-" || kind === ".jsonl" || kind === ".ndjson" || kind === ".json") yield* jsonRows(path);
  // Row groups are read once, one after the other: none has to be kept.
  else if (kind === ".parquet") yield* rowsFrom(await openParquet(path, createGroupCache(0)));
  else {
    for (const row of await readInput(path)) yield row instanceof ZerothError ? row : rowFromObject(row);
  }
}
