/**
 * Attempts at a result: `work/KEY/ATTEMPT/` holds what an attempt has done so far. Whoever comes after one that ended
 * before its commit takes it over; beside one that still runs, on this machine or another, a new one begins.
 */
import { randomBytes } from "node:crypto";
import { rmdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, namesIn } from "../base/files-node.ts";
import { type Lock, lockTimes, takeLock } from "../base/lock-node.ts";

export interface Attempt {
  readonly folder: string;
  /** Whether there was one before. */
  readonly resumed: boolean;
  /** Give it back: with `done` nothing of it is left. */
  end(done: boolean): void;
}

const locked = async (folder: string): Promise<Lock | undefined> => {
  const lock = await takeLock(join(folder, "lock"), { times: lockTimes, done: () => false, wait: false });
  return typeof lock === "string" ? undefined : lock;
};

/** The newest attempt that nobody is at, or a new one. @param root folder of all attempts */
export async function takeAttempt(root: string, key: string): Promise<Attempt> {
  const above = join(root, key);
  const found = namesIn(above)
    .map((name) => ({
      folder: join(above, name),
      at: statSync(join(above, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    }))
    .sort((a, b) => b.at - a.at);
  let taken: { folder: string; lock: Lock } | undefined;
  for (const { folder } of found) {
    const lock = await locked(folder);
    if (lock && taken) {
      // Older ones that nobody goes on with.
      rmSync(folder, { recursive: true, force: true });
    } else if (lock) taken = { folder, lock };
  }
  const resumed = taken !== undefined;
  if (!taken) {
    const folder = join(above, `${process.pid}-${randomBytes(4).toString("hex")}`);
    makeFolder(folder);
    taken = { folder, lock: (await locked(folder))! };
  }
  const { folder, lock } = taken;
  return {
    folder,
    resumed,
    end(done) {
      lock.release();
      if (!done) return;
      rmSync(folder, { recursive: true, force: true });
      try {
        rmdirSync(above);
        rmdirSync(root);
      } catch {
        // Others are at work.
      }
    },
  };
}
