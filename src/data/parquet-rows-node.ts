/**
 * Rows of a Parquet file. Its counts and lengths are the file's own word, and the library that follows them has no
 * ends of its own: so it works in a thread with little memory and for a limited time, and a file that breaks the
 * thread is one more damaged file.
 */
import { statSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { fail } from "../errors.ts";
import type { ParquetReply } from "./parquet-thread-node.ts";

export interface ParquetLimits {
  /** For a file and for each of its megabytes. */
  readonly milliseconds: number;
  readonly megabytes: number;
}

/** A megabyte of well-packed text becomes some thirty of rows. */
const usual: ParquetLimits = { milliseconds: 30_000, megabytes: 256 };
const megabytesEach = 32;
const millisecondsEach = 1000;

/** The thread of the last file, if nothing broke it and its memory is enough. */
let idle: { worker: Worker; megabytes: number } | undefined;

function threadOf(megabytes: number): Worker {
  const kept = idle;
  idle = undefined;
  if (kept && kept.megabytes >= megabytes) return kept.worker;
  void kept?.worker.terminate();
  const worker = new Worker(new URL("./parquet-thread-node.js", import.meta.url), {
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: megabytes },
  });
  // Whoever waits for it hears of its end; when nobody does, nothing is lost.
  worker.on("error", () => {});
  worker.once("exit", () => {
    if (idle?.worker === worker) idle = undefined;
  });
  return worker;
}

/** What the thread says of a file; it is not to be used again where it broke or did not answer. */
function ask(worker: Worker, path: string, patience: number): Promise<ParquetReply & { readonly broken?: true }> {
  return new Promise((resolve) => {
    const settle = (reply: ParquetReply & { readonly broken?: true }) => {
      clearTimeout(timer);
      worker.off("message", settle).off("error", broke).off("exit", gone);
      resolve(reply);
    };
    const broke = ({ code, message }: NodeJS.ErrnoException) =>
      settle({ error: code === "ERR_WORKER_OUT_OF_MEMORY" ? "takes too much memory" : message, broken: true });
    const gone = () => settle({ error: "its reader ended", broken: true });
    const timer = setTimeout(() => settle({ error: `not done after ${patience / 1000} s`, broken: true }), patience);
    worker.on("message", settle).on("error", broke).on("exit", gone);
    worker.postMessage(path);
  });
}

/**
 * All rows, as the file has them.
 * @throws corrupt_file when it cannot be read, or asks for time or memory out of proportion
 */
export async function readParquet(
  path: string,
  limits: ParquetLimits = usual,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const size = Math.floor((statSync(path, { throwIfNoEntry: false })?.size ?? 0) / 1e6);
  const megabytes = limits.megabytes + megabytesEach * size;
  const worker = threadOf(megabytes);
  worker.ref();
  const reply = await ask(worker, path, limits.milliseconds + millisecondsEach * size);
  if ("broken" in reply) void worker.terminate();
  else {
    worker.unref();
    idle = { worker, megabytes };
  }
  if ("rows" in reply) return reply.rows;
  return fail("corrupt_file", `cannot be read as Parquet: ${reply.error}`, { where: path });
}
