/** A fine-tuning from a configuration to a model's folder: what moves, on which pictures, and how it is judged. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { writeFileSafely } from "../../base/files-node.ts";
import { countOf, type NdArray, zeros } from "../../graph/array.ts";
import type { Graph } from "../../graph/graph.ts";
import { stepReader } from "../../learn/batches.ts";
import { type FitStore, type Fitted, type Found, trainToBest } from "../../learn/fit/fit.ts";
import { openFitFolder } from "../../learn/fit/folder-node.ts";
import { nodeHost } from "../../learn/fit/host-node.ts";
import type { StepMetrics } from "../../learn/loop.ts";
import { adamw, sgd } from "../../learn/optimizers.ts";
import { scheduleFactor } from "../../learn/schedules.ts";
import { createTrainer } from "../../learn/trainer.ts";
import { parsePipeline } from "../../media/images/pipeline.ts";
import { initialValue } from "../../nn/initial.ts";
import { asStored } from "../../weights/stored.ts";
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
  warned?(text: string): void;
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
  readonly stopped: Fitted["stopped"];
}

/** What decides the steps: going on with something else is refused. */
function fingerprintOf(c: VisionConfig, digests: readonly string[], start: Start): string {
  const { steps: _, epochs: __, patience: ___, threads: ____, eval_every: _____, out: ______, ...identity } = c;
  const shapes = [...start.weights].map(([name, { shape }]) => `${name} ${shape}`);
  const parts = [JSON.stringify(identity), ...digests, ...shapes];
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 16);
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
        return [spec.name, zeros("float32", spec.shape)];
      }
      return [spec.name, initialValue(spec, seed)];
    }),
  );
}

const foundOf = ({ accuracy, top5, loss }: Judged): Found => ({
  metric: "accuracy",
  value: accuracy,
  more: { eval_top5: top5, eval_loss: loss, log_likelihood: -loss },
});

const judgedOf = ({ value, more }: Found): Judged => ({
  accuracy: value,
  top5: more.eval_top5!,
  loss: more.eval_loss!,
});

/** A store whose rows count pictures. */
const countingPictures = (store: FitStore): FitStore => ({
  ...store,
  write({ tokens, log_likelihood: _, ...row }) {
    store.write(tokens === undefined ? row : { ...row, examples: tokens });
  },
});

/** @throws interrupted where the signal stopped it, after saving; bad_input where the loss is no number */
export async function finetune(c: VisionConfig, run: VisionRun = {}): Promise<FineTuned> {
  const { events = {}, signal, now = Date.now, resume = false } = run;
  const { train, held } = await openData(c);
  const start = await openStart(c, train.classes);
  const training = visionTraining(start.architecture, c);
  const values = startingValues(start, training, c.seed);
  await using opened = await openFitFolder({
    ...{ out: c.out, resume, values, now, signal },
    what: "fine-tuning",
    identity: fingerprintOf(c, [train.digest, held.digest, train.labels.join(), held.labels.join()], start),
  });
  const store = countingPictures(opened.store);
  await writeFileSafely(join(c.out, "vision_config.json"), `${JSON.stringify(c, null, 2)}\n`);

  const moving = new Set(
    [...training.trained, ...training.state.map(({ tensor }) => tensor.node as { name: string })].map(
      ({ name }) => name,
    ),
  );
  const live = new Map([...values].filter(([name]) => moving.has(name)));
  const frozen = new Map(asStored([...values].filter(([name]) => !moving.has(name))));
  const host = nodeHost(c.threads, now);
  const compileHere = (g: Graph) => host.compile(g, frozen, (name) => moving.has(name));
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
  if (store.resumed) trainer.restore(store.resumed.optimizer, store.resumed.step);
  await using evaluator = held.labels.length > 0 ? await compileHere(training.evaluation) : undefined;

  const wanted = { frames: start.architecture.image.frames, repeatLast: c.repeat_last };
  const settings = { processor: start.processor, pipeline: parsePipeline(c.augment), seed: c.seed };
  const feed = feedOf(keptPictures(train, wanted), start.architecture, settings);
  const heldFeed = feedOf(keptPictures(held, wanted), start.architecture, settings);
  const example = (i: number, epoch: number) => ({ i, epoch });
  const source = { size: train.labels.length, weight: 1, length: () => 1, example };
  const plan = { sources: [source], rows: c.batch, shuffle: true, seed: c.seed };
  const { perEpoch, batchesOf } = stepReader(plan, c.accumulate);
  const steps = c.steps ?? c.epochs * perEpoch;
  const warmup = c.warmup ?? Math.floor(steps / 10);

  events.started?.({
    ...{ classes: train.classes, examples: train.labels.length, held: held.labels.length },
    trained: countOf(training.trained),
    parameters: countOf(training.all),
    ...{ step: trainer.steps, steps, notes: [...start.notes, ...start.processor.warnings] },
  });

  const { values: learnt, ...fitted } = await trainToBest({
    ...{ trainer, steps, store, now, signal, patience: c.patience, strict: true },
    saveEvery: perEpoch,
    evalEvery: c.eval_every ?? perEpoch,
    lr: (step) => rateOf(c) * scheduleFactor({ name: c.schedule, warmup }, step, steps),
    async data(step) {
      const micro = batchesOf(step);
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
    ...(evaluator && { judge: async () => foundOf(await judge(evaluator, live, heldFeed, held.labels, signal)) }),
    events: {
      ...events,
      evaluated: ({ step, best, ...found }) => events.evaluated?.({ step, ...judgedOf(found), best }),
    },
  });
  const best = fitted.best && { step: fitted.best.step, ...judgedOf(fitted.best) };
  const kept = new Map([...values, ...learnt]);
  await writeModel(c.out, start, await modelValues(start, training, kept, best?.step ?? fitted.steps));
  return {
    ...{ model: c.out, steps: fitted.steps, best, stopped: fitted.stopped },
    trained: countOf(training.trained),
    parameters: countOf(training.all),
  };
}
