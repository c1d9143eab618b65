/** Tuning a frozen model on rows, step by step, wherever it runs: what moves, how it is judged, and when it ends. */
import { fail } from "../errors.ts";
import { countOf, type NdArray } from "../graph/array.ts";
import type { Graph } from "../graph/graph.ts";
import { planEpoch, stepReader } from "../learn/batches.ts";
import { type Evaluation, type FitRun, type FitStore, type Found, trainToBest } from "../learn/fit/fit.ts";
import type { TrainingHost } from "../learn/fit/host.ts";
import type { StepMetrics } from "../learn/loop.ts";
import { adafactor, adamw } from "../learn/optimizers.ts";
import { scheduleFactor } from "../learn/schedules.ts";
import { createTrainer } from "../learn/trainer.ts";
import type { Example } from "../models/kinds/loss.ts";
import { asStored } from "../weights/stored.ts";
import { anyQuantized, type Weights } from "../weights/weights.ts";
import { evaluate } from "./evaluate.ts";
import { type Listener, liveCompile, type Sample, textListener } from "./live.ts";
import { exponential, type Task, type TuneOptions, usualRate } from "./options.ts";
import { lengthOf, type Prepared, sourcesOf, type Values } from "./prepare.ts";
import { isChoice, type Scores } from "./tasks.ts";

export interface TuneEvents {
  /** Once, before the first step. */
  started?(info: {
    readonly task: Task;
    readonly rows: number;
    readonly held: number;
    /** Rows that were too long: left out, cut, and read in windows. */
    readonly skipped: number;
    readonly cut: number;
    readonly windowed: number;
    readonly labels: readonly string[];
    readonly trained: number;
    readonly parameters: number;
    readonly step: number;
    readonly steps: number;
  }): void;
  step?(metrics: StepMetrics & { readonly steps: number }): void;
  evaluated?(row: Evaluation & { readonly best: boolean; readonly samples: readonly Sample[] }): void;
  warned?(text: string): void;
  saved?(path: string): void;
}

export interface TuneRun extends FitRun {
  readonly events?: TuneEvents | undefined;
  /** So many rows that are held out are shown with what the model says to them, at every evaluation. */
  readonly samples?: number | undefined;
}

export interface TuneResult {
  readonly steps: number;
  readonly loss: number;
  /** What was written: the best evaluation, or the last step where there was none. */
  readonly best: Evaluation | undefined;
  readonly last: Evaluation | undefined;
  readonly trained: number;
  readonly stopped: "steps" | "patience" | "diverged" | "time" | "enough";
}

export interface Tuning {
  readonly prepared: Prepared;
  readonly start: Values;
  readonly host: TrainingHost;
  readonly store?: FitStore | undefined;
}

/** The learnt numbers that are worth keeping, after a run to its end. */
export interface Learnt {
  readonly result: TuneResult;
  readonly values: ReadonlyMap<string, NdArray>;
}

/** @throws unsupported where the method would move weights that are whole numbers */
export function needMovable({ base, model }: Prepared, where: string): void {
  if (model.settings.method === "full" && anyQuantized(base.weights)) {
    fail("unsupported", "the weights are quantised: whole numbers cannot be moved a little", {
      where,
      hint: "tune an adapter over them (p-tuning-v2, lora), or take the unquantised model",
    });
  }
}

/** Held rows with their classes, as the evaluation found them. */
function samplesOf({ data, tokenizer }: Prepared, { said }: Scores, count: number): Sample[] {
  const labels = data.labels ?? [];
  return data.held.slice(0, said ? count : 0).flatMap((example, i) => {
    if (isChoice(example)) return [];
    const text = tokenizer.decode(example.input, { skipSpecialTokens: true });
    return [{ text, wanted: labels[example.target[0]!] ?? "", said: labels[said![i]!] ?? "" }];
  });
}

/** Adafactor with the rate that is given, as it is used for prompts. */
const optimizerOf = ({ optimizer, factored }: TuneOptions) =>
  optimizer === "adafactor" ? adafactor({ scale_parameter: false, relative_step: false, factored }) : adamw();

/** Run a tuning to its end. @throws interrupted where the signal stopped it; bad_input where the loss is no number */
export async function runTuning(
  { prepared, start: { values, kept }, host, store }: Tuning,
  o: TuneOptions,
  run: TuneRun = {},
): Promise<Learnt> {
  const { events = {}, signal, samples = 0 } = run;
  const { base, model, data } = prepared;
  const weights: Weights = new Map([...base.weights, ...asStored(kept)]);
  const moving = new Set(model.trained.map(({ name }) => name));
  const resumed = store?.resumed;

  const plan = { sources: sourcesOf(data.train), rows: o.batch, shuffle: o.shuffle, seed: o.seed, apart: true };
  const { perEpoch, batchesOf } = stepReader(plan, o.accumulate);
  const steps = o.steps ?? (o.epochs ?? 10) * perEpoch;
  const judging = sourcesOf(data.held);
  const heldPlan = { sources: judging, rows: Math.max(o.batch, 16), shuffle: false, seed: 0, apart: true };
  const held =
    data.held.length === 0
      ? []
      : planEpoch(heldPlan, 0).map((places) => places.map(([source, row]) => judging[source]!.example(row, 0)));

  const compileFor = (g: Graph) => host.compile(g, weights, (name) => moving.has(name));
  if (model.encoded) {
    await using program = await host.compile(model.encoded.graph, weights);
    await model.encoded.read(program, [...data.train, ...data.held] as readonly Example[], signal);
  }
  await using trainer = await createTrainer({
    loss: model.loss,
    parameters: model.trained,
    values,
    optimizer: optimizerOf(o),
    group: () => ({ lrScale: 1, weightDecay: o.weightDecay }),
    clip: o.clip,
    accumulate: o.accumulate,
    recompute: model.recompute,
    compile: compileFor,
  });
  if (resumed) trainer.restore(resumed.optimizer, resumed.step);
  await using evaluator = held.length > 0 ? await compileFor(model.evaluation) : undefined;
  const metric = model.head ? undefined : o.metric;
  await using listener: (Listener & AsyncDisposable) | undefined =
    held.length > 0 && !model.head && (metric !== undefined || samples > 0)
      ? textListener(prepared, liveCompile(compileFor, values), { metric, count: samples })
      : undefined;

  events.started?.({
    task: data.task,
    rows: data.train.length,
    held: data.held.length,
    skipped: data.skipped,
    cut: data.cut,
    windowed: data.windowed,
    labels: data.labels ?? [],
    trained: countOf(model.trained),
    parameters: countOf(model.all),
    step: trainer.steps,
    steps,
  });

  const rate = o.lr ?? usualRate(o.method);
  const factor = (step: number) =>
    o.schedule === "exp"
      ? exponential(step, perEpoch)
      : scheduleFactor({ name: o.schedule, warmup: o.warmup }, step, steps);

  const judge = async (): Promise<(Found & { readonly samples: readonly Sample[] }) | undefined> => {
    if (!evaluator) return undefined;
    const own = await evaluate(model, evaluator, values, held, data.labels ?? [], signal);
    if (!own) return undefined;
    const heard = await listener?.hear(signal);
    const scores: Scores = heard?.scores
      ? { ...heard.scores, more: { ...heard.scores.more, [own.metric]: own.value } }
      : own;
    return { ...scores, samples: heard?.samples ?? samplesOf(prepared, own, samples) };
  };

  const { values: learnt, ...result } = await trainToBest({
    ...run,
    ...{ trainer, steps, store, now: host.now, patience: o.patience },
    saveEvery: perEpoch,
    evalEvery: o.evalEvery ?? perEpoch,
    lr: (step) => rate * factor(step),
    async data(step) {
      const micro = batchesOf(step);
      const examples = micro.flat();
      const labels = examples.reduce((sum, example) => sum + model.labels(example), 0);
      return {
        micro: micro.map((rows, i) => ({ ...model.collate(rows, labels), ...model.extra(o.seed, step, i) })),
        tokens: examples.reduce((sum, example) => sum + lengthOf(example), 0),
      };
    },
    ...(evaluator && { judge }),
    events: {
      ...events,
      evaluated: (row, { samples: shown }) => events.evaluated?.({ ...row, samples: shown }),
    },
  });
  return { values: learnt, result: { ...result, trained: countOf(model.trained) } };
}
