/** Tuning a frozen model on rows, step by step, wherever it runs: what moves, how it is judged, and when it ends. */
import { fail } from "../errors.ts";
import { float32, type NdArray } from "../graph/array.ts";
import type { Graph } from "../graph/graph.ts";
import { epochReader, planEpoch } from "../learn/batches.ts";
import { type StepMetrics, trainLoop } from "../learn/loop.ts";
import { adafactor, adamw } from "../learn/optimizers.ts";
import { scheduleFactor } from "../learn/schedules.ts";
import { createTrainer, type Trainer } from "../learn/trainer.ts";
import type { Example } from "../models/kinds/loss.ts";
import { asStored } from "../text/adapters/read.ts";
import { anyQuantized, type Weights } from "../weights/weights.ts";
import { evaluate } from "./evaluate.ts";
import type { TuneHost } from "./host.ts";
import { type Listener, liveCompile, type Sample, textListener } from "./live.ts";
import { countOf } from "./model.ts";
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

export interface TuneRun {
  readonly signal?: AbortSignal | undefined;
  readonly events?: TuneEvents | undefined;
  /** Awaited before every step: a pause waits here. */
  readonly before?: ((step: number) => Promise<void>) | undefined;
  /** So many rows that are held out are shown with what the model says to them, at every evaluation. */
  readonly samples?: number | undefined;
  /** Ends it after the running step, as if that had been the last. */
  readonly enough?: AbortSignal | undefined;
  /** End after the running step once so many milliseconds have passed, as if it had been the last. */
  readonly until?: number | undefined;
}

export interface Evaluation {
  readonly step: number;
  readonly metric: string;
  readonly value: number;
  readonly more: Readonly<Record<string, number>>;
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

/** What evaluations have told so far. */
export interface Progress {
  best: Evaluation | undefined;
  last: Evaluation | undefined;
  /** Evaluations since the best, and those in a row whose predictions were all one class. */
  since: number;
  flat: number;
}

/** Evaluations in a row with one class before a person is told. */
const flatBefore = 3;

/** What was there after a step. */
export interface TuneState {
  readonly step: number;
  readonly values: ReadonlyMap<string, NdArray>;
  readonly optimizer: Trainer["state"];
  readonly progress: Progress;
  /** Of the best evaluation; empty before the first. */
  readonly best: ReadonlyMap<string, NdArray>;
}

/** Where a tuning keeps its steps, so that it can be gone on with. */
export interface TuneStore {
  /** What to go on from; the starting values are those of this step. */
  readonly resumed?: Omit<TuneState, "values"> | undefined;
  write(row: Readonly<Record<string, number>> & { readonly step: number }): void;
  /** @returns its path, for people */
  save(state: TuneState): Promise<string | undefined>;
}

export interface Tuning {
  readonly prepared: Prepared;
  readonly start: Values;
  readonly host: TuneHost;
  readonly store?: TuneStore | undefined;
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

/** Of two that are right equally often, the one that finds the right targets likelier. */
function isBetter(row: Evaluation, best: Evaluation | undefined): boolean {
  if (!best || row.value !== best.value) return !best || row.value > best.value;
  return (row.more.log_likelihood ?? -Infinity) > (best.more.log_likelihood ?? -Infinity);
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
  const { events = {}, signal, enough, before, until, samples = 0 } = run;
  const { base, model, data } = prepared;
  const weights: Weights = new Map([...base.weights, ...asStored(kept)]);
  const moving = new Set(model.trained.map(({ name }) => name));
  const resumed = store?.resumed;

  const plan = { sources: sourcesOf(data.train), rows: o.batch, shuffle: o.shuffle, seed: o.seed, apart: true };
  const perEpoch = Math.max(1, Math.ceil(planEpoch(plan, 0).length / o.accumulate));
  const steps = o.steps ?? (o.epochs ?? 10) * perEpoch;
  const batchAt = epochReader(plan);
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
  const progress: Progress = resumed?.progress ?? { best: undefined, last: undefined, since: 0, flat: 0 };
  let bestValues: ReadonlyMap<string, NdArray> = resumed?.best ?? new Map();
  const copied = () =>
    new Map([...values].map(([name, { shape, data }]) => [name, float32(shape, (data as Float32Array).slice())]));
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

  /** Ends the run before its last step, with the steps that were done as they are. */
  const ended = new AbortController();
  let stopped = "steps" as TuneResult["stopped"];
  let diverged = false;
  let smooth = Number.NaN;
  let first = Number.NaN;
  let warned = false;
  const stop = (why: TuneResult["stopped"]) => {
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
    const own = await evaluate(model, evaluator, values, held, data.labels ?? [], signal);
    if (!own) return;
    const heard = await listener?.hear(signal);
    const scores: Scores = heard?.scores
      ? { ...heard.scores, more: { ...heard.scores.more, [own.metric]: own.value } }
      : own;
    const row: Evaluation = { step, metric: scores.metric, value: scores.value, more: scores.more };
    progress.last = row;
    const better = isBetter(row, progress.best);
    if (better) {
      progress.best = row;
      progress.since = 0;
      bestValues = copied();
    } else progress.since++;
    progress.flat = scores.flat ? progress.flat + 1 : 0;
    store?.write({ step, [`eval_${scores.metric}`]: scores.value, ...scores.more });
    const shown = heard?.samples ?? samplesOf(prepared, own, samples);
    events.evaluated?.({ ...row, best: better, samples: shown });
    if (progress.flat === flatBefore) {
      events.warned?.(
        `${flatBefore} evaluations in a row predict one and the same class: try another learning rate or start (--init), or --search`,
      );
    }
    if (o.patience > 0 && progress.since >= o.patience) stop("patience");
  };

  const isEnough = () => stop("enough");
  if (enough?.aborted) isEnough();
  enough?.addEventListener("abort", isEnough, { once: true });

  const evalEvery = o.evalEvery ?? perEpoch;
  // Whoever was stopped at an evaluation has its step and not the evaluation.
  const isOwed = resumed && evalEvery > 0 && trainer.steps % evalEvery === 0 && progress.last?.step !== trainer.steps;
  if (isOwed) await judge(trainer.steps);

  try {
    await trainLoop({
      trainer,
      steps,
      saveEvery: perEpoch,
      evalEvery,
      signal: signal ? AbortSignal.any([signal, ended.signal]) : ended.signal,
      now: host.now,
      lr: (step) => rate * factor(step),
      async data(step) {
        await before?.(step);
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
        store?.write({ ...row });
        events.step?.({ ...row, steps });
        if (!warned && row.step > 20 && smooth > 1.5 * first) {
          warned = true;
          events.warned?.(
            `the loss rises (${first.toFixed(3)} at first, ${smooth.toFixed(3)} now): the learning rate may be too high`,
          );
        }
        if (until !== undefined && host.now() >= until) stop("time");
      },
      async save(step) {
        const path = await store?.save({ step, values, optimizer: trainer.state, progress, best: bestValues });
        if (path !== undefined) events.saved?.(path);
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
  enough?.removeEventListener("abort", isEnough);
  // What a time limit or patience cut short was not evaluated at its last step.
  if (evaluator && !diverged && progress.last?.step !== trainer.steps && trainer.steps > 0) await judge(trainer.steps);
  return {
    values: progress.best ? bestValues : values,
    result: {
      steps: trainer.steps,
      loss: smooth,
      best: progress.best,
      last: progress.last,
      trained: countOf(model.trained),
      stopped,
    },
  };
}
