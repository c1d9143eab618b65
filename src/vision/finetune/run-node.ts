/** A fine-tuning from a configuration to a model's folder: steps, judging, the best kept, going on after a stop. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { makeFolder, writeFileSafely } from "../../base/files-node.ts";
import { readJsonFile } from "../../base/read-node.ts";
import { fail, throwIfAborted } from "../../errors.ts";
import { float32, type NdArray } from "../../graph/array.ts";
import type { Graph } from "../../graph/graph.ts";
import { epochReader, planEpoch } from "../../learn/batches.ts";
import { latestCheckpoint, listCheckpoints, removeLeftovers, saveCheckpoint } from "../../learn/checkpoint-node.ts";
import { type StepMetrics, trainLoop } from "../../learn/loop.ts";
import { openMetrics } from "../../learn/metrics-node.ts";
import { adamw, sgd } from "../../learn/optimizers.ts";
import { openRunFolder } from "../../learn/run-folder-node.ts";
import { scheduleFactor } from "../../learn/schedules.ts";
import { createTrainer } from "../../learn/trainer.ts";
import { parsePipeline } from "../../media/images/pipeline.ts";
import { initialValue } from "../../nn/initial.ts";
import { compile } from "../../runtime/compile-node.ts";
import { openSafetensors, readTensor, writeCheckpoint, writeSafetensors } from "../../weights/safetensors-node.ts";
import type { LabelledPictures } from "../data/labelled.ts";
import { openPair, openSplits } from "../data/open-node.ts";
import { rateOf, type VisionConfig } from "./config.ts";
import { feedOf, keptPictures, splitOff } from "./data.ts";
import { type Judged, judge } from "./judge.ts";
import { type VisionTraining, visionTraining } from "./model.ts";
import { floatsOf, openStart, type Start } from "./start-node.ts";
import { modelValues, writeModel } from "./write-node.ts";

export interface Evaluation extends Judged {
  readonly step: number;
}

export interface VisionEvents {
  /** Once, before the first step. */
  started?(info: {
    readonly classes: readonly string[];
    readonly examples: number;
    readonly held: number;
    readonly trained: number;
    readonly parameters: number;
    readonly step: number;
    readonly steps: number;
    readonly notes: readonly string[];
  }): void;
  step?(metrics: StepMetrics & { readonly steps: number }): void;
  evaluated?(row: Evaluation & { readonly best: boolean }): void;
  saved?(path: string): void;
}

export interface VisionRun {
  readonly resume?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly events?: VisionEvents | undefined;
  readonly now?: (() => number) | undefined;
}

export interface FineTuned {
  /** The folder that was written. */
  readonly model: string;
  readonly steps: number;
  /** What was written: the best evaluation, or the last step where there was none. */
  readonly best: Evaluation | undefined;
  readonly trained: number;
  readonly parameters: number;
  readonly stopped: "steps" | "patience";
}

const countOf = (specs: readonly { readonly shape: readonly number[] }[]): number =>
  specs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

/** What decides the steps: going on with something else is refused. */
function fingerprintOf(c: VisionConfig, digests: readonly string[], start: Start): string {
  const { steps: _, epochs: __, patience: ___, threads: ____, eval_every: _____, out: ______, ...identity } = c;
  const shapes = [...start.weights].map(([name, { shape }]) => `${name} ${shape}`);
  const parts = [JSON.stringify(identity), ...digests, ...shapes];
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 16);
}

interface Progress {
  best: Evaluation | undefined;
  last: Evaluation | undefined;
  /** Evaluations since the best one. */
  since: number;
}

async function openData(c: VisionConfig): Promise<{ train: LabelledPictures; held: LabelledPictures }> {
  if (c.eval !== undefined) return openPair(c.data, c.eval);
  const { train, held } = await openSplits(c.data);
  return held ? { train, held } : splitOff(train, c.split, c.seed);
}

/** Starting values of everything the network asks for. */
function startingValues(start: Start, { all }: VisionTraining, seed: number): Map<string, NdArray> {
  const { classifier } = start.architecture;
  return new Map(
    all.map((spec): [string, NdArray] => {
      const stored = start.weights.get(spec.name);
      if (stored) return [spec.name, floatsOf(stored)];
      // A new head starts at zero, so that its first steps leave the body as it is.
      if (start.folder && classifier.test(spec.name)) {
        return [spec.name, float32(spec.shape, new Float32Array(spec.shape.reduce((a, b) => a * b, 1)))];
      }
      return [spec.name, initialValue(spec, seed)];
    }),
  );
}

function readAll(path: string): Map<string, NdArray> {
  const file = openSafetensors(path);
  return new Map([...file.tensors.keys()].map((name) => [name, readTensor(file, name)]));
}

const copied = (values: ReadonlyMap<string, NdArray>): Map<string, NdArray> =>
  new Map([...values].map(([name, { shape, data }]) => [name, float32(shape, (data as Float32Array).slice())]));

/** @throws interrupted where the signal stopped it, after saving; bad_input where the loss is no number */
export async function finetune(c: VisionConfig, run: VisionRun = {}): Promise<FineTuned> {
  const { events = {}, signal, now = Date.now, resume = false } = run;
  const { train, held } = await openData(c);
  const start = await openStart(c, train.classes);
  const training = visionTraining(start.architecture, c);
  const values = startingValues(start, training, c.seed);
  makeFolder(c.out);
  await using _folder = await openRunFolder(c.out, { signal });
  const fingerprint = fingerprintOf(c, [train.digest, held.digest, train.labels.join(), held.labels.join()], start);
  const existing = await listCheckpoints(c.out);
  if (existing.length > 0 && !resume) {
    fail("bad_input", `there is a run in this folder already (step ${existing[0]})`, {
      where: c.out,
      hint: "add --resume to go on with it, or give another out folder",
    });
  }
  const checkpoint = resume ? await latestCheckpoint(c.out, fingerprint) : undefined;
  for (const [name, value] of checkpoint?.values ?? []) {
    (values.get(name)?.data as Float32Array | undefined)?.set(value.data as Float32Array);
  }
  await removeLeftovers(c.out);
  await writeFileSafely(join(c.out, "vision_config.json"), `${JSON.stringify(c, null, 2)}\n`);

  const moving = new Set(
    [...training.trained, ...training.state.map(({ tensor }) => tensor.node as { name: string })].map(
      ({ name }) => name,
    ),
  );
  const live = new Map([...values].filter(([name]) => moving.has(name)));
  const frozen = new Map(
    [...values]
      .filter(([name]) => !moving.has(name))
      .map(([name, { shape, data }]) => {
        const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
        return [name, { dtype: "float32", shape, data: bytes }] as const;
      }),
  );
  const compileHere = (g: Graph) =>
    compile(g, {
      ...(c.threads !== undefined && { threads: c.threads }),
      weights: frozen,
      trained: (name) => moving.has(name),
      // Measured: the engine's own rewriting makes a training step slower and opening it much slower.
      optimize: "disabled",
      spin: false,
    });
  await using trainer = await createTrainer({
    loss: training.loss,
    parameters: training.trained,
    state: training.state,
    values: live,
    optimizer: c.optimizer === "sgd" ? sgd({ momentum: c.momentum }) : adamw(),
    group: training.group,
    clip: c.clip,
    accumulate: c.accumulate,
    compile: compileHere,
  });
  if (checkpoint) trainer.restore(checkpoint.optimizer, checkpoint.step);
  await using evaluator = held.labels.length > 0 ? await compileHere(training.evaluation) : undefined;
  await using metrics = await openMetrics(c.out, trainer.steps, now);

  const wanted = { frames: start.architecture.image.frames, repeatLast: c.repeat_last };
  const settings = { processor: start.processor, pipeline: parsePipeline(c.augment), seed: c.seed };
  const feed = feedOf(keptPictures(train, wanted), start.architecture, settings);
  const heldFeed = feedOf(keptPictures(held, wanted), start.architecture, settings);
  const example = (i: number, epoch: number) => ({ i, epoch });
  const source = { size: train.labels.length, weight: 1, length: () => 1, example };
  const plan = { sources: [source], rows: c.batch, shuffle: true, seed: c.seed };
  const perEpoch = Math.max(1, Math.ceil(planEpoch(plan, 0).length / c.accumulate));
  const steps = c.steps ?? c.epochs * perEpoch;
  const batchAt = epochReader(plan);
  const warmup = c.warmup ?? Math.floor(steps / 10);

  const saved = checkpoint && join(checkpoint.path, "progress.json");
  const progress: Progress = saved
    ? (readJsonFile(saved) as unknown as Progress)
    : { best: undefined, last: undefined, since: 0 };
  let best: ReadonlyMap<string, NdArray> =
    checkpoint && progress.best ? readAll(join(checkpoint.path, "best.safetensors")) : new Map();
  events.started?.({
    ...{ classes: train.classes, examples: train.labels.length, held: held.labels.length },
    trained: countOf(training.trained),
    parameters: countOf(training.all),
    ...{ step: trainer.steps, steps, notes: [...start.notes, ...start.processor.warnings] },
  });

  const ended = new AbortController();
  let stopped: FineTuned["stopped"] = "steps";
  const evaluate = async (step: number) => {
    if (!evaluator) return;
    const judged = await judge(evaluator, live, heldFeed, held.labels, signal);
    const row = { step, ...judged };
    progress.last = row;
    const better =
      !progress.best ||
      judged.accuracy > progress.best.accuracy ||
      (judged.accuracy === progress.best.accuracy && judged.loss < progress.best.loss);
    if (better) {
      progress.best = row;
      progress.since = 0;
      best = copied(live);
    } else progress.since++;
    metrics.write({ step, eval_accuracy: judged.accuracy, eval_top5: judged.top5, eval_loss: judged.loss });
    events.evaluated?.({ ...row, best: better });
    if (c.patience > 0 && progress.since >= c.patience) {
      stopped = "patience";
      ended.abort();
    }
  };
  const evalEvery = c.eval_every ?? perEpoch;
  // Whoever was stopped at an evaluation has its step and not the evaluation.
  if (checkpoint && trainer.steps % evalEvery === 0 && progress.last?.step !== trainer.steps)
    await evaluate(trainer.steps);
  try {
    await trainLoop({
      ...{ trainer, steps, evalEvery, now },
      saveEvery: perEpoch,
      signal: signal ? AbortSignal.any([signal, ended.signal]) : ended.signal,
      lr: (step) => rateOf(c) * scheduleFactor({ name: c.schedule, warmup }, step, steps),
      async data(step) {
        const micro = Array.from({ length: c.accumulate }, (_, i) => batchAt((step - 1) * c.accumulate + i));
        const total = micro.reduce((sum, batch) => sum + batch.length, 0);
        const feeds = [];
        for (const [k, batch] of micro.entries()) {
          const examples = await Promise.all(
            batch.map(async ({ i, epoch }) => ({ pixels: await feed.train(i, epoch), label: train.labels[i]! })),
          );
          feeds.push(training.feeds(examples, total, [step, k]));
        }
        return { micro: feeds, tokens: total };
      },
      report(row) {
        if (!Number.isFinite(row.loss) || !Number.isFinite(row.grad_norm)) {
          fail("bad_input", `the loss of step ${row.step} is ${row.loss} (learning rate ${row.lr.toPrecision(2)})`, {
            hint: `lower the learning rate, or set clip; the last checkpoint is of step ${Math.floor((row.step - 1) / perEpoch) * perEpoch}`,
          });
        }
        const { tokens: examples, ...rest } = row;
        metrics.write({ ...rest, examples });
        events.step?.({ ...row, steps });
      },
      async save(step) {
        await metrics.flush();
        const state = { step, tokens: 0, position: step, fingerprint };
        const path = await saveCheckpoint(c.out, state, trainer.state, async (draft) => {
          await writeCheckpoint(draft, live);
          if (progress.best) await writeSafetensors(join(draft, "best.safetensors"), best);
          await writeFileSafely(join(draft, "progress.json"), `${JSON.stringify(progress)}\n`);
        });
        events.saved?.(path);
      },
      ...(evaluator && { evaluate }),
    });
  } catch (cause) {
    throwIfAborted(signal);
    if (!ended.signal.aborted) throw cause;
  }
  if (evaluator && progress.last?.step !== trainer.steps) await evaluate(trainer.steps);
  const kept = new Map([...values, ...(progress.best ? best : live)]);
  await writeModel(c.out, start, await modelValues(start, training, kept, progress.best?.step ?? trainer.steps));
  return {
    ...{ model: c.out, steps: trainer.steps, best: progress.best, stopped },
    trained: countOf(training.trained),
    parameters: countOf(training.all),
  };
}
