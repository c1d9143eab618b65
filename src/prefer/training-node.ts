/** What trainings on pairs share: their steps, their rates, and where a run of them is kept. */
import { createHash } from "node:crypto";
import type { NdArray } from "../graph/array.ts";
import type { Graph } from "../graph/graph.ts";
import { graph } from "../graph/graph.ts";
import { siteSeed } from "../graph/random.ts";
import { isCheap } from "../graph/recompute.ts";
import type { Tensor } from "../graph/tensor.ts";
import { stepReader } from "../learn/batches.ts";
import { type FitEvents, type FitRun, type FitStore, type Fitted, type Found, trainToBest } from "../learn/fit/fit.ts";
import type { TrainingHost } from "../learn/fit/host.ts";
import { adamw } from "../learn/optimizers.ts";
import { scheduleFactor } from "../learn/schedules.ts";
import { createTrainer } from "../learn/trainer.ts";
import type { Loss } from "../models/kinds/loss.ts";
import { siteNoise } from "../models/kinds/noise.ts";
import { wanted } from "../models/kinds/programs.ts";
import { createScope, type ParameterSpec } from "../nn/scope.ts";
import type { Program } from "../runtime/program.ts";
import type { Weights } from "../weights/weights.ts";
import type { CommonOptions } from "./options.ts";

/** A loss as a graph, with what moves in it. */
export interface Written<E> {
  readonly loss: Loss<E>;
  readonly value: Tensor;
  readonly trained: readonly ParameterSpec[];
  /** Whether something is dropped, by an input `seed`. */
  readonly random: boolean;
}

/** @param dropout the model's own rate, where the options have none */
export function written<E>(
  loss: Loss<E>,
  moves: (name: string) => boolean,
  dropout: number,
  unjoined = false,
): Written<E> {
  const random = dropout > 0 || unjoined;
  const scope = createScope();
  const value = loss.graph(scope, random ? siteNoise(dropout) : {});
  return { loss, value, random, trained: [...scope.parameters.values()].filter(({ name }) => moves(name)) };
}

/** Compiles a graph that is run during training: what moves is an input. */
export type CompileMoving = (g: Graph) => Promise<Program>;

export interface PairTraining<E, F extends Found> {
  readonly written: Written<E>;
  readonly examples: readonly E[];
  /** Roughly, in tokens. */
  readonly length: (example: E) => number;
  readonly weights: Weights;
  readonly values: ReadonlyMap<string, NdArray>;
  readonly host: TrainingHost;
  readonly rate: number;
  readonly store: FitStore;
  readonly events: FitEvents<F>;
  readonly run: FitRun;
  /** Told before the first step. */
  started(step: number, steps: number): void;
  /** Opens what judges held rows with the values as they are; undefined where none are held out. */
  readonly judge:
    | ((compile: CompileMoving) => Promise<AsyncDisposable & { found(): Promise<F | undefined> }>)
    | undefined;
}

export async function trainPairs<E, F extends Found>(t: PairTraining<E, F>, o: CommonOptions): Promise<Fitted> {
  const { examples, written: w, values, host, store } = t;
  const source = {
    size: examples.length,
    weight: 1,
    length: (i: number) => t.length(examples[i]!),
    example: (i: number) => examples[i]!,
  };
  const plan = { sources: [source], rows: o.batch, shuffle: o.shuffle, seed: o.seed };
  const { perEpoch, batchesOf } = stepReader(plan, o.accumulate);
  const steps = o.steps ?? (o.epochs ?? 1) * perEpoch;
  const moving = new Set(w.trained.map(({ name }) => name));
  const compile: CompileMoving = (g) => host.compile(g, t.weights, (name) => moving.has(name));
  const inputs = graph({ loss: w.value }).inputs.map(({ name }) => name);
  await using trainer = await createTrainer({
    loss: w.value,
    parameters: w.trained,
    values,
    optimizer: adamw(),
    group: () => ({ lrScale: 1, weightDecay: o.weightDecay }),
    clip: o.clip,
    accumulate: o.accumulate,
    recompute: o.recompute ? isCheap : undefined,
    compile,
  });
  if (store.resumed) trainer.restore(store.resumed.optimizer, store.resumed.step);
  await using judge = await t.judge?.(compile);
  const seedOf = (step: number, micro: number): Record<string, NdArray> =>
    w.random ? { seed: { dtype: "uint32", shape: [], data: Uint32Array.of(siteSeed(o.seed, step, micro)) } } : {};
  t.started(trainer.steps, steps);
  return await trainToBest<F>({
    ...t.run,
    ...{ trainer, steps, store, now: host.now, patience: o.patience, events: t.events },
    saveEvery: perEpoch,
    evalEvery: o.evalEvery ?? perEpoch,
    lr: (step) => t.rate * scheduleFactor({ name: o.schedule, warmup: o.warmup }, step, steps),
    async data(step) {
      const micro = batchesOf(step);
      const all = micro.flat();
      return {
        micro: micro.map((rows, i) => ({
          ...wanted(
            { inputs },
            w.loss.collate(
              rows.map((row) => [row]),
              all.length,
            ),
          ),
          ...seedOf(step, i),
        })),
        tokens: all.reduce((sum, example) => sum + t.length(example), 0),
      };
    },
    ...(judge && { judge: () => judge.found() }),
  });
}

/** A digest of everything that decides a training. */
export function identityOf(parts: readonly (string | object)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(typeof part === "string" ? part : JSON.stringify(part)).update("\n");
  return hash.digest("hex").slice(0, 16);
}

/** Lists of at most so many. */
export const inParts = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
