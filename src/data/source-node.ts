/** Bytes of files of rows and of stdin, unpacked where they are packed. */
import { constants, createReadStream, readFileSync, statSync } from "node:fs";
import { access } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { needFile, systemError } from "../base/read-node.ts";
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import { wholeText } from "./utf8.ts";

/** Small files may unpack to this much, larger ones to a multiple of their size: text packs to a tenth or less rarely. */
const freely = 16 << 20;
const times = 200;

/** The most bytes that so many packed ones are unpacked to. */
export const unpackLimit = (packed: number): number => freely + times * packed;

/** Which reader a file's name asks for, and whether it is packed. */
export function formatOf(path: string): {
  readonly format: "jsonl" | "csv" | "tsv" | "parquet";
  readonly packed: boolean;
} {
  const [, name, gz] = /\.(jsonl|ndjson|json|csv|tsv|parquet)(\.gz)?$/i.exec(path) ?? [];
  const format = name?.toLowerCase();
  const hint = "rows are read from .jsonl, .csv and .tsv (each also .gz) and .parquet";
  if (format === "parquet" && gz)
    return fail("bad_input", "Parquet is packed inside, not as a whole", { where: path, hint: "unpack it" });
  if (format === "csv" || format === "tsv" || format === "parquet") return { format, packed: gz !== undefined };
  if (format !== undefined) return { format: "jsonl", packed: gz !== undefined };
  const extension = /\.[^./\\]+$/.exec(path)?.[0] ?? "no extension";
  return fail("bad_input", `not a kind of data file (${extension})`, { where: path, hint });
}

/** An error of reading as one of ours. */
export function readError(cause: unknown, where: string): ZerothError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (!(cause instanceof ZerothError) && code?.startsWith("Z_")) {
    return new ZerothError("corrupt_file", `cannot be unpacked: ${(cause as Error).message}`, { where, cause });
  }
  return systemError(cause, where);
}

/** The text of a file. @throws not_found; bad_input naming the byte that is not UTF-8 */
export function readText(path: string): string {
  needFile(path);
  try {
    return wholeText(readFileSync(path), path);
  } catch (cause) {
    throw systemError(cause, path);
  }
}

/** Refuse what is no file, or cannot be read. @throws not_found, bad_input */
export async function needReadable(path: string): Promise<void> {
  needFile(path);
  await access(path, constants.R_OK).catch((cause) => {
    throw systemError(cause, path);
  });
}

/**
 * A file's bytes in pieces; `-` is stdin, which is left when the signal fires.
 * @throws not_found, bad_input, corrupt_file naming the file; also for what unpacks out of all proportion
 */
export async function* bytesOf(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  if (path === "-") {
    // The next row may never come.
    const stop = () => process.stdin.destroy(new ZerothError("interrupted", "stopped on request"));
    throwIfAborted(signal);
    signal?.addEventListener("abort", stop, { once: true });
    try {
      yield* process.stdin as AsyncIterable<Uint8Array>;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
    return;
  }
  const file = createReadStream(path, { highWaterMark: 1 << 18 });
  const unpacked = path.toLowerCase().endsWith(".gz") ? createGunzip({ chunkSize: 1 << 18 }) : undefined;
  try {
    if (!unpacked) {
      yield* file as AsyncIterable<Uint8Array>;
      return;
    }
    const limit = unpackLimit(statSync(path).size);
    let sum = 0;
    file.once("error", (error) => unpacked.destroy(error));
    for await (const piece of file.pipe(unpacked) as AsyncIterable<Uint8Array>) {
      sum += piece.length;
      if (sum > limit)
        fail("corrupt_file", `unpacks to more than ${limit} bytes, ${times} times its size`, { where: path });
      yield piece;
    }
  } catch (cause) {
    throw readError(cause, path);
  } finally {
    file.destroy();
    unpacked?.destroy();
  }
}
