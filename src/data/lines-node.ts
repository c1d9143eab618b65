/**
 * JSON Lines by row number. One pass finds where every sixteenth row begins (half a byte a row in memory); a row is
 * then one read of the sixteen around it. What has no places to jump to (compressed files, CSV) is written out as
 * JSON Lines first, into a temporary file that has no name any more and is gone when it is closed.
 */
import { createHash } from "node:crypto";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemError } from "../base/read-node.ts";
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import { csvRows } from "./csv.ts";
import { type Line, linesIn, linesOf, rowOfLine } from "./json-lines.ts";
import type { RowData } from "./rows.ts";
import { bytesOf, formatOf, needReadable, readError } from "./source-node.ts";
import { utf8Texts } from "./utf8.ts";
import type { Row } from "./values.ts";

const stride = 16;

export interface OpenData extends RowData, AsyncDisposable {}

interface Held {
  readonly handle: FileHandle;
  close(): Promise<void>;
}

/** A file without a name: whatever ends this process, nothing is left. */
async function namelessFile(): Promise<Held> {
  const folder = await mkdtemp(join(tmpdir(), "zeroth-rows-"));
  const handle = await open(join(folder, "rows.jsonl"), "wx+");
  const remove = () => rm(folder, { recursive: true, force: true }).catch(() => undefined);
  // Where the system keeps the name of an open file (Windows), it goes when the file is closed.
  await remove();
  return {
    handle,
    async close() {
      await handle.close();
      await remove();
    },
  };
}

async function namedFile(path: string): Promise<Held> {
  const handle = await open(path, "r");
  return { handle, close: () => handle.close() };
}

/** Rows of CSV as JSON Lines; a record that is no row is a line with the message as a JSON string. */
async function* csvAsLines(
  path: string,
  kind: "csv" | "tsv",
  say: OpenLinesOptions["say"],
): AsyncGenerator<Buffer, void, undefined> {
  let lines: string[] = [];
  for await (const row of csvRows(utf8Texts(bytesOf(path), path), { kind, where: path, say })) {
    lines.push(
      JSON.stringify(row instanceof ZerothError ? row.message.slice(path.length + 2) : Object.fromEntries(row)),
    );
    if (lines.length < 1000) continue;
    yield Buffer.from(`${lines.join("\n")}\n`);
    lines = [];
  }
  if (lines.length > 0) yield Buffer.from(`${lines.join("\n")}\n`);
}

const quote = 34;
function csvRowOfLine(line: Line, where: string): Row {
  if (line.bytes[0] !== quote) return rowOfLine(line, where);
  return fail("bad_input", JSON.parse(Buffer.from(line.bytes).toString()) as string, { where });
}

interface Indexing {
  /** Whether the pieces are written into the file that is held; else they come from it. */
  readonly apart: boolean;
  readonly where: string;
  readonly signal: AbortSignal | undefined;
  readonly parse?: (line: Line, where: string) => Row;
}

async function indexed(
  pieces: AsyncIterable<Uint8Array>,
  { handle, close }: Held,
  { apart, where, signal, parse = rowOfLine }: Indexing,
): Promise<OpenData> {
  const hash = createHash("sha256");
  const starts: number[] = [];
  let size = 0;
  let position = 0;
  async function* kept() {
    for await (const piece of pieces) {
      throwIfAborted(signal);
      hash.update(piece);
      if (apart) await handle.write(piece, 0, piece.length, position);
      position += piece.length;
      yield piece;
    }
  }
  try {
    for await (const lines of linesOf(kept(), where)) {
      for (const { at } of lines) if (size++ % stride === 0) starts.push(at);
    }
  } catch (cause) {
    await close();
    throw readError(cause, where);
  }
  const places = Float64Array.from([...starts, position]);
  let last: { block: number; lines: Promise<readonly Line[]> } | undefined;
  const read = async (block: number): Promise<readonly Line[]> => {
    const [from, to] = [places[block]!, places[block + 1]!];
    const { buffer, bytesRead } = await handle
      .read(Buffer.allocUnsafe(to - from), 0, to - from, from)
      .catch((cause) => Promise.reject(systemError(cause, where)));
    if (bytesRead < to - from) fail("corrupt_file", "has become shorter since it was opened", { where });
    return linesIn(buffer, from);
  };
  return {
    size,
    digest: hash.digest("hex"),
    async row(i): Promise<Row> {
      const block = Math.floor(i / stride);
      if (last?.block !== block) last = { block, lines: read(block) };
      const line = (await last.lines)[i % stride] ?? fail("corrupt_file", `there is no row ${i + 1}`, { where });
      return parse(line, `${where}, row ${i + 1}`);
    },
    [Symbol.asyncDispose]: close,
  };
}

export interface OpenLinesOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told in one line what is unusual about a file. */
  readonly say?: ((text: string) => void) | undefined;
}

/**
 * Open `.jsonl`, `.csv` or `.tsv`, each also `.gz`. A line or record that is no row is an error when it is asked for.
 * @throws not_found, bad_input, corrupt_file naming the file
 */
export async function openLines(path: string, { signal, say }: OpenLinesOptions = {}): Promise<OpenData> {
  await needReadable(path);
  const { format, packed } = formatOf(path);
  if (format === "parquet") return fail("bad_input", "holds no lines", { where: path });
  const apart = format !== "jsonl" || packed;
  const held = await (apart ? namelessFile() : namedFile(path)).catch((cause) =>
    Promise.reject(systemError(cause, path)),
  );
  return format === "jsonl"
    ? indexed(bytesOf(path), held, { apart, where: path, signal })
    : indexed(csvAsLines(path, format, say), held, { apart, where: path, signal, parse: csvRowOfLine });
}

/** Rows that are made here, as JSON Lines in pieces, kept in a nameless file. */
export async function spooled(pieces: AsyncIterable<Buffer>, where: string, signal?: AbortSignal): Promise<OpenData> {
  return indexed(pieces, await namelessFile(), { apart: true, where, signal });
}
