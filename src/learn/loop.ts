/** The training loop: steps from a plan, a report for each, saves, evaluations, and a stop between steps. */
import { throwIfAborted } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import type { StepRates, StepReport, Trainer } from "./trainer.ts";

export interface StepData {
  readonly micro: readonly Readonly<Record<string, NdArray>>[];
  /** Input and target tokens that are text, for the speed. */
  readonly tokens: number;
}

export interface StepMetrics {
  readonly step: number;
  readonly loss: number;
  readonly lr: number;
  /** Text tokens of this step. */
  readonly tokens: number;
  /** Seconds this step took. */
  readonly seconds: number;
  readonly grad_norm: number;
}

export interface LoopOptions {
  trainer: Trainer;
  steps: number;
  /** The data of a step, counted from 1. */
  data(step: number): Promise<StepData>;
  lr(step: number): number;
  /** Rates of named groups at a step, where they are not those they started with. */
  rates?(step: number): StepRates;
  saveEvery: number;
  evalEvery: number;
  save(step: number): Promise<void>;
  evaluate?(step: number): Promise<void>;
  /** Called after every step, with the trainer's further outputs. */
  report(metrics: StepMetrics, outputs: StepReport["outputs"]): void | Promise<void>;
  now(): number;
  signal?: AbortSignal | undefined;
}

/**
 * Run from the trainer's step to the last. A signal stops it after the running step; what was done is saved first,
 * then `interrupted` is thrown. A loss that is no number stops the run before it is saved.
 */
export async function trainLoop(options: LoopOptions): Promise<void> {
  const { trainer, steps, signal } = options;
  let saved = trainer.steps;
  const save = async () => {
    if (saved === trainer.steps) return;
    await options.save(trainer.steps);
    saved = trainer.steps;
  };
  while (trainer.steps < steps) {
    if (signal?.aborted) {
      await save();
      throwIfAborted(signal);
    }
    const step = trainer.steps + 1;
    const started = options.now();
    const lr = options.lr(step);
    const { micro, tokens } = await options.data(step);
    const { loss, gradNorm, outputs } = await trainer.step(micro, lr, options.rates?.(step));
    const seconds = (options.now() - started) / 1000;
    await options.report({ step, loss, lr, tokens, seconds, grad_norm: gradNorm }, outputs);
    // Evaluated before it is saved: a step that was saved is not done again, its evaluation would be lost.
    if (options.evaluate && options.evalEvery > 0 && step % options.evalEvery === 0) await options.evaluate(step);
    if (options.saveEvery > 0 && step % options.saveEvery === 0) await save();
  }
  await save();
}
