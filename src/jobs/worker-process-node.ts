/** The script of a process that does partitions of a job. The engine is in it; what an attempt has done so far lies in its folder. */
import type { JsonObject } from "../base/json.ts";
import { serveWork } from "../base/workers/serve-node.ts";
import type { JobEvent } from "./events.ts";
import type { OpenedJob } from "./job.ts";
import { findJob } from "./registry.ts";
import { packageVersion, runPartition } from "./run-node.ts";
import { openStore } from "./store/open-node.ts";

export interface WorkerStart {
  readonly job: string;
  readonly config: JsonObject;
  readonly store: string;
  readonly work: string;
  readonly asset: string;
}

export interface PartitionDone {
  readonly key: string;
  readonly cached: boolean;
}

serveWork<WorkerStart, JobEvent, PartitionDone>(async (start, { signal, onEvent }) => {
  const job = (await findJob(start.job)).bind(start.config);
  const store = await openStore(start.store);
  let opening: Promise<OpenedJob> | undefined;
  const run = {
    ...{ store, work: start.work, asset: start.asset, signal, version: packageVersion(), tell: onEvent },
    opened() {
      opening ??= job.open(signal, onEvent);
      return opening;
    },
  };
  return async (partition) => {
    const { manifest, cached } = await runPartition(job, partition, run);
    return { key: manifest.key, cached };
  };
});
