/**
 * Attempts at a result: `work/KEY/ATTEMPT/` holds what an attempt has done so far. Whoever comes after one that ended
 * before its commit takes it over; beside one that still runs, on this machine or another, a new one begins. The lock of
 * an attempt lies beside its folder, so that the folder is taken away while it is held.
 */
import { randomBytes } from "node:crypto";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, namesIn, removeEmpty } from "../base/files-node.ts";
import { type Lock, lockTimes, takeLock } from "../base/lock-node.ts";

export interface Attempt {
  readonly folder: string;
  /** Whether there was one before. */
  readonly resumed: boolean;
  /** Give it back: with `done` nothing of it is left. */
  end(done: boolean): Promise<void>;
}

const lockOf = (folder: string): string => `${folder}.lock`;

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** The lock where nobody has it; undefined where somebody does, or where the attempt ended this moment. */
async function locked(folder: string): Promise<Lock | undefined> {
  try {
    const lock = await takeLock(lockOf(folder), { times: lockTimes, done: () => false, wait: false });
    return typeof lock === "string" ? undefined : lock;
  } catch (cause) {
    if (isFolder(folder)) throw cause;
    return undefined;
  }
}

/** Take away an attempt whose lock is held. */
function remove(folder: string, lock: Lock): void {
  rmSync(folder, { recursive: true, force: true });
  lock.release();
  rmSync(lockOf(folder), { force: true });
}

/** The newest attempt that nobody is at, or a new one. @param root folder of all attempts */
export async function takeAttempt(root: string, key: string): Promise<Attempt> {
  const above = join(root, key);
  const found = namesIn(above)
    .map((name) => ({ path: join(above, name), stat: statSync(join(above, name), { throwIfNoEntry: false }) }))
    .flatMap(({ path, stat }) => (stat?.isDirectory() ? [{ folder: path, at: stat.mtimeMs }] : []))
    .sort((a, b) => b.at - a.at);
  let taken: { folder: string; lock: Lock } | undefined;
  for (const { folder } of found) {
    const lock = await locked(folder);
    if (!lock) continue;
    // Older ones that nobody goes on with, and one that ended before its lock was ours.
    if (taken || !isFolder(folder)) remove(folder, lock);
    else taken = { folder, lock };
  }
  const resumed = taken !== undefined;
  while (!taken) {
    const folder = join(above, `${process.pid}-${randomBytes(4).toString("hex")}`);
    makeFolder(folder);
    const lock = await locked(folder);
    if (lock) taken = { folder, lock };
  }
  const { folder, lock } = taken;
  return {
    folder,
    resumed,
    async end(done) {
      if (!done) return lock.release();
      remove(folder, lock);
      await clear(root, above);
    },
  };
}

/** Take away locks that outlived their attempts, and the folders that are empty. */
async function clear(root: string, above: string): Promise<void> {
  const left = new Set(namesIn(above).map((name) => join(above, name.replace(/\.lock(?:\.owner)?$/, ""))));
  for (const folder of left) {
    if (isFolder(folder)) continue;
    const lock = await locked(folder);
    if (lock) remove(folder, lock);
  }
  removeEmpty(above);
  removeEmpty(root);
}
