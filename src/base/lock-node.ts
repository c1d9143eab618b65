/**
 * Locks between processes, in the folder where Python keeps its own. Node has no flock, so a lock is a file that only
 * one can create, with its owner's name inside: `<etag>.lock.owner` beside Python's `<etag>.lock`, whose holder is
 * seen on Linux through /proc/locks. A lock is for saving work, not for correctness: drafts are written at fixed
 * places with bytes that their hash decides about, so two writers do not harm each other.
 */
import {
  linkSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { fail, throwIfAborted } from "../errors.ts";
import { makeFolder, writeError } from "./files-node.ts";

export interface LockTimes {
  /** Between two looks at a lock that is held, in milliseconds. */
  readonly poll: number;
  /** Between two heartbeats of a holder. */
  readonly beat: number;
  /** A lock of another machine without a heartbeat for so long is free. */
  readonly dead: number;
}

export const lockTimes: LockTimes = { poll: 200, beat: 5_000, dead: 60_000 };

interface Owner {
  readonly id: string;
  readonly pid: number;
  readonly machine: string;
  /** When the process began, as the system counts it: numbers of processes are used again. */
  readonly began: string;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** This machine and, in a container, its own set of process numbers. */
function machineName(): string {
  return `${hostname()} ${attempt(() => readlinkSync("/proc/self/ns/pid")) ?? process.platform}`;
}

/** Field 22 of /proc/PID/stat; the second field may hold spaces and brackets. */
function processBegan(pid: number): string {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  return stat ? (stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "") : "";
}

function isAlive({ pid, began }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (cause) {
    // EPERM: there is one, of somebody else.
    if ((cause as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const now = processBegan(pid);
  return began === "" || now === "" || now === began;
}

/** Longer than any owner's name; a lock of somebody else's may hold anything. */
const mostBytes = 4096;

/**
 * Who holds a lock; undefined when there is none. What is no file is not opened: a pipe would wait for a writer.
 * @throws bad_input for what is no file
 */
function readOwner(path: string): Owner | undefined {
  const stat = attempt(() => lstatSync(path));
  if (stat === undefined) return undefined;
  if (!stat.isFile()) {
    fail("bad_input", "is in the way of a lock, and is not a file", { where: path, hint: "remove it and start again" });
  }
  // One that may not be read, or is too long, is not ours.
  const text = (stat.size <= mostBytes ? attempt(() => readFileSync(path, "utf8")) : undefined) ?? "";
  const owner = attempt(() => JSON.parse(text) as Partial<Owner>);
  const { id, pid, machine, began } = owner ?? {};
  const whole = typeof id === "string" && Number.isInteger(pid) && typeof machine === "string";
  // Not ours, or not written yet: only its age can tell.
  return whole ? { id, pid: pid!, machine, began: String(began) } : { id: text, pid: 0, machine: "", began: "" };
}

export interface LockOwner {
  readonly pid: number;
  readonly machine: string;
  /** Whether it runs on this machine, where its number means something. */
  readonly here: boolean;
}

/** Who holds a lock of ours; undefined where nobody does, or somebody who did not write a name. */
export function lockOwner(path: string): LockOwner | undefined {
  const owner = readOwner(`${path}.owner`);
  if (!owner || owner.pid === 0) return undefined;
  const { pid, machine } = owner;
  return { pid, machine: machine.split(" ")[0] ?? machine, here: machine === machineName() };
}

/** Whether a process holds Python's lock on this file. Known on Linux only. */
function heldByPython(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  const locks = stat && attempt(() => readFileSync("/proc/locks", "utf8"));
  return locks?.split("\n").some((line) => /FLOCK/.test(line) && line.includes(`:${stat?.ino} `)) ?? false;
}

/**
 * Take away a lock whose owner is gone.
 * @throws bad_input when the disk does not let us: waiting for the dead would have no end
 */
function removeDead(path: string, owner: Owner, me: string): void {
  const aside = `${path}.${me}`;
  try {
    renameSync(path, aside);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // Only one of those who see the dead lock can move it.
    if (code === "ENOENT") return;
    fail("bad_input", `is the lock of a process that has ended, and cannot be removed (${code})`, {
      where: path,
      hint: "remove it yourself, or check the permissions of its folder",
      cause,
    });
  }
  // Somebody was quicker and this is the new owner's: give it back.
  if (attempt(() => readOwner(aside)?.id) !== owner.id) attempt(() => linkSync(aside, path));
  attempt(() => unlinkSync(aside));
}

/** Create a file with its content at once, so that nobody ever reads half of it; false when there is one. */
function createWhole(path: string, content: string, me: string): boolean {
  const draft = `${path}.${me}`;
  const unlessThere = (create: () => void): boolean => {
    try {
      create();
      return true;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw cause;
    }
  };
  try {
    writeFileSync(draft, content, { flag: "wx", mode: 0o664 });
    return unlessThere(() => linkSync(draft, path));
  } catch (cause) {
    // A disk without hard links.
    if (!["EPERM", "ENOTSUP", "ENOSYS"].includes((cause as NodeJS.ErrnoException).code ?? "")) throw cause;
    return unlessThere(() => writeFileSync(path, content, { flag: "wx", mode: 0o664 }));
  } finally {
    rmSync(draft, { force: true });
  }
}

let counter = 0;

export interface Lock {
  release(): void;
}

/** Take a lock if it is free; remove it if its owner is dead; undefined when it is held. `seen` remembers between two looks. */
function tryLock(path: string, times: LockTimes, seen: { stamp: string; since: number }): Lock | undefined {
  const me: Owner = {
    id: `${process.pid}-${counter++}-${Date.now()}`,
    pid: process.pid,
    machine: machineName(),
    began: processBegan(process.pid),
  };
  const file = `${path}.owner`;
  let created: boolean;
  try {
    makeFolder(dirname(path));
    if (heldByPython(path)) return undefined;
    created = createWhole(file, JSON.stringify(me), me.id);
  } catch (cause) {
    throw writeError(cause, file);
  }
  if (!created) {
    const owner = readOwner(file);
    const modified = attempt(() => lstatSync(file).mtimeMs);
    if (!owner || modified === undefined) return undefined;
    // Another machine's clock is not compared with ours: what counts is how long we see no change.
    const stamp = `${owner.id} ${modified}`;
    if (stamp !== seen.stamp) [seen.stamp, seen.since] = [stamp, performance.now()];
    const gone = owner.machine === me.machine ? !isAlive(owner) : performance.now() - seen.since > times.dead;
    if (gone) removeDead(file, owner, me.id);
    return undefined;
  }
  // For Python to lock. Only created: opening a pipe of that name would wait for a reader.
  attempt(() => writeFileSync(path, "", { flag: "wx", mode: 0o664 }));
  const beat = setInterval(() => attempt(() => utimesSync(file, new Date(), new Date())), times.beat);
  beat.unref();
  return {
    release() {
      clearInterval(beat);
      // On a disk that takes nothing any more it stays, and goes with this process.
      attempt(() => readOwner(file)?.id === me.id && rmSync(file, { force: true }));
    },
  };
}

export interface LockOptions {
  readonly times: LockTimes;
  readonly signal?: AbortSignal | undefined;
  /** Looked at while waiting: true ends the wait, what the lock was for has been done by its owner. */
  readonly done: () => boolean;
  /** false: do not wait. */
  readonly wait: boolean;
}

/**
 * Take a lock; "done" when its work was done meanwhile, "busy" when it is held and is not to be waited for. The wait
 * lasts as long as its owner lives, or its work is not done.
 * @throws bad_input where the disk takes no lock; interrupted
 */
export async function takeLock(path: string, options: LockOptions): Promise<Lock | "busy" | "done"> {
  const { times, signal, done, wait } = options;
  const seen = { stamp: "", since: 0 };
  for (;;) {
    throwIfAborted(signal);
    if (done()) return "done";
    // A dead owner is removed by the first look and the lock taken by the second.
    const lock = tryLock(path, times, seen) ?? tryLock(path, times, seen);
    if (lock) {
      // Between the look and the lock its owner may have finished.
      if (!done()) return lock;
      lock.release();
      return "done";
    }
    if (!wait) return "busy";
    await new Promise((resolve) => setTimeout(resolve, times.poll));
  }
}
