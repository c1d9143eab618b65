/**
 * JSON Lines by row number. One pass finds where every sixteenth row begins (half a byte a row in memory); a row is
 * then one read of the sixteen around it. What has no places to jump to (compressed files, CSV) is written out as
 * JSON Lines first, into a temporary file that has no name any more and is gone when it is closed.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import { csvRecords } from "./csv.ts";
import type { RowData } from "./rows.ts";
import { type Row, rowFromJson } from "./values.ts";

const stride = 16;
/** Longest line that is read: a row has to fit into memory. */
const longestLine = 64 << 20;

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

function readError(cause: unknown, where: string): never {
  if (cause instanceof ZerothError) throw cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "ENOENT") return fail("not_found", "no such file", { where });
  if (code?.startsWith("Z_")) return fail("corrupt_file", `cannot be unpacked: ${message}`, { where, cause });
  return fail("bad_input", `cannot be read (${code ?? message})`, { where, cause });
}

async function* unpacked(path: string): AsyncGenerator<Buffer, void, undefined> {
  const file = createReadStream(path, { highWaterMark: 1 << 20 });
  if (!path.endsWith(".gz")) {
    yield* file;
    return;
  }
  const unzip = createGunzip({ chunkSize: 1 << 20 });
  file.once("error", (error) => unzip.destroy(error));
  try {
    yield* file.pipe(unzip);
  } finally {
    file.destroy();
  }
}

async function* asLines(path: string, separator: "," | "\t"): AsyncGenerator<Buffer, void, undefined> {
  async function* texts() {
    const decoder = new TextDecoder();
    for await (const piece of unpacked(path)) yield decoder.decode(piece, { stream: true });
    yield decoder.decode();
  }
  let lines: string[] = [];
  for await (const record of csvRecords(texts(), separator, path)) {
    lines.push(JSON.stringify(record));
    if (lines.length < 1000) continue;
    yield Buffer.from(`${lines.join("\n")}\n`);
    lines = [];
  }
  if (lines.length > 0) yield Buffer.from(`${lines.join("\n")}\n`);
}

const isBlank = (bytes: Buffer, from: number, to: number): boolean => {
  for (let i = from; i < to; i++) if (bytes[i]! > 32) return false;
  return true;
};

/** Where rows begin in bytes that come in pieces. */
function lineIndex(where: string) {
  const starts: number[] = [];
  let size = 0;
  let position = 0;
  let lineStart = 0;
  // Whether the line that is open holds anything yet.
  let open = false;
  return {
    add(piece: Buffer): void {
      let from = 0;
      const note = (to: number) => {
        if (open || isBlank(piece, from, to)) return;
        open = true;
        if (size++ % stride === 0) starts.push(lineStart);
      };
      for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, from)) {
        note(end);
        from = end + 1;
        [open, lineStart] = [false, position + from];
      }
      note(piece.length);
      position += piece.length;
      if (position - lineStart > longestLine)
        fail("too_long", `row ${size} is longer than ${longestLine} bytes`, { where });
    },
    done: () => ({ size, starts: Float64Array.from([...starts, position]) }),
  };
}

/** Rows of JSON Lines that come in pieces, which are written into the file held where they do not come from it. */
async function indexed(
  pieces: AsyncIterable<Buffer>,
  { handle, close }: Held,
  { apart, where, signal }: { apart: boolean; where: string; signal: AbortSignal | undefined },
): Promise<OpenData> {
  const index = lineIndex(where);
  const hash = createHash("sha256");
  try {
    let at = 0;
    for await (const piece of pieces) {
      throwIfAborted(signal);
      index.add(piece);
      hash.update(piece);
      if (apart) {
        await handle.write(piece, 0, piece.length, at);
        at += piece.length;
      }
    }
  } catch (cause) {
    await close();
    return readError(cause, where);
  }
  const { size, starts } = index.done();
  let last: { block: number; lines: Promise<readonly string[]> } | undefined;
  const read = async (block: number): Promise<readonly string[]> => {
    const [from, to] = [starts[block]!, starts[block + 1]!];
    const { buffer, bytesRead } = await handle
      .read(Buffer.allocUnsafe(to - from), 0, to - from, from)
      .catch((cause) => readError(cause, where));
    if (bytesRead < to - from) fail("corrupt_file", "has become shorter since it was opened", { where });
    return buffer
      .toString("utf8")
      .replace(/^\uFEFF/, "")
      .split("\n")
      .filter((line) => /[^\0- ]/.test(line));
  };
  return {
    size,
    digest: hash.digest("hex"),
    async row(i): Promise<Row> {
      const block = Math.floor(i / stride);
      if (last?.block !== block) last = { block, lines: read(block) };
      const line = (await last.lines)[i % stride] ?? fail("corrupt_file", `there is no row ${i + 1}`, { where });
      return rowFromJson(line, `${where}, row ${i + 1}`);
    },
    [Symbol.asyncDispose]: close,
  };
}

/**
 * Open `.jsonl`, `.csv` or `.tsv`, each also `.gz`.
 * @throws not_found, bad_input, corrupt_file naming the file
 */
export async function openLines(path: string, signal?: AbortSignal): Promise<OpenData> {
  const separator = /\.csv(\.gz)?$/i.test(path) ? "," : /\.tsv(\.gz)?$/i.test(path) ? "\t" : undefined;
  const apart = separator !== undefined || path.endsWith(".gz");
  const held = await (apart ? namelessFile() : namedFile(path)).catch((cause) => readError(cause, path));
  return indexed(separator ? asLines(path, separator) : unpacked(path), held, { apart, where: path, signal });
}

/** Rows that are made here, as JSON Lines in pieces, kept in a nameless file. */
export async function spooled(pieces: AsyncIterable<Buffer>, where: string, signal?: AbortSignal): Promise<OpenData> {
  return indexed(pieces, await namelessFile(), { apart: true, where, signal });
}
