/** All partitions that were asked for: what is there already is told at once, the rest goes to processes. */

import type { JsonObject } from "../base/json.ts";
import { exits } from "../base/workers/exits.ts";
import type { Failure } from "../base/workers/messages.ts";
import { runPool } from "../base/workers/pool-node.ts";
import { fail, throwIfAborted } from "../errors.ts";
import type { JobEvent } from "./events.ts";
import type { BoundJob } from "./job.ts";
import { keyOf, knownResult, type Outcome, packageVersion } from "./run-node.ts";
import type { Backend } from "./store/backend.ts";
import { readManifest } from "./store/objects-node.ts";
import { openStore } from "./store/open-node.ts";
import type { PartitionDone, WorkerStart } from "./worker-process-node.ts";

export interface RunAll {
  readonly job: BoundJob;
  /** As it was given: each process reads it anew. */
  readonly config: JsonObject;
  readonly partitions: readonly string[];
  /** A folder, or s3://BUCKET/PREFIX. */
  readonly store: string;
  /** Folder of unfinished attempts. */
  readonly work: string;
  readonly asset: string;
  readonly workers: number;
  readonly keepGoing: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (partition: string, event: JobEvent) => void;
  readonly onOutcome: (outcome: Outcome) => void;
  readonly onFailed: (partition: string, failure: Failure) => void;
  readonly script?: URL | undefined;
  readonly grace?: number | undefined;
}

/** The script beside this file, which is where a bundler puts it as well. */
const usualScript = (): URL => new URL("./worker-process-node.js", import.meta.url);

/** @returns the exit code */
export async function runAll(o: RunAll): Promise<number> {
  const { job, config, partitions, work, asset, workers, keepGoing, signal } = o;
  const store = await openStore(o.store);
  const opened = () => fail("internal", "nothing is computed here");
  const version = packageVersion();
  const waiting: string[] = [];
  const keys: string[] = [];
  const known = (key: string) => knownResult(key, { store, work, signal, asset, version, opened, tell: () => {} });
  for (const partition of partitions) {
    throwIfAborted(signal);
    const { key } = await keyOf(job, partition, signal);
    keys.push(key);
    const manifest = await known(key);
    if (manifest) o.onOutcome({ partition, manifest, cached: true });
    else waiting.push(partition);
  }
  if (waiting.length === 0) return exits.done;
  let exit: number = exits.done;
  const reads: Promise<void>[] = [];
  const undone: string[] = [];
  const left = [...waiting];
  let ended = false;
  await runPool<WorkerStart, JobEvent, PartitionDone>({
    script: o.script ?? usualScript(),
    start: { job: job.name, config, store: o.store, work, asset },
    ...{ workers: Math.min(workers, waiting.length), signal, grace: o.grace, onEvent: o.onEvent },
    next: async () => (ended ? undefined : left.shift()),
    onDone(partition, { key, cached }) {
      reads.push(
        readManifest(store, key).then((manifest) => {
          if (manifest) o.onOutcome({ partition, manifest, cached });
        }),
      );
    },
    onFailed(partition, failure) {
      undone.push(partition);
      if (!keepGoing) ended = true;
      if (exit === exits.done || failure.exit === exits.interrupted) exit = failure.exit;
      o.onFailed(partition, failure);
    },
  });
  undone.push(...left);
  await Promise.all(reads);
  if (signal.aborted) return exits.interrupted;
  // A worker of a killed run may have lived on into this one, and ended beside a partition that was done here.
  for (const key of keys) await known(key);
  if (undone.length === 0) return exits.done;
  return keepGoing && undone.length < partitions.length ? exits.skipped : exit;
}

export interface Planned {
  readonly partition: string;
  readonly key: string;
  readonly cached: boolean;
}

/** What a run would do. */
export async function planAll(
  { job, partitions, signal }: Pick<RunAll, "job" | "partitions" | "signal">,
  store: Backend,
): Promise<{ readonly planned: readonly Planned[]; readonly seconds: number | undefined }> {
  const planned: Planned[] = [];
  const took: number[] = [];
  for (const partition of partitions) {
    const { key } = await keyOf(job, partition, signal);
    const manifest = await readManifest(store, key);
    if (manifest) took.push(manifest.seconds);
    planned.push({ partition, key, cached: manifest !== undefined });
  }
  // By what the others took.
  const mean = took.reduce((sum, value) => sum + value, 0) / took.length;
  const left = planned.filter(({ cached }) => !cached).length;
  return { planned, seconds: took.length === 0 ? undefined : mean * left };
}
