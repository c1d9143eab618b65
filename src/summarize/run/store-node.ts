/**
 * A run's folder: what it was asked for and the tree (`run.json`), the text (`document.txt`, `document.json`), a line for
 * every change (`journal.jsonl`), and every answer by the hash of what was asked (`objects/`). What is written is there
 * whole or not at all, so that a run that was killed goes on with exactly the calls that are missing.
 */
import { existsSync, truncateSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, needProgress, writeError, writeFileSafely } from "../../base/files-node.ts";
import { lockOwner, lockTimes, takeLock } from "../../base/lock-node.ts";
import { readJsonFile, readWholeFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import type { TreeNode } from "../book/tree.ts";
import {
  type Begun,
  type BookPlaces,
  begunOf,
  type JournalLine,
  linesOfTree,
  type NodeLine,
  placesOf,
  type RunFile,
  type RunReader,
  type RunStore,
  sealed,
  treeHash,
  unsealed,
} from "./record.ts";

/** A text that may look like anything. */
function readText(path: string): string {
  const bytes = readWholeFile(
    path,
    mostBytes.text,
    path,
    "empty",
    "lfs",
    "html",
    "zip",
    "gzip",
    "zstd",
    "xz",
    "bzip2",
    "7z",
    "rar",
  );
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    return fail("corrupt_file", "not valid UTF-8", { where: path, cause });
  }
}

const names = { run: "run.json", text: "document.txt", places: "document.json", journal: "journal.jsonl" } as const;
const mostBytes = { run: 256 << 20, text: 512 << 20, object: 16 << 20 } as const;

const objectPath = (folder: string, key: string): string =>
  join(folder, "objects", key.slice(0, 2), `${key.slice(2)}.json`);

export const hasRun = (folder: string): boolean => existsSync(join(folder, names.run));

/** @throws not_found where there is no run; corrupt_file for one that is damaged */
export function readRun(folder: string): Begun {
  if (!hasRun(folder)) {
    fail("not_found", "there is no run of zeroth summarize", {
      where: folder,
      hint: "zeroth summarize BOOK --model NAME --out RUN begins one",
    });
  }
  const path = join(folder, names.run);
  const run = readJsonFile(path, mostBytes.run) as unknown as RunFile;
  const places = readJsonFile(join(folder, names.places), mostBytes.run) as unknown as BookPlaces;
  return begunOf(run, places, readText(join(folder, names.text)), path);
}

/**
 * The lines of a journal that are of its last tree. A last line without its end was being written when the run was killed:
 * it is left out, and `cut` says where the whole lines end.
 */
interface Journal {
  readonly lines: readonly NodeLine[];
  readonly cut: number | undefined;
  /** Whether lines that are added now are of this tree. */
  readonly current: boolean;
  readonly warnings: readonly string[];
}

function readJournal(folder: string, nodes: readonly TreeNode[]): Journal {
  const path = join(folder, names.journal);
  if (!existsSync(path)) return { lines: [], cut: undefined, current: false, warnings: [] };
  const text = readText(path);
  const whole = text.lastIndexOf("\n") + 1;
  const warnings: string[] = [];
  const values = text
    .slice(0, whole)
    .split("\n")
    .map((line, i): unknown => {
      if (line === "") return undefined;
      try {
        return JSON.parse(line);
      } catch {
        warnings.push(`${names.journal}: line ${i + 1} cannot be read and is left out`);
        return undefined;
      }
    });
  if (whole < text.length)
    warnings.push(`${names.journal}: the last line was cut off when the run ended, and is left out`);
  const cut = whole < text.length ? Buffer.byteLength(text.slice(0, whole)) : undefined;
  return { ...linesOfTree(values, nodes), warnings, cut };
}

/** A run's folder for reading. */
export const folderReader = (folder: string): RunReader => ({
  where: folder,
  read() {
    const begun = readRun(folder);
    const { lines, warnings } = readJournal(folder, begun.run.nodes);
    return { ...begun, lines, warnings };
  },
  object(key, damaged) {
    const path = objectPath(folder, key);
    if (!/^[0-9a-f]{64}$/.test(key) || !existsSync(path)) return undefined;
    try {
      const made = unsealed(readJsonFile(path, mostBytes.object));
      if (made) return made;
    } catch {
      // Told below: it is computed again.
    }
    damaged(path);
    return undefined;
  },
});

/**
 * Open a run's folder for writing.
 * @throws busy where another process has it
 */
export async function openStore(folder: string): Promise<RunStore & AsyncDisposable> {
  makeFolder(folder);
  const lockPath = join(folder, "lock");
  const lock = await takeLock(lockPath, { times: lockTimes, done: () => false, wait: false });
  if (lock === "busy" || lock === "done") {
    const owner = lockOwner(lockPath);
    return fail(
      "busy",
      `is in use${owner ? ` by process ${owner.pid}${owner.here ? "" : ` on ${owner.machine}`}` : ""}`,
      {
        where: folder,
        hint: "wait for it, or stop it: what it has done is kept",
      },
    );
  }
  const path = join(folder, names.journal);
  let journal: FileHandle | undefined;
  let last: Promise<void> = Promise.resolve();
  const append = async (line: JournalLine): Promise<void> => {
    try {
      journal ??= await open(path, "a");
      const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await journal.write(bytes, done, bytes.length - done);
        done += needProgress(bytesWritten, path);
      }
      await journal.datasync();
    } catch (cause) {
      throw writeError(cause, path);
    }
  };
  return {
    ...folderReader(folder),
    has: () => hasRun(folder),
    keep: (key, made) => writeFileSafely(objectPath(folder, key), `${sealed(made)}\n`),
    note(line) {
      // One after another: lines of calls that end together do not mix.
      const written = last.then(() => append(line));
      last = written.catch(() => undefined);
      return written;
    },
    async begin({ nodes }) {
      const { cut, current } = readJournal(folder, nodes);
      if (cut !== undefined) truncateSync(path, cut);
      if (!current) await append({ tree: treeHash(nodes) });
    },
    async write(run, book) {
      await writeFileSafely(join(folder, names.text), book.text);
      await writeFileSafely(join(folder, names.places), `${JSON.stringify(placesOf(book))}\n`);
      await writeFileSafely(join(folder, names.run), `${JSON.stringify(run)}\n`);
    },
    async [Symbol.asyncDispose]() {
      await last;
      await journal?.close();
      lock.release();
    },
  };
}
