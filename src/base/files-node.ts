/** Files that are there whole or not at all. */
import { createHash } from "node:crypto";
import {
  copyFileSync,
  createReadStream,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statSync,
} from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fail, ZerothError } from "../errors.ts";
import { needFile } from "./read-node.ts";

/** The hash of a file of any size, in hexadecimal digits. */
export async function fileSha256(path: string): Promise<string> {
  needFile(path);
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
    hint: code === "ENOSPC" ? moreSpace : "check the folder and its permissions",
    cause,
  });
}

/**
 * Make a folder and those above it. Node's own `recursive` never comes back where the working folder has been deleted:
 * it climbs from one missing folder to the next above without an end.
 * @param asked what messages name
 * @throws bad_input where it cannot be made, or something else has its name
 */
export function makeFolder(path: string, asked: string = path): void {
  try {
    mkdirSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    const above = dirname(path);
    if (code !== "ENOENT" || above === path) throw writeError(cause, asked);
    makeFolder(above, asked);
    makeLast(path, asked);
  }
}

/** The last step: everything above is there, so ENOENT means that the folder above is deleted and still in use, or takes none. */
function makeLast(path: string, asked: string): void {
  try {
    mkdirSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // Another process was quicker.
    if (code === "EEXIST" && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    const deleted = code === "ENOENT" && statSync(dirname(path), { throwIfNoEntry: false })?.nlink === 0;
    if (!deleted) throw writeError(cause, asked);
    fail("bad_input", "cannot be made: the folder it would be in has been deleted", {
      where: asked,
      hint: "change to a folder that is there, or give the whole path",
      cause,
    });
  }
}

const moreSpace = "free some space on the disk and try again";

/** Some network disks say nothing and take nothing when they are full: asked for ever, they would. */
export function needProgress(written: number, where: string): number {
  return written > 0
    ? written
    : fail("bad_input", "cannot be written: the disk takes no more", { where, hint: moreSpace });
}

async function writeAll(handle: FileHandle, piece: Uint8Array, where: string): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    // One call writes at most 2 GiB on Linux.
    const { bytesWritten } = await handle.write(piece, done, Math.min(piece.length - done, 1 << 30));
    done += needProgress(bytesWritten, where);
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
      for (const piece of content()) await writeAll(handle, piece, path);
    } else {
      await writeAll(handle, typeof content === "string" ? new TextEncoder().encode(content) : content, path);
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

/**
 * Give a file a second name, unless something has it: of several writers only one succeeds. A disk without hard links
 * gets the file renamed, where two writers of one moment both succeed, and the later one's file stays.
 */
export function linkOnce(file: string, target: string): boolean {
  try {
    linkSync(file, target);
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    if (!["EPERM", "ENOTSUP", "ENOSYS", "EXDEV", "EMLINK"].includes(code ?? "")) throw cause;
    if (lstatSync(target, { throwIfNoEntry: false })) return false;
    const near = `${target}.${process.pid}-${counter++}.tmp`;
    copyFileSync(file, near);
    renameSync(near, target);
    return true;
  }
}

/** Take away a folder that is empty; one that others are at work in stays. */
export function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Not empty, or not there.
  }
}
