/** A store in a folder: of this machine, of a network disk, of a mounted volume. */
import { copyFileSync, lstatSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileSha256, linkOnce, makeFolder, writeError } from "../../base/files-node.ts";
import type { Backend, StoredFile } from "./backend.ts";

const there = (file: string) => lstatSync(file, { throwIfNoEntry: false });

/** What is on the disk survives a power cut. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
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
      const made = linkOnce(file, target);
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
