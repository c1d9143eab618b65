/** A quantised copy of a model, made at the first use and kept beside the caches for the next time. */
import { existsSync, rmSync } from "node:fs";
import { homedir, totalmem } from "node:os";
import { basename, join } from "node:path";
import { makeFolder } from "../base/files-node.ts";
import { lockTimes, takeLock } from "../base/lock-node.ts";
import { fail } from "../errors.ts";
import { type ModelFolder, openModelFolder } from "../folders/open-node.ts";
import { quantizeFolder, sourceOf } from "../folders/quantize-node.ts";
import { freeSpace } from "../hub/download/cache-node.ts";
import type { Environment } from "../hub/names.ts";
import type { Architecture } from "../models/family.ts";
import { formatsOf } from "../models/kinds/formats.ts";
import { storedBytes } from "../weights/quantize.ts";
import type { Weights } from "../weights/weights.ts";

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

/** Bytes of these weights in so many bits, scales included. */
function bytesIn(weights: Weights, bits: 8 | 4): number {
  const elements = [...weights.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return Math.ceil((elements * (bits === 8 ? 8.05 : 5)) / 8);
}

/** A name a person can read, and a fingerprint of its source. */
function copyName({ path }: ModelFolder, source: string, bits: number): string {
  const readable = /models--([^/\\]+)/.exec(path)?.[1] ?? basename(path);
  return `${readable.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 80)}-int${bits}-${source.slice(0, 12)}`;
}

/**
 * The folder in 8 or 4 bits, `weights` under the names of the network: the one made before from the same files, or a new one. What an interrupted run has finished
 * is kept, and of several processes one makes it.
 * @throws bad_input where the disk has no room; interrupted
 */
export async function quantizedCopy(
  folder: ModelFolder,
  { architecture, weights }: { readonly architecture: Architecture; readonly weights: Weights },
  bits: 8 | 4,
  { env = process.env, signal, events = {} }: CopyOptions = {},
): Promise<ModelFolder> {
  const home = join(zerothHome(env), "quantized");
  const out = join(home, copyName(folder, sourceOf(folder, bits), bits));
  const done = () => existsSync(join(out, "config.json"));
  if (done()) return openModelFolder(out);
  const size = bytesIn(folder.weights, bits);
  const room = await freeSpace(home);
  if (room !== undefined && room < size) {
    fail("bad_input", `a copy in ${bits} bits takes about ${size} bytes, the disk has ${room}`, {
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
  if (typeof lock === "string") return openModelFolder(out);
  try {
    events.begin?.(size, out);
    const choose = formatsOf(architecture, bits);
    await quantizeFolder(
      { ...folder, weights },
      {
        out,
        bits,
        choose,
        signal,
        ...(events.progress && { onProgress: events.progress }),
      },
    );
  } finally {
    lock.release();
    if (done()) rmSync(place, { force: true });
  }
  return openModelFolder(out);
}

const gigabytes = (n: number) => `${(n / 1e9).toFixed(1)} GB`;

/**
 * Weights are mapped, so more of them than memory would open, and then read the disk for every token.
 * @throws out_of_memory, with the precision that fits
 */
export function needRoom(weights: Weights, name: string, memory = totalmem()): void {
  const size = storedBytes(weights);
  if (size <= memory * 0.9) return;
  const fits = ([8, 4] as const).find((bits) => bytesIn(weights, bits) <= memory * 0.8);
  fail("out_of_memory", `${gigabytes(size)} of weights do not fit in ${gigabytes(memory)} of memory`, {
    where: name,
    hint: fits
      ? `add --dtype int${fits}: ${gigabytes(bytesIn(weights, fits))}, made once and kept`
      : "a smaller model, or a machine with more memory; `zeroth plan` tells what would fit",
  });
}
