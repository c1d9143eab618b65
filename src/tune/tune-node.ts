/** Tuning a frozen model on a person's rows, to a folder that holds the adapter alone. */
import { createHash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, writeFileSafely } from "../base/files-node.ts";
import { readJsonFile } from "../base/read-node.ts";
import { fail } from "../errors.ts";
import { companions, readCompanion } from "../folders/companions-node.ts";
import { configText } from "../folders/config-text-node.ts";
import type { ModelFolder } from "../folders/open-node.ts";
import { float32, type NdArray } from "../graph/array.ts";
import type { Graph } from "../graph/graph.ts";
import { epochReader, planEpoch } from "../learn/batches.ts";
import { latestCheckpoint, listCheckpoints, removeLeftovers, saveCheckpoint } from "../learn/checkpoint-node.ts";
import { type StepMetrics, trainLoop } from "../learn/loop.ts";
import { openMetrics } from "../learn/metrics-node.ts";
import { adamw } from "../learn/optimizers.ts";
import { openRunFolder } from "../learn/run-folder-node.ts";
import { scheduleFactor } from "../learn/schedules.ts";
import { createTrainer } from "../learn/trainer.ts";
import { compile } from "../runtime/compile-node.ts";
import { fingerprintOf, writeAdapter } from "../text/adapters/files-node.ts";
import { asStored } from "../text/adapters/read-node.ts";
import { openSafetensors, readTensor, writeCheckpoint, writeSafetensors } from "../weights/safetensors-node.ts";
import { anyQuantized, type Weights } from "../weights/weights.ts";
import { evaluate } from "./evaluate.ts";
import { adapterOf, countOf } from "./model.ts";
import { doubts, exponential, type Task, type TuneOptions, usualRate } from "./options.ts";
import {
  type Data,
  lengthOf,
  type Opened,
  openTuning,
  type Prepared,
  prepare,
  sourceOf,
  startingValues,
  type TuneFiles,
} from "./prepare-node.ts";
import type { Scores } from "./tasks.ts";

export interface TuneEvents {
  /** Once, before the first step. */
  started?(info: {
    readonly task: Task;
    readonly rows: number;
    readonly held: number;
    readonly skipped: number;
    readonly labels: readonly string[];
    readonly trained: number;
    readonly parameters: number;
    readonly step: number;
    readonly steps: number;
  }): void;
  step?(metrics: StepMetrics & { readonly steps: number }): void;
  evaluated?(row: Evaluation & { readonly best: boolean }): void;
  warned?(text: string): void;
  saved?(path: string): void;
}

export interface TuneRun {
  readonly resume?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly events?: TuneEvents | undefined;
  readonly now?: (() => number) | undefined;
  /** End after the running step once so many milliseconds have passed, as if it had been the last. */
  readonly until?: number | undefined;
}

export interface Evaluation {
  readonly step: number;
  readonly metric: string;
  readonly value: number;
  readonly more: Readonly<Record<string, number>>;
}

export interface Tuned {
  readonly adapter: string;
  readonly steps: number;
  readonly loss: number;
  /** What was written: the best evaluation, or the last step where there was none. */
  readonly best: Evaluation | undefined;
  readonly last: Evaluation | undefined;
  readonly trained: number;
  readonly stopped: "steps" | "patience" | "diverged" | "time";
}

/** What decides a tuning's steps: resuming with something else is refused. */
function identityOf(o: TuneOptions, data: Data, folder: ModelFolder, from: string | undefined): string {
  const { steps: _, epochs: __, patience: ___, threads: ____, evalEvery: _____, ...identity } = o;
  const hash = createHash("sha256").update(JSON.stringify(identity)).update(data.digest).update(fingerprintOf(folder));
  return hash
    .update(from ?? "")
    .digest("hex")
    .slice(0, 16);
}

interface Progress {
  best: Evaluation | undefined;
  last: Evaluation | undefined;
  /** Evaluations since the best, and those in a row whose predictions were all one class. */
  since: number;
  flat: number;
}

/** Evaluations in a row with one class before a person is told. */
const flatBefore = 3;

/** Tune as asked; the result is an adapter's folder, or of full fine-tuning a model's, at `out`. */
export async function tune(files: TuneFiles, o: TuneOptions, run: TuneRun = {}): Promise<Tuned> {
  return tuneOpened(await openTuning(files), o, run);
}

export async function tuneOpened(opened: Opened, o: TuneOptions, run: TuneRun = {}): Promise<Tuned> {
  const { events = {}, signal, now = Date.now, resume = false, until } = run;
  const { folder, files } = opened;
  const { out } = files;
  const prepared = prepare(opened, o);
  const { base, model, data } = prepared;
  for (const text of doubts(o)) events.warned?.(text);
  const { values, kept } = await startingValues(prepared, opened, o);
  const weights: Weights = new Map([...base.weights, ...asStored(kept)]);
  const moving = new Set(model.trained.map(({ name }) => name));
  if (model.settings.method === "full" && anyQuantized(base.weights)) {
    fail("unsupported", "the weights are quantised: whole numbers cannot be moved a little", {
      where: folder.path,
      hint: "tune an adapter over them (p-tuning-v2, lora), or take the unquantised model",
    });
  }
  makeFolder(out);
  await using _folder = await openRunFolder(out, { signal });
  const identity = identityOf(o, data, folder, files.from);
  const existing = await listCheckpoints(out);
  if (existing.length > 0 && !resume) {
    fail("bad_input", `there is a tuning in this folder already (step ${existing[0]})`, {
      where: out,
      hint: "add --resume to go on with it, or give another out folder",
    });
  }
  const checkpoint = resume ? await latestCheckpoint(out, identity) : undefined;
  for (const [name, value] of checkpoint?.values ?? []) {
    (values.get(name)?.data as Float32Array | undefined)?.set(value.data as Float32Array);
  }
  await removeLeftovers(out);

  const plan = { sources: [sourceOf(data.train)], rows: o.batch, shuffle: o.shuffle, seed: o.seed };
  const perEpoch = Math.max(1, Math.ceil(planEpoch(plan, 0).length / o.accumulate));
  const steps = o.steps ?? (o.epochs ?? 10) * perEpoch;
  const batchAt = epochReader(plan);
  const heldPlan = { sources: [sourceOf(data.held)], rows: Math.max(o.batch, 16), shuffle: false, seed: 0 };
  const held =
    data.held.length === 0 ? [] : planEpoch(heldPlan, 0).map((places) => places.map(([, row]) => data.held[row]!));

  const compileFor = (g: Graph) =>
    compile(g, {
      ...(o.threads !== undefined && { threads: o.threads }),
      weights,
      trained: (name) => moving.has(name),
      // Measured: the engine's own rewriting makes a training step slower and opening it much slower.
      optimize: "disabled",
      spin: false,
    });
  await using trainer = await createTrainer({
    loss: model.loss,
    parameters: model.trained,
    values,
    optimizer: adamw(),
    group: () => ({ lrScale: 1, weightDecay: o.weightDecay }),
    clip: o.clip,
    accumulate: o.accumulate,
    recompute: model.recompute,
    compile: compileFor,
  });
  if (checkpoint) trainer.restore(checkpoint.optimizer, checkpoint.step);
  const progress: Progress = checkpoint
    ? (readJsonFile(join(checkpoint.path, "progress.json")) as unknown as Progress)
    : { best: undefined, last: undefined, since: 0, flat: 0 };
  let bestValues = new Map<string, NdArray>();
  const copied = () =>
    new Map([...values].map(([name, { shape, data }]) => [name, float32(shape, (data as Float32Array).slice())]));
  if (checkpoint && progress.best) {
    const file = openSafetensors(join(checkpoint.path, "best.safetensors"));
    bestValues = new Map([...file.tensors.keys()].map((name) => [name, readTensor(file, name)]));
  }
  await using metrics = await openMetrics(out, trainer.steps, now);
  await using evaluator = held.length > 0 ? await compileFor(model.evaluation) : undefined;

  events.started?.({
    task: data.task,
    rows: data.train.length,
    held: data.held.length,
    skipped: data.skipped,
    labels: data.labels ?? [],
    trained: countOf(model.trained),
    parameters: countOf(model.all),
    step: trainer.steps,
    steps,
  });

  /** Ends the run before its last step, with the steps that were done as they are. */
  const ended = new AbortController();
  let stopped = "steps" as Tuned["stopped"];
  let diverged = false;
  let smooth = Number.NaN;
  let first = Number.NaN;
  let warned = false;
  const stop = (why: Tuned["stopped"]) => {
    stopped = why;
    ended.abort();
  };
  const rate = o.lr ?? usualRate(o.method);
  const factor = (step: number) =>
    o.schedule === "exp"
      ? exponential(step, perEpoch)
      : scheduleFactor({ name: o.schedule, warmup: o.warmup }, step, steps);

  const judge = async (step: number) => {
    if (!evaluator) return;
    const scores: Scores | undefined = await evaluate(model, evaluator, values, held, data.labels ?? [], signal);
    if (!scores) return;
    const row: Evaluation = { step, metric: scores.metric, value: scores.value, more: scores.more };
    progress.last = row;
    const better = progress.best === undefined || scores.value > progress.best.value;
    if (better) {
      progress.best = row;
      progress.since = 0;
      bestValues = copied();
    } else progress.since++;
    progress.flat = scores.flat ? progress.flat + 1 : 0;
    metrics.write({ step, [`eval_${scores.metric}`]: scores.value, ...scores.more });
    events.evaluated?.({ ...row, best: better });
    if (progress.flat === flatBefore) {
      events.warned?.(
        `${flatBefore} evaluations in a row predict one and the same class: try another learning rate or start (--init), or --search`,
      );
    }
    if (o.patience > 0 && progress.since >= o.patience) stop("patience");
  };

  try {
    await trainLoop({
      trainer,
      steps,
      saveEvery: perEpoch,
      evalEvery: o.evalEvery ?? perEpoch,
      signal: signal ? AbortSignal.any([signal, ended.signal]) : ended.signal,
      now,
      lr: (step) => rate * factor(step),
      async data(step) {
        const micro = Array.from({ length: o.accumulate }, (_, i) => batchAt((step - 1) * o.accumulate + i));
        const examples = micro.flat();
        const labels = examples.reduce((sum, example) => sum + model.labels(example), 0);
        return {
          micro: micro.map((rows, i) => ({ ...model.collate(rows, labels), ...model.extra(o.seed, step, i) })),
          tokens: examples.reduce((sum, example) => sum + lengthOf(example), 0),
        };
      },
      report(row) {
        smooth = Number.isNaN(smooth) ? row.loss : 0.9 * smooth + 0.1 * row.loss;
        if (Number.isNaN(first)) first = row.loss;
        if (!Number.isFinite(row.loss) || !Number.isFinite(row.grad_norm)) {
          diverged = true;
          fail("bad_input", `the loss of step ${row.step} is ${row.loss}`, {
            hint: `lower the learning rate (now ${row.lr.toPrecision(2)})`,
          });
        }
        metrics.write({ ...row });
        events.step?.({ ...row, steps });
        if (!warned && row.step > 20 && smooth > 1.5 * first) {
          warned = true;
          events.warned?.(
            `the loss rises (${first.toFixed(3)} at first, ${smooth.toFixed(3)} now): the learning rate may be too high`,
          );
        }
        if (until !== undefined && now() >= until) stop("time");
      },
      async save(step) {
        await metrics.flush();
        const path = await saveCheckpoint(
          out,
          { step, tokens: 0, position: step, fingerprint: identity },
          trainer.state,
          async (draft) => {
            await writeCheckpoint(draft, values);
            if (progress.best) await writeSafetensors(join(draft, "best.safetensors"), bestValues);
            await writeFileSafely(join(draft, "progress.json"), `${JSON.stringify(progress)}\n`);
          },
        );
        events.saved?.(path);
      },
      ...(evaluator && { evaluate: judge }),
    });
  } catch (cause) {
    if (diverged && progress.best) {
      stop("diverged");
      events.warned?.(
        `${(cause as Error).message}: the adapter of step ${progress.best.step} is kept; lower the learning rate`,
      );
    } else if (diverged || !ended.signal.aborted || signal?.aborted) throw cause;
  }
  // What a time limit or patience cut short was not evaluated at its last step.
  if (evaluator && !diverged && progress.last?.step !== trainer.steps && trainer.steps > 0) await judge(trainer.steps);
  const written = progress.best ? bestValues : values;
  await writeResult(opened, prepared, written, kept, o);
  return {
    adapter: out,
    steps: trainer.steps,
    loss: smooth,
    best: progress.best,
    last: progress.last,
    trained: countOf(model.trained),
    stopped,
  };
}

async function writeResult(
  { folder, files }: Opened,
  { base, model, data }: Prepared,
  values: ReadonlyMap<string, NdArray>,
  kept: ReadonlyMap<string, NdArray>,
  o: TuneOptions,
): Promise<void> {
  const { out } = files;
  if (model.settings.method === "full") {
    const all = new Map([...base.weights].filter(([name]) => !values.has(name)));
    await writeCheckpoint(out, [
      ...[...all].map(([name, stored]) => [name, stored] as const),
      ...values,
      ...kept,
    ] as never);
    for (const file of companions(folder, ["tokenizer", "generation", "pooling"])) {
      await writeFileSafely(join(out, file[0]), readCompanion(file));
    }
    await writeFileSafely(join(out, "config.json"), configText(folder.path, base.config));
    return;
  }
  if (existsSync(join(out, "adapter_config.json"))) rmSync(join(out, "adapter_config.json"));
  const adapter = adapterOf(model, values, kept, data.labels);
  await writeAdapter(out, adapter, base, {
    baseName: files.model,
    fingerprint: fingerprintOf(folder),
    maxLength: o.maxLength,
  });
}
