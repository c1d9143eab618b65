/** Reading files: an error of the system's names the file and says what to do. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { fail, ZerothError } from "../errors.ts";
import { type JsonObject, jsonLimits, parseJsonObject } from "./json.ts";
import { headBytes, type Mistaken, refuseMistaken } from "./sniff.ts";

/** One read call moves at most this much: above 2 GiB the system refuses. */
const chunkBytes = 1 << 30;

/** An error of the system's as one of ours; ours pass as they are. */
export function systemError(cause: unknown, where: string): ZerothError {
  if (cause instanceof ZerothError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR") return new ZerothError("not_found", "no such file", { where, cause });
  return new ZerothError("bad_input", `cannot be read (${code ?? message})`, {
    where,
    cause,
    ...(code === "EACCES" && { hint: "check its permissions" }),
    ...(code === "ELOOP" && { hint: "the link leads in a circle" }),
  });
}

/** Refuse what is no file: a folder, a pipe, a device. Asked before opening: some devices act when they are opened. */
export function needFile(path: string): void {
  let isFile: boolean | undefined;
  try {
    isFile = statSync(path, { throwIfNoEntry: false })?.isFile();
  } catch (cause) {
    throw systemError(cause, path);
  }
  if (isFile === false) fail("bad_input", "is not a file", { where: path });
}

/** Fill `target` from a place in an open file; how many bytes there were. */
export function readAt(file: number, target: Uint8Array, position: number): number {
  let done = 0;
  while (done < target.length) {
    const read = readSync(file, target, done, Math.min(chunkBytes, target.length - done), position + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}

/** Opening a pipe waits for a writer, unless it is told not to; files take no notice. Windows has no such flag. */
const openFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Use an open file; what the system refuses is an error that names it.
 * @throws not_found; bad_input for what is no file (a pipe, a device, a folder) or may not be read
 */
export function withFile<T>(path: string, use: (file: number, size: number) => T, where: string = path): T {
  needFile(path);
  let file: number;
  try {
    file = openSync(path, openFlags);
  } catch (cause) {
    throw systemError(cause, where);
  }
  try {
    // Asked again of what was opened: the path may lead elsewhere by now.
    const stat = fstatSync(file);
    if (!stat.isFile()) fail("bad_input", "is not a file", { where });
    return use(file, stat.size);
  } catch (cause) {
    throw systemError(cause, where);
  } finally {
    closeSync(file);
  }
}

/** Bytes of a file in memory of their own, shorter at its end. */
export function readBytes(file: number, position: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, readAt(file, bytes, position));
}

/**
 * A whole file of at most `limit` bytes in memory.
 * @param accepts kinds of {@link Mistaken} files that the caller does read
 * @throws not_found; bad_input for what is no file; corrupt_file when it is larger, or something else than was expected
 */
export function readWholeFile(
  path: string,
  limit: number,
  where: string = path,
  ...accepts: readonly Mistaken[]
): Uint8Array<ArrayBuffer> {
  return withFile(
    path,
    (file, size) => {
      if (size > limit) fail("corrupt_file", `${size} bytes, at most ${limit} are read`, { where });
      refuseMistaken(readBytes(file, 0, Math.min(size, headBytes)), size, where, ...accepts);
      return readBytes(file, 0, size);
    },
    where,
  );
}

/** Read a JSON object from a file of at most `limit` bytes. */
export function readJsonFile(path: string, limit: number = jsonLimits.config, where: string = path): JsonObject {
  return parseJsonObject(readTextFile(path, limit, where), where, limit);
}

/** Read a text from a file of at most `limit` bytes. */
export function readTextFile(path: string, limit: number, where: string = path): string {
  const bytes = readWholeFile(path, limit, where);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    return fail("corrupt_file", "not valid UTF-8", { where, cause });
  }
}
