/** Files that are there whole or not at all. */
import { createHash } from "node:crypto";
import { createReadStream, lstatSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ZerothError } from "../errors.ts";

/** The hash of a file of any size, in hexadecimal digits. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest("hex");
}

/** Names in a folder in their order; none where there is no such folder. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** Paths of all files below a folder; links to folders are not followed. */
export function filesBelow(folder: string): string[] {
  return namesIn(folder).flatMap((name) => {
    const path = join(folder, name);
    return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ? filesBelow(path) : [path];
  });
}

let counter = 0;

/** Make a rename survive a power cut; where folders cannot be opened (Windows), the system does it on its own. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/** A disk's refusal as an error a person can act on; ours, and what no disk said, pass as they are. */
export function writeError(cause: unknown, where: string): unknown {
  const { code, syscall } = cause as NodeJS.ErrnoException;
  if (cause instanceof ZerothError || syscall === undefined) return cause;
  return new ZerothError("bad_input", `cannot be written (${code})`, {
    where,
    hint: code === "ENOSPC" ? "free some space on the disk and try again" : "check the folder and its permissions",
    cause,
  });
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/**
 * Make a folder and those above it that are missing. Node's own recursive `mkdir` never ends where a folder is there but
 * takes no entries: /proc, or one that was deleted while somebody was in it.
 * @throws bad_input with the place that cannot be written
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  try {
    for (let at = resolve(path); !isFolder(at); at = dirname(at)) {
      missing.unshift(at);
      if (dirname(at) === at) break;
    }
    for (const folder of missing) {
      try {
        mkdirSync(folder);
      } catch (error) {
        // Somebody else may have made it meanwhile.
        if ((error as NodeJS.ErrnoException).code !== "EEXIST" || !isFolder(folder)) throw error;
      }
    }
  } catch (cause) {
    throw writeError(cause, path);
  }
}

async function writeAll(handle: FileHandle, piece: Uint8Array): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    // One call writes at most 2 GiB on Linux.
    const { bytesWritten } = await handle.write(piece, done, Math.min(piece.length - done, 1 << 30));
    done += bytesWritten;
  }
}

/**
 * Write a file through a temporary name in the same folder: write, sync, rename, sync the folder. Missing folders are
 * made. On any failure the temporary file is removed and what was there before is untouched.
 */
export async function writeFileSafely(
  path: string,
  content: string | Uint8Array | (() => Iterable<Uint8Array>),
): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}-${counter++}.tmp`);
  let handle: FileHandle | undefined;
  try {
    makeFolder(folder);
    handle = await open(temporary, "wx");
    if (typeof content === "function") {
      for (const piece of content()) await writeAll(handle, piece);
    } else {
      await writeAll(handle, typeof content === "string" ? new TextEncoder().encode(content) : content);
    }
    await handle.sync();
    await handle.close();
    handle = undefined;
    await rename(temporary, path);
  } catch (cause) {
    await handle?.close().catch(() => undefined);
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(cause, path);
  }
  await syncFolder(folder);
}
