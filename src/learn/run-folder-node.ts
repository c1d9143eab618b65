/** The folder of a training run belongs to one training at a time. */
import { statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { writeError } from "../base/files-node.ts";
import { type LockTimes, lockOwner, lockTimes, takeLock } from "../base/lock-node.ts";
import { fail } from "../errors.ts";

export interface RunFolderOptions {
  readonly signal?: AbortSignal | undefined;
  readonly times?: LockTimes;
}

/**
 * Take a run's folder, made if it is not there, until this is disposed. Another training in it is an error that names
 * its process. The lock of a process that is gone is taken over: at once where it ran on this machine, else (another
 * machine, a container that was started anew) when it has had no heartbeat for a minute.
 */
export async function openRunFolder(
  out: string,
  { signal, times = lockTimes }: RunFolderOptions = {},
): Promise<AsyncDisposable> {
  const path = join(out, ".training.lock");
  try {
    const shown = () => statSync(`${path}.owner`, { throwIfNoEntry: false })?.mtimeMs;
    let lock = await takeLock(path, { times, signal, wait: false, done: () => false });
    const elsewhere = () => lockOwner(path)?.here !== true;
    if (lock === "busy" && elsewhere()) {
      const first = shown();
      // Once the lock is taken over, it is this machine's.
      const alive = () => elsewhere() && ![undefined, first].includes(shown());
      lock = await takeLock(path, { times, signal, wait: true, done: alive });
    }
    if (typeof lock === "string") {
      const owner = lockOwner(path);
      const who = owner ? `process ${owner.pid}${owner.here ? "" : ` on ${owner.machine}`}` : "another process";
      return fail("bad_input", `a training is running in this folder already: ${who}`, {
        where: out,
        hint: "wait for its end or stop it, or give another out folder",
      });
    }
    const held = lock;
    return {
      async [Symbol.asyncDispose]() {
        await rm(path, { force: true });
        held.release();
      },
    };
  } catch (cause) {
    throw writeError(cause, out);
  }
}
