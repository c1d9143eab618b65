/** A store in a folder: of this machine, of a network disk, of a mounted volume. */
import { copyFileSync, linkSync, lstatSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileSha256, makeFolder, writeError } from "../../base/files-node.ts";
import type { Backend, StoredFile } from "./backend.ts";

const there = (file: string) => lstatSync(file, { throwIfNoEntry: false });

/** What is on the disk survives a power cut. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/**
 * Give a file a second name, unless something has it: of several writers only one succeeds. A disk without hard links
 * gets the file renamed, where two writers of one moment both succeed, and the later one's file stays.
 */
function linked(file: string, target: string): boolean {
  try {
    linkSync(file, target);
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    if (!["EPERM", "ENOTSUP", "ENOSYS", "EXDEV", "EMLINK"].includes(code ?? "")) throw cause;
    if (there(target)) return false;
    const near = `${target}.${process.pid}.tmp`;
    copyFileSync(file, near);
    renameSync(near, target);
    return true;
  }
}

/** Rename, also onto another disk. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EXDEV") throw cause;
    const near = `${to}.${process.pid}.tmp`;
    copyFileSync(from, near);
    await rename(near, to);
    rmSync(from, { force: true });
  }
}

/** @param root the store's folder, made where it is not there */
export function folderBackend(root: string): Backend {
  const at = (path: string) => join(root, path);

  async function createFrom(path: string, file: string): Promise<boolean> {
    const target = at(path);
    if (there(target)) return false;
    try {
      makeFolder(dirname(target));
      await sync(file);
      const made = linked(file, target);
      await sync(dirname(target));
      return made;
    } catch (cause) {
      throw writeError(cause, target);
    }
  }

  return {
    where: root,
    createFrom,
    read: async (path) => (there(at(path))?.isFile() ? readFileSync(at(path)) : undefined),
    size: async (path) => there(at(path))?.size,
    hash: async (path) => (there(at(path))?.isFile() ? fileSha256(at(path)) : undefined),
    async fetch(path, to) {
      makeFolder(dirname(to));
      copyFileSync(at(path), to);
    },
    async replaceFrom(path, file) {
      try {
        makeFolder(dirname(at(path)));
        await sync(file);
        await move(file, at(path));
      } catch (cause) {
        throw writeError(cause, at(path));
      }
    },
    async move(from, to) {
      if (!there(at(from))) return;
      makeFolder(dirname(at(to)));
      await move(at(from), at(to));
    },
    async remove(path) {
      rmSync(at(path), { force: true });
      // Folders that are empty now go, too.
      for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
        try {
          rmdirSync(at(folder));
        } catch {
          return;
        }
      }
    },
    async *list(folder) {
      yield* below(root, folder);
    },
  };
}

function* below(root: string, folder: string): Generator<StoredFile> {
  let names: string[];
  try {
    names = readdirSync(join(root, folder)).sort();
  } catch {
    return;
  }
  for (const name of names) {
    const path = `${folder}/${name}`;
    const stat = there(join(root, path));
    if (stat?.isDirectory()) yield* below(root, path);
    else if (stat) yield { path, bytes: stat.size, modified: stat.mtimeMs };
  }
}
