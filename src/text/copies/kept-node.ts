/** Copies of models in another form, made at the first use and kept beside the caches for the next time. */
import { existsSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { makeFolder } from "../../base/files-node.ts";
import { lockTimes, takeLock } from "../../base/lock-node.ts";
import { fail } from "../../errors.ts";
import { freeSpace } from "../../hub/download/cache-node.ts";
import type { Environment } from "../../hub/names.ts";

export interface CopyEvents {
  /** Before the first tensor: about how many bytes the copy will take, and where. */
  begin?(bytes: number, path: string): void;
  progress?(done: number, total: number, tensor: string): void;
  /** Another process is at it. */
  waiting?(): void;
}

export interface CopyOptions {
  readonly env?: Environment;
  readonly signal?: AbortSignal;
  readonly events?: CopyEvents;
}

/** Where what was computed is kept: `ZEROTH_HOME`, else beside the other caches. Never in a snapshot of the hub's. */
export function zerothHome(env: Environment): string {
  const caches = env.XDG_CACHE_HOME || join(homedir(), ".cache");
  return env.ZEROTH_HOME || join(caches, "zeroth");
}

/** What a copy is made of and how. */
export interface Copy {
  /** The model's folder or file. */
  readonly path: string;
  /** What it is a copy in: part of its name. */
  readonly form: string;
  /** Fingerprint of its source. */
  readonly source: string;
  /** Bytes that it will take, about. */
  readonly bytes: number;
  /** Write it; `config.json` comes last. */
  make(out: string): Promise<unknown>;
}

/** A name a person can read, and a fingerprint of its source. */
function copyName({ path, form, source }: Copy): string {
  const readable = /models--([^/\\]+)/.exec(path)?.[1] ?? basename(path);
  return `${readable.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 80)}-${form}-${source.slice(0, 12)}`;
}

/**
 * The folder of a copy: the one made before from the same source, or a new one. Of several processes one makes it.
 * @throws bad_input where the disk has no room; interrupted
 */
export async function keptCopy(copy: Copy, { env = process.env, signal, events = {} }: CopyOptions): Promise<string> {
  const home = join(zerothHome(env), "quantized");
  const out = join(home, copyName(copy));
  const done = () => existsSync(join(out, "config.json"));
  if (done()) return out;
  const room = await freeSpace(home);
  if (room !== undefined && room < copy.bytes) {
    fail("bad_input", `a copy in ${copy.form} takes about ${copy.bytes} bytes, the disk has ${room}`, {
      where: home,
      hint: "make room, or name another place with ZEROTH_HOME",
    });
  }
  makeFolder(home);
  const place = `${out}.lock`;
  const wait = { times: lockTimes, signal, done };
  let lock = await takeLock(place, { ...wait, wait: false });
  if (lock === "busy") {
    events.waiting?.();
    lock = await takeLock(place, { ...wait, wait: true });
  }
  if (typeof lock === "string") return out;
  try {
    events.begin?.(copy.bytes, out);
    await copy.make(out);
  } finally {
    lock.release();
    if (done()) rmSync(place, { force: true });
  }
  return out;
}
