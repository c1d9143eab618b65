/**
 * The script of a process that looks at the files of a job of fine-tuning, or takes its steps. It may be killed at any
 * moment: what it has saved lies in copies that its server takes. It computes at a lower priority than whoever answers.
 */
import { linkSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { readTextFile } from "../../base/read-node.ts";
import { ZerothError } from "../../errors.ts";
import { nodeHost } from "../../learn/fit/host-node.ts";
import { fingerprintOf, writeAdapter } from "../../text/adapters/files-node.ts";
import { tuneOpened } from "../../tune/folder-node.ts";
import { adapterOf } from "../../tune/model.ts";
import { type Opened, openTuning } from "../../tune/open-node.ts";
import { type Prepared, prepare, startingValues } from "../../tune/prepare.ts";
import { openSafetensors, readTensor } from "../../weights/safetensors-node.ts";
import { serveOnce, tellOwner } from "./serve-child-node.ts";
import { lookAtFiles } from "./tuning-check-node.ts";
import { metricRows, metricsAt, resultsCsv, tokensOf } from "./tuning-csv.ts";
import { failureOf } from "./tuning-failure.ts";
import type { FromTuning, ToTuning, TuningStart } from "./tuning-messages.ts";
import type { ChosenTuning } from "./tuning-options.ts";
import { sampleRows, samplesOf } from "./tuning-samples-node.ts";

const stop = new AbortController();

const tell = (message: FromTuning): Promise<void> => tellOwner(message);

/** Longest wait between two steps that are told, in milliseconds, and how many are told besides. */
const tellAfter = 10_000;
const mostTold = 200;

/** Copies of checkpoints that wait to be told: the last ones, as no more are kept. */
const mostWaiting = 3;
/** Samples take at most this share of the time. */
const sampleShare = 0.2;

/** A copy of what a run goes on from, made at once: its files are never written to again. */
function copyRun(run: string, checkpoint: string, target: string): void {
  const name = basename(checkpoint);
  mkdirSync(join(target, name), { recursive: true });
  for (const file of readdirSync(checkpoint)) linkSync(join(checkpoint, file), join(target, name, file));
  // This one grows.
  writeFileSync(join(target, "metrics.jsonl"), readTextFile(join(run, "metrics.jsonl"), 2 ** 30));
}

/** Writes the adapter that a checkpoint holds. */
async function adapterWriter(opened: Opened, prepared: Prepared, chosen: ChosenTuning) {
  const { base, model, data } = prepared;
  const { kept } = await startingValues(prepared, opened, chosen.options, nodeHost(chosen.options.threads, Date.now));
  const fingerprint = fingerprintOf(opened.folder);
  return async (checkpoint: string, target: string): Promise<void> => {
    const file = openSafetensors(join(checkpoint, "model.safetensors"));
    const values = new Map([...file.tensors.keys()].map((name) => [name, readTensor(file, name)]));
    const about = { baseName: opened.files.model, fingerprint, maxLength: chosen.options.maxLength };
    await writeAdapter(target, adapterOf(model, values, kept, data.labels), base, about);
  };
}

/** Everything that a checkpoint is good for besides going on from it, one after another while steps are taken. */
function createOutbox(start: TuningStart & { work: { stage: "steps" } }, opened: Opened, prepared: Prepared) {
  const { chosen, run, outbox } = start.work;
  const { options, hyperparameters, task } = chosen;
  const rows = (opened.held ?? opened.data).rows.slice(0, sampleRows);
  const waiting: { step: number; path: string }[] = [];
  let writer: ReturnType<typeof adapterWriter> | undefined;
  let busy: Promise<void> | undefined;
  let sampled = { ended: -Infinity, took: 0 };
  let steps = 0;

  async function sample(step: number, adapter: string): Promise<void> {
    const began = performance.now();
    if (began - sampled.ended < sampled.took / sampleShare) return;
    try {
      const samples = await samplesOf(start.model.path, adapter, task as never, rows, options.threads);
      await tell({ kind: "samples", step, samples });
    } catch (error) {
      if (!(error instanceof ZerothError)) throw error;
      await tell({ kind: "warned", text: `no samples at step ${step}: ${error.message}` });
    }
    sampled = { ended: performance.now(), took: performance.now() - began };
  }

  async function work(): Promise<void> {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { step, path } = next;
      const metrics = metricsAt(metricRows(readTextFile(join(path, "metrics.jsonl"), 2 ** 30)), step);
      const perEpoch = steps / hyperparameters.n_epochs;
      // One that was saved on the way, as the run was paused, is nothing to compare.
      const adapter = step % perEpoch === 0 ? join(outbox, `adapter-${step}`) : undefined;
      if (adapter) {
        writer ??= adapterWriter(opened, prepared, chosen);
        await (await writer)(join(path, `checkpoint-${step}`), adapter);
        if (!stop.signal.aborted) await sample(step, adapter);
      }
      await tell({ kind: "saved", step, run: path, adapter, metrics });
    }
    busy = undefined;
  }

  return {
    plan(all: number): void {
      steps = all;
    },
    add(checkpoint: string): void {
      const step = Number(basename(checkpoint).replace("checkpoint-", ""));
      const path = join(outbox, `run-${step}`);
      copyRun(run, checkpoint, path);
      waiting.push({ step, path });
      if (waiting.length > mostWaiting) rmSync(waiting.shift()!.path, { recursive: true });
      busy ??= work();
    },
    async empty(): Promise<void> {
      while (busy) await busy;
    },
  };
}

/** Names of what a run's folder holds besides its adapter. */
const ofRun = /^(?:metrics\.jsonl$|events\.out\.|checkpoint-|\.)/;

async function takeSteps(start: TuningStart & { work: { stage: "steps" } }, opened: Opened): Promise<void> {
  const { chosen, run } = start.work;
  const outbox = createOutbox(start, opened, prepare(opened, chosen.options));
  let told = performance.now();
  let all = 0;
  try {
    const tuned = await tuneOpened(opened, chosen.options, {
      resume: true,
      signal: stop.signal,
      events: {
        started({ step, steps }) {
          all = steps;
          outbox.plan(steps);
          tell({ kind: "started", step, steps });
        },
        step({ step, steps, loss, lr, tokens, seconds }) {
          const due = step % Math.ceil(steps / mostTold) === 0 || step === 1 || step === steps;
          if (!due && performance.now() - told < tellAfter) return;
          told = performance.now();
          tell({ kind: "step", step, steps, loss, lr, tokens, seconds });
        },
        evaluated({ best, samples: _, ...row }) {
          tell({ kind: "evaluated", row, best, steps: all });
        },
        warned: (text) => void tell({ kind: "warned", text }),
        saved: (path) => outbox.add(path),
      },
    });
    await outbox.empty();
    const rows = metricRows(readTextFile(join(run, "metrics.jsonl"), 2 ** 30));
    const files = readdirSync(run).filter((name) => !ofRun.test(name));
    const { steps, stopped, best } = tuned;
    await tell({ kind: "done", files, steps, tokens: tokensOf(rows), stopped, best, csv: resultsCsv(rows) });
  } catch (error) {
    await outbox.empty();
    throw error;
  }
}

async function work(start: TuningStart): Promise<void> {
  const { model, training, validation, work: asked } = start;
  try {
    if (asked.stage === "files") return tell({ kind: "accepted", ...(await lookAtFiles({ ...start, work: asked })) });
    const files = { model: model.path, data: training.path, eval: validation?.path, out: asked.run };
    const opened = await openTuning(files);
    // The adapter is to say over which model it was made, and not where that lies here.
    const named: Opened = { ...opened, files: { ...opened.files, model: model.name } };
    await takeSteps({ ...start, work: asked }, named);
  } catch (error) {
    const failure = failureOf(error, start);
    if (stop.signal.aborted && !failure) await tell({ kind: "stopped" });
    else if (failure) await tell({ kind: "refused", failure });
    else {
      console.error(error);
      await tell({ kind: "failed", message: error instanceof ZerothError ? error.message : String(error) });
    }
  }
}

serveOnce<ToTuning>(work, () => stop.abort());
