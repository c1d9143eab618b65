/** Reading files: an error of the system's names the file and says what to do. */
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { fail, ZerothError } from "../errors.ts";
import { type JsonObject, jsonLimits, parseJsonObject } from "./json.ts";

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

/** Refuse what is no file. Asked before opening: opening a pipe would wait for a writer. */
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

/** Use an open file; what the system refuses is an error that names it. */
export function withFile<T>(path: string, use: (file: number) => T): T {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
    throw systemError(cause, path);
  }
  try {
    return use(file);
  } catch (cause) {
    throw systemError(cause, path);
  } finally {
    closeSync(file);
  }
}

/** Read a JSON object from a file of at most `limit` bytes. */
export function readJsonFile(path: string, limit: number = jsonLimits.config, where: string = path): JsonObject {
  let text: string;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) fail("corrupt_file", "is not a file", { where });
    const { size } = stat;
    if (size > limit) fail("corrupt_file", `${size} bytes of JSON, at most ${limit} are read`, { where });
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (cause) {
    if (cause instanceof TypeError) fail("corrupt_file", "not valid UTF-8", { where, cause });
    throw systemError(cause, where);
  }
  return parseJsonObject(text, where, limit);
}
