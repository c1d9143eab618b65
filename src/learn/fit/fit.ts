/**
 * A training that is judged on the way and keeps its best values: what is reported, when it ends, and from where it goes
 * on after it was stopped. What is learnt, and how it is judged, is its caller's.
 */
import { fail } from "../../errors.ts";
import { float32, type NdArray } from "../../graph/array.ts";
import { type StepData, type StepMetrics, trainLoop } from "../loop.ts";
import type { Trainer } from "../trainer.ts";

export interface Evaluation {
  readonly step: number;
  readonly metric: string;
  readonly value: number;
  readonly more: Readonly<Record<string, number>>;
}

/** What an evaluation found. Of two that are right equally often, the one of greater `more.log_likelihood` is better. */
export interface Found extends Omit<Evaluation, "step"> {
  /** Whether all predictions were one class. */
  readonly flat?: boolean | undefined;
}

/** What evaluations have told so far. */
export interface Progress {
  best: Evaluation | undefined;
  last: Evaluation | undefined;
  /** Evaluations since the best, and those in a row whose predictions were all one class. */
  since: number;
  flat: number;
}

/** What was there after a step. */
export interface FitState {
  readonly step: number;
  readonly values: ReadonlyMap<string, NdArray>;
  readonly optimizer: Trainer["state"];
  readonly progress: Progress;
  /** Of the best evaluation; empty before the first. */
  readonly best: ReadonlyMap<string, NdArray>;
}

/** Where a training keeps its steps, so that it can be gone on with. */
export interface FitStore {
  /** What to go on from; the starting values are those of this step. */
  readonly resumed?: Omit<FitState, "values"> | undefined;
  write(row: Readonly<Record<string, number>> & { readonly step: number }): void;
  /** @returns its path, for people */
  save(state: FitState): Promise<string | undefined>;
}

export interface FitEvents<F extends Found = Found> {
  step?(metrics: StepMetrics & { readonly steps: number }): void;
  evaluated?(row: Evaluation & { readonly best: boolean }, found: F): void;
  warned?(text: string): void;
  saved?(path: string): void;
}

export interface FitRun {
  readonly signal?: AbortSignal | undefined;
  /** Awaited before every step: a pause waits here. */
  readonly before?: ((step: number) => Promise<void>) | undefined;
  /** Ends it after the running step, as if that had been the last. */
  readonly enough?: AbortSignal | undefined;
  /** End after the running step once so many milliseconds have passed, as if it had been the last. */
  readonly until?: number | undefined;
}

export interface FitOptions<F extends Found = Found> extends FitRun {
  /** Where a stored one is gone on from, it has that state already. */
  readonly trainer: Trainer;
  readonly steps: number;
  readonly saveEvery: number;
  readonly evalEvery: number;
  /** Evaluations without a better one after which it ends; 0 for never. */
  readonly patience: number;
  /** A loss that is no number is an error, whatever was best before it; else the best is kept with a warning. */
  readonly strict?: boolean | undefined;
  readonly lr: (step: number) => number;
  readonly data: (step: number) => Promise<StepData>;
  /** Undefined where it was stopped on the way. */
  readonly judge?: ((step: number) => Promise<F | undefined>) | undefined;
  readonly store?: FitStore | undefined;
  readonly events?: FitEvents<F> | undefined;
  readonly now: () => number;
}

export interface Fitted {
  /** Those of the best evaluation, or of the last step where there was none. */
  readonly values: ReadonlyMap<string, NdArray>;
  readonly steps: number;
  /** Smoothed over steps. */
  readonly loss: number;
  readonly best: Evaluation | undefined;
  readonly last: Evaluation | undefined;
  readonly stopped: "steps" | "patience" | "diverged" | "time" | "enough";
}

/** Evaluations in a row with one class before a person is told. */
const flatBefore = 3;

function isBetter(row: Evaluation, best: Evaluation | undefined): boolean {
  if (!best || row.value !== best.value) return !best || row.value > best.value;
  return (row.more.log_likelihood ?? -Infinity) > (best.more.log_likelihood ?? -Infinity);
}

/** Run a training to its end. @throws interrupted where the signal stopped it; bad_input where the loss is no number */
export async function trainToBest<F extends Found>(o: FitOptions<F>): Promise<Fitted> {
  const { trainer, steps, evalEvery, store, events = {}, signal, enough, until, before } = o;
  const { values } = trainer;
  const resumed = store?.resumed;
  const progress: Progress = resumed?.progress ?? { best: undefined, last: undefined, since: 0, flat: 0 };
  let bestValues: ReadonlyMap<string, NdArray> = resumed?.best ?? new Map();
  const copied = () =>
    new Map([...values].map(([name, { shape, data }]) => [name, float32(shape, (data as Float32Array).slice())]));

  /** Ends the run before its last step, with the steps that were done as they are. */
  const ended = new AbortController();
  let stopped = "steps" as Fitted["stopped"];
  let diverged = false;
  let smooth = Number.NaN;
  let first = Number.NaN;
  let warned = false;
  const stop = (why: Fitted["stopped"]) => {
    stopped = why;
    ended.abort();
  };

  const judge = async (step: number) => {
    const found = await o.judge?.(step);
    if (!found) return;
    const { metric, value, more, flat } = found;
    const row: Evaluation = { step, metric, value, more };
    progress.last = row;
    const better = isBetter(row, progress.best);
    if (better) {
      progress.best = row;
      progress.since = 0;
      bestValues = copied();
    } else progress.since++;
    progress.flat = flat ? progress.flat + 1 : 0;
    store?.write({ step, [`eval_${metric}`]: value, ...more });
    events.evaluated?.({ ...row, best: better }, found);
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

  // Whoever was stopped at an evaluation has its step and not the evaluation.
  const isOwed = resumed && evalEvery > 0 && trainer.steps % evalEvery === 0 && progress.last?.step !== trainer.steps;
  if (isOwed) await judge(trainer.steps);

  try {
    await trainLoop({
      trainer,
      steps,
      saveEvery: o.saveEvery,
      evalEvery,
      signal: signal ? AbortSignal.any([signal, ended.signal]) : ended.signal,
      now: o.now,
      lr: o.lr,
      async data(step) {
        await before?.(step);
        return o.data(step);
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
        if (until !== undefined && o.now() >= until) stop("time");
      },
      async save(step) {
        const path = await store?.save({ step, values, optimizer: trainer.state, progress, best: bestValues });
        if (path !== undefined) events.saved?.(path);
      },
      ...(o.judge && { evaluate: judge }),
    });
  } catch (cause) {
    if (diverged && progress.best && !o.strict) {
      stop("diverged");
      events.warned?.(
        `${(cause as Error).message}: what step ${progress.best.step} had learnt is kept; lower the learning rate`,
      );
    } else if (diverged || !ended.signal.aborted || signal?.aborted) throw cause;
  }
  enough?.removeEventListener("abort", isEnough);
  // What a time limit or patience cut short was not evaluated at its last step.
  if (!diverged && progress.last?.step !== trainer.steps && trainer.steps > 0) await judge(trainer.steps);
  return {
    values: progress.best ? bestValues : values,
    steps: trainer.steps,
    loss: smooth,
    best: progress.best,
    last: progress.last,
    stopped,
  };
}
