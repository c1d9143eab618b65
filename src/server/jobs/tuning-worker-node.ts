/**
 * The work on jobs of fine-tuning: their files are looked at one job at a time, and one job at a time takes its steps,
 * each in a process that may be killed. What it has done is in the database at every checkpoint, so that any server goes
 * on from there.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ZerothError } from "../../errors.ts";
import { createFile, deleteFile } from "../../state/files-node.ts";
import { mostFolder, restoreFolder, storeFolder } from "../../state/folders-node.ts";
import { newId } from "../../state/ids-node.ts";
import type { State } from "../../state/schema/tables.ts";
import { finishTuning, recordCheckpoint } from "../../state/tunings/adapters.ts";
import {
  acceptTuning,
  claimTuning,
  failTuning,
  modelsAwaited,
  releaseTuning,
  renewTuning,
  type Stage,
  type TuningClaim,
  tellTuning,
} from "../../state/tunings/tunings.ts";
import { mostAttempts, pauseBefore, startWork, type Work } from "../../state/work-loop.ts";
import { messageOf } from "../errors.ts";
import type { AdapterChange } from "./adapters-node.ts";
import { startTuningChild } from "./tuning-child-node.ts";
import { fetchRows, makeWorkFolder, sweepWorkFolders } from "./tuning-files-node.ts";
import type { FromTuning, TuningFailure, TuningStart } from "./tuning-messages.ts";
import type { AskedTuning, ChosenTuning } from "./tuning-options.ts";
import { toldOf } from "./tuning-told.ts";

export interface TuningOptions {
  /** The server's folder: runs in `tuning/`, adapters in `adapters/`. */
  readonly home: string;
  /** Where a model lies. @throws not_found for one that is not on this machine */
  readonly pathOf: (model: string) => string;
  /** Threads of the process; its own choice by default. */
  readonly threads?: number | undefined;
  /** The process's script, where it is not beside this file. */
  readonly script?: URL | undefined;
  /** A server's name: who holds a lease. */
  readonly name?: string;
  /** Seconds that a lease lasts; it is renewed three times within. */
  readonly lease?: number;
  /** Seconds between two looks for work that nobody called for. */
  readonly look?: number;
  /** Milliseconds that a run may take to save what it has done before it is killed. */
  readonly grace?: number;
  /** Told of adapters that are served from now on, and of those that are not any more. */
  readonly changed?: (change: AdapterChange) => void | Promise<void>;
}

/** Why a process is told to end. */
type Stop = "lost" | "paused" | "released";

interface Going {
  readonly state: State;
  readonly options: TuningOptions;
  readonly claim: TuningClaim;
  readonly folder: string;
  /** Ends when the server does. */
  readonly signal: AbortSignal;
}

const refusal = (code: string, message: string, param: string | null): TuningFailure => ({ code, message, param });

/** What the process of a job is started with, or why the job cannot go on. */
async function startOf({ state, options, claim, folder }: Going, stage: Stage): Promise<TuningStart | TuningFailure> {
  const { job } = claim;
  let path: string;
  try {
    path = options.pathOf(job.model);
  } catch (error) {
    if (!(error instanceof ZerothError)) throw error;
    return refusal("model_not_found", messageOf(error), "model");
  }
  const rowsOf = async (id: string, called: "training" | "validation") => {
    try {
      return await fetchRows(state, job, id, folder, called);
    } catch (error) {
      if (!(error instanceof ZerothError) || error.code !== "not_found") throw error;
      return refusal("file_not_found", `the ${called} file was deleted or has expired`, `${called}_file`);
    }
  };
  const training = await rowsOf(job.training_file, "training");
  if ("code" in training) return training;
  const validation = job.validation_file === null ? undefined : await rowsOf(job.validation_file, "validation");
  if (validation && "code" in validation) return validation;
  const about = { model: { path, name: job.model }, training, validation };
  if (stage === "files") {
    const asked = JSON.parse(job.asked) as AskedTuning;
    return { ...about, work: { stage, asked, seed: job.seed, threads: options.threads } };
  }
  const [run, outbox] = [join(folder, "run"), join(folder, "outbox")];
  if (job.run_file) await restoreFolder(state, job.run_file, run);
  return { ...about, work: { stage, chosen: JSON.parse(job.chosen!) as ChosenTuning, run, outbox } };
}

type Told = Exclude<FromTuning, { kind: "ready" }>;

/** How a piece of work ended, where it ended by what its process said. */
type Outcome = "ended" | "lost" | undefined;

/** What becomes of what a process says. */
async function hear({ state, claim, folder }: Going, message: Told): Promise<Outcome> {
  const { job } = claim;
  const outcome = (ours: unknown): Outcome => (ours ? undefined : "lost");
  const store = (filename: string, path: string, files?: readonly string[]) =>
    storeFolder(state, job.owner, { filename, purpose: "fine-tune-run" }, path, files);
  switch (message.kind) {
    case "started":
    case "step":
    case "evaluated":
    case "warned":
    case "samples": {
      const { event, progress } = toldOf(message);
      return outcome(await tellTuning(state, claim, event, progress));
    }
    case "saved": {
      const { step, metrics } = message;
      const run = await store(`${job.id}-run`, message.run);
      const adapter = message.adapter && (await store(`${job.name}-step-${step}`, message.adapter));
      const ours = await recordCheckpoint(state, claim, { step, metrics, run, adapter });
      await rm(message.run, { recursive: true, force: true });
      if (message.adapter) await rm(message.adapter, { recursive: true, force: true });
      return outcome(ours);
    }
    case "done": {
      const { files, steps, tokens, csv, best, stopped } = message;
      const adapter = await store(job.name, join(folder, "run"), files);
      const results = { filename: "step_metrics.csv", purpose: "fine-tune-results", most: mostFolder };
      const { id } = await createFile(state, job.owner, results, [new TextEncoder().encode(csv)]);
      const data = { best: best ?? null, steps, stopped };
      const ours = await finishTuning(state, claim, { adapter, result: id, trainedTokens: tokens, steps, data });
      if (!ours) await deleteFile(state, job.owner, id);
      return ours ? "ended" : "lost";
    }
    case "accepted":
      await acceptTuning(state, claim, { chosen: message.chosen, steps: message.steps });
      return "ended";
    case "refused":
      await failTuning(state, claim, message.failure);
      return "ended";
    case "failed":
    case "stopped":
      return undefined;
  }
}

/** Work on a job until it is done or stops being ours. */
async function work(going: Going, stage: Stage): Promise<void> {
  const { state, options, claim, signal } = going;
  const { lease = 30, grace = 20_000, script } = options;
  const { job } = claim;
  if (job.attempts > mostAttempts) {
    const message = `the process that trains ended ${mostAttempts} times without getting on: there may be too little memory`;
    return failTuning(state, claim, { code: "training_process_ended", message, param: null });
  }
  const start = await startOf(going, stage);
  if ("code" in start) return failTuning(state, claim, start);

  let [stop, outcome, problem, why] = [undefined, undefined, undefined, undefined] as [
    Stop | undefined,
    Outcome,
    unknown,
    string | undefined,
  ];
  let heard = Promise.resolve();
  const child = startTuningChild(
    start,
    (message) => {
      if (message.kind === "failed") why = message.message;
      heard = heard.then(async () => {
        if (outcome !== undefined || problem !== undefined) return;
        try {
          outcome = await hear(going, message);
        } catch (error) {
          problem = error;
        }
        if (outcome === "lost" || problem !== undefined) child.kill();
      });
    },
    script,
  );
  const end = (reason: Stop) => {
    if (stop === "lost" || stop === reason) return;
    stop = reason;
    if (reason === "lost") child.kill();
    else child.stop(grace);
  };
  /** Keep the job, and see whether its owner has changed his mind. */
  const renew = async () => {
    const now = await renewTuning(state, claim, lease);
    if (now === undefined) end("lost");
    else if (now.status === "paused") end("paused");
  };
  // A database that is away for a moment ends nothing: the lease is what counts.
  const look = () => void renew().catch(() => undefined);
  const beat = setInterval(look, (lease * 1000) / 3);
  const silence = state.wake.listen(look);
  const released = () => end("released");
  signal.addEventListener("abort", released, { once: true });
  if (signal.aborted) released();
  look();
  let ended: string | undefined;
  try {
    ended = await child.ended;
    await heard;
  } finally {
    clearInterval(beat);
    silence();
    signal.removeEventListener("abort", released);
  }
  if (outcome === "ended" || outcome === "lost" || stop === "lost") return;
  // Its lease ends by itself where the database is away.
  if (problem !== undefined) throw problem;
  if (stop !== undefined) return releaseTuning(state, claim, { again: true });
  const wait = pauseBefore(job.attempts);
  const what = why ?? `the process that trains stopped: ${ended ?? "it said nothing"}`;
  await tellTuning(state, claim, { level: "warn", message: `${what}; it goes on from its last checkpoint` });
  await releaseTuning(state, claim, { again: false, wait });
}

/** Work on the jobs of a database until it is stopped. Any number of servers may do so. */
export function startTunings(
  state: State,
  options: TuningOptions,
  problem: (error: unknown) => void = () => undefined,
): Work {
  const { home, pathOf, lease = 30, look = 5, name = newId(`process-${process.pid}-`) } = options;
  const stopping = new AbortController();
  const here = (model: string): boolean => {
    try {
      return pathOf(model) !== "";
    } catch (error) {
      // Where one server is all there is, the job is told that its model is gone.
      return state.kind === "sqlite" && error instanceof ZerothError;
    }
  };
  const loop = (stage: Stage) =>
    startWork(state, {
      ...{ most: 1, look, problem },
      async take() {
        const models = (await modelsAwaited(state, stage)).filter(here);
        const claim = await claimTuning(state, stage, name, lease, models);
        if (claim === undefined) return undefined;
        return async () => {
          const folder = await makeWorkFolder(home, claim);
          try {
            await work({ state, options, claim, folder, signal: stopping.signal }, stage);
          } finally {
            await rm(folder, { recursive: true, force: true });
          }
        };
      },
    });
  sweepWorkFolders(state, home).catch(problem);
  const loops = [loop("files"), loop("steps")];
  return {
    async stop() {
      stopping.abort();
      await Promise.all(loops.map((one) => one.stop()));
    },
  };
}
