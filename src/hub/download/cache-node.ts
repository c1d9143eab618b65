/** The Hugging Face cache on this disk: blobs by hash, snapshots of links, refs, as Python's huggingface_hub has them. */
import { createHash } from "node:crypto";
import { constants, existsSync, statSync } from "node:fs";
import { copyFile, open, readlink, rename, rm, statfs, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolder, needProgress, writeFileSafely } from "../../base/files-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import { cacheName, type RepoKind } from "../names.ts";
import { needInside, readRef } from "../refs-node.ts";
import type { RemoteFile } from "./listing.ts";
import type { Draft, Hash } from "./transfer.ts";

export interface RepoCache {
  readonly root: string;
  blob(etag: string): string;
  /** Where the bytes of a blob gather. */
  incomplete(etag: string): string;
  lock(etag: string): string;
  snapshot(commit: string): string;
  ref(revision: string): string;
  absent(commit: string, name: string): string;
}

/** Paths of a repository; commit, etag and names must have been checked by whoever read them. */
export function repoCache(cache: string, repo: string, kind: RepoKind = "model"): RepoCache {
  const folder = cacheName(repo, kind);
  const root = join(cache, folder);
  return {
    root,
    blob: (etag) => join(root, "blobs", etag),
    incomplete: (etag) => join(root, "blobs", `${etag}.incomplete`),
    lock: (etag) => join(cache, ".locks", folder, `${etag}.lock`),
    snapshot: (commit) => join(root, "snapshots", commit),
    ref: (revision) => join(root, "refs", revision),
    absent: (commit, name) => join(root, ".no_exist", commit, name),
  };
}

const permissions = "check the folder and its permissions; HF_HOME chooses another one";
const space = "free some space (zeroth cache list) and start again: what is here already is kept";
const inTheWay = "something else lies where the cache should be: move it away, or choose another folder with HF_HOME";

/** What a disk's refusals mean, and what to do. */
const refusals: Readonly<Record<string, readonly [words: string, hint: string]>> = {
  ENOSPC: ["the disk is full", space],
  EDQUOT: ["your share of the disk is used up", space],
  EFBIG: ["this disk takes no file of that size", "HF_HOME chooses a folder on another disk"],
  EROFS: ["the disk is read-only", permissions],
  EACCES: ["no permission", permissions],
  EPERM: ["no permission", permissions],
  EIO: ["the disk fails", "check the disk; HF_HOME chooses a folder on another one"],
  ENOTDIR: ["a file is in the way of a folder", inTheWay],
  EEXIST: ["something of that name is in the way", inTheWay],
  EISDIR: ["a folder is in the way of a file", inTheWay],
  ELOOP: ["a link is in the way", inTheWay],
  ENOENT: ["its folder is gone", "was it removed meanwhile? start again"],
  ENAMETOOLONG: ["the name is too long for this disk", "HF_HOME chooses a folder with a shorter name"],
  EMFILE: ["too many files are open", "end other programs, or fetch fewer files at a time"],
  ENFILE: ["too many files are open", "end other programs, or fetch fewer files at a time"],
};

/** A disk's refusal as an error a person can act on. */
export function diskError(cause: unknown, where: string): ZerothError {
  if (cause instanceof ZerothError) return cause;
  const { code = "" } = cause as NodeJS.ErrnoException;
  const [words, hint] = refusals[code] ?? ["the system refuses", permissions];
  const what = `cannot be written: ${words}${code === "" ? "" : ` (${code})`}`;
  return new ZerothError("bad_input", what, { where, hint, cause });
}

/** SHA-256, or git's hash of a blob. */
export function createFileHash({ hash, bytes }: Pick<RemoteFile, "hash" | "bytes">): Hash {
  const inner = createHash(hash === "sha256" ? "sha256" : "sha1");
  if (hash === "git-sha1") inner.update(`blob ${bytes}\0`);
  return { update: (piece) => inner.update(piece), digest: () => inner.digest("hex") };
}

/** A draft in a file, kept open while it is written. */
export async function openDraft(path: string): Promise<Draft & { finish(): Promise<void>; close(): Promise<void> }> {
  try {
    // A draft that exists is opened as it is, a new one is created; never through a link.
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o666);
    if (!(await handle.stat()).isFile()) {
      await handle.close();
      fail("bad_input", "is not a file, but a pipe or a device", { where: path, hint: "remove it and start again" });
    }
    const guard = async <T>(work: Promise<T>): Promise<T> => {
      try {
        return await work;
      } catch (cause) {
        throw diskError(cause, path);
      }
    };
    return {
      size: async () => (await handle.stat()).size,
      clear: () => guard(handle.truncate(0)),
      async write(at, piece) {
        for (let done = 0; done < piece.length; ) {
          const { bytesWritten } = await guard(handle.write(piece, done, piece.length - done, at + done));
          done += needProgress(bytesWritten, path);
        }
      },
      async *read(length) {
        const buffer = new Uint8Array(Math.min(length, 1 << 20));
        for (let at = 0; at < length; ) {
          const { bytesRead } = await guard(handle.read(buffer, 0, Math.min(buffer.length, length - at), at));
          if (bytesRead === 0) return;
          yield buffer.subarray(0, bytesRead);
          at += bytesRead;
        }
      },
      finish: () => guard(handle.sync()),
      close: () => handle.close(),
    };
  } catch (cause) {
    throw diskError(cause, path);
  }
}

/** Bytes of a file; undefined where there is none, or none that we may look at. */
export function sizeOf(path: string): number | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat?.isFile() ? stat.size : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes that may still be written where a folder is or will be; undefined when the system does not say. */
export async function freeSpace(folder: string): Promise<number | undefined> {
  let at = folder;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  try {
    const { bavail, bsize } = await statfs(at);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** The sign by which backup programs know a cache. */
export async function tagCache(cache: string): Promise<void> {
  const path = join(cache, "CACHEDIR.TAG");
  if (existsSync(path)) return;
  await writeFileSafely(
    path,
    "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache: see bford.info/cachedir\n",
  );
}

let drafts = 0;

/**
 * Give a blob its name in a snapshot: a relative link; where there are no links the file itself, moved there when this
 * process has just fetched it, copied otherwise.
 */
export async function linkFile(
  repo: RepoCache,
  commit: string,
  file: RemoteFile,
  { symlinks, fresh }: { symlinks: boolean; fresh: boolean },
): Promise<void> {
  const path = join(repo.snapshot(commit), file.name);
  const blob = repo.blob(file.etag);
  const target = `${"../".repeat(file.name.split("/").length + 1)}blobs/${file.etag}`;
  // Two pulls in one process are at it under different names.
  const draft = `${path}.${process.pid}-${drafts++}.tmp`;
  try {
    if (symlinks && (await readlink(path).catch(() => undefined)) === target) return;
    if (sizeOf(path) === file.bytes && !existsSync(blob)) return;
    needInside(repo.root, dirname(path));
    makeFolder(dirname(path));
    // One that an ended process of our number left.
    await rm(draft, { force: true });
    const linked =
      symlinks &&
      (await symlink(target, draft).then(
        () => true,
        (cause: NodeJS.ErrnoException) => {
          if (cause.code === "EPERM" || cause.code === "ENOTSUP" || cause.code === "ENOSYS") return false;
          throw cause;
        },
      ));
    if (linked) await rename(draft, path);
    else if (fresh) await rename(blob, path);
    else if (sizeOf(path) !== file.bytes) {
      await copyFile(blob, draft);
      await rename(draft, path);
    }
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => undefined);
    // Without links, who fetched the blob has moved it here between our look and our copy.
    const moved = (cause as NodeJS.ErrnoException).code === "ENOENT" && sizeOf(path) === file.bytes;
    if (!moved) throw diskError(cause, path);
  }
}

/** Remember which commit a branch or tag is. */
export async function writeRef(repo: RepoCache, revision: string, commit: string): Promise<void> {
  if (revision === commit) return;
  const path = repo.ref(revision);
  needInside(repo.root, dirname(path));
  const before = readRef(repo.root, revision);
  if (before && "commit" in before && before.commit === commit) return;
  await writeFileSafely(path, commit);
}

/** Remember files that a commit does not have. */
export async function writeAbsent(repo: RepoCache, commit: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const path = repo.absent(commit, name);
    needInside(repo.root, dirname(path));
    if (!existsSync(path)) await writeFileSafely(path, "");
  }
}

/** The folder a whole cache lies in. */
export function neededCache(cache: string | undefined): string {
  return (
    cache ??
    fail("bad_input", "there is no home folder to keep models in", {
      hint: "set HF_HOME to a folder that may be written",
    })
  );
}
