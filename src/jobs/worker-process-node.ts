/**
 * The script of a process that does partitions of a job. The engine is in it, so it may be killed at any moment: results
 * are whole or not there, and what an attempt has done so far lies in its folder.
 */
import { whenOwnerGone } from "../base/owner-node.ts";
import { throwIfAborted, ZerothError } from "../errors.ts";
import { exitOf } from "./exits.ts";
import type { OpenedJob } from "./job.ts";
import type { Failure, FromWorker, ToWorker, WorkerStart } from "./messages.ts";
import { findJob } from "./registry.ts";
import { packageVersion, runPartition } from "./run-node.ts";
import { openStore } from "./store/open-node.ts";

const stop = new AbortController();
const tell = (message: FromWorker): void => void process.send?.(message, undefined, {}, () => {});

// Whoever started it decides: Ctrl-C at a terminal reaches every process of the group.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
// Nobody waits for the result any more. A process that ends itself during a run of the engine would be a crash.
whenOwnerGone(() => process.kill(process.pid, "SIGKILL"));

function failureOf(error: unknown): Failure {
  const known = error instanceof ZerothError ? error : undefined;
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: known?.code ?? "internal",
    message,
    hint: known?.hint,
    stack: error instanceof Error ? error.stack : undefined,
    exit: exitOf(error),
  };
}

async function doer(start: WorkerStart): Promise<(partition: string) => Promise<void>> {
  const job = (await findJob(start.job)).bind(start.config);
  const store = await openStore(start.store);
  const { signal } = stop;
  const onEvent = (event: Extract<FromWorker, { kind: "event" }>["event"]) => tell({ kind: "event", event });
  let opening: Promise<OpenedJob> | undefined;
  const run = {
    ...{ store, work: start.work, asset: start.asset, signal, version: packageVersion(), tell: onEvent },
    opened() {
      opening ??= job.open(signal, onEvent);
      return opening;
    },
  };
  return async (partition) => {
    throwIfAborted(signal);
    const { manifest, cached } = await runPartition(job, partition, run);
    tell({ kind: "done", key: manifest.key, cached });
  };
}

let work: ReturnType<typeof doer> | undefined;
process.on("message", async (message) => {
  const said = message as ToWorker;
  if (said.kind === "stop") return stop.abort();
  try {
    if (said.kind === "start") {
      work = doer(said);
      await work;
    } else await (await work!)(said.partition);
  } catch (error) {
    if (said.kind === "run") tell({ kind: "failed", failure: failureOf(error) });
    // A start that failed is told with the first partition.
  }
});
tell({ kind: "ready" });
