/** What trainings on pairs share: what they start from, their steps, and how the order of a pair is judged. */
import { createHash } from "node:crypto";
import { fail } from "../errors.ts";
import { type ModelFolder, openModelFolder } from "../folders/open-node.ts";
import { countOf, type NdArray } from "../graph/array.ts";
import type { Graph } from "../graph/graph.ts";
import { graph } from "../graph/graph.ts";
import { siteSeed } from "../graph/random.ts";
import { isCheap } from "../graph/recompute.ts";
import type { Tensor } from "../graph/tensor.ts";
import { findModel } from "../hub/find-node.ts";
import { stepReader } from "../learn/batches.ts";
import { type FitEvents, type FitRun, type FitStore, type Fitted, type Found, trainToBest } from "../learn/fit/fit.ts";
import type { TrainingHost } from "../learn/fit/host.ts";
import { adamw } from "../learn/optimizers.ts";
import { scheduleFactor } from "../learn/schedules.ts";
import { createTrainer } from "../learn/trainer.ts";
import { loraSettings, usualOf } from "../models/adapters/peft-targets.ts";
import type { LoraSettings } from "../models/adapters/settings.ts";
import type { Loss } from "../models/kinds/loss.ts";
import { siteNoise } from "../models/kinds/noise.ts";
import { wanted } from "../models/kinds/programs.ts";
import { createScope, type ParameterSpec } from "../nn/scope.ts";
import type { Program } from "../runtime/program.ts";
import type { ReadBase } from "../text/adapters/read.ts";
import { anyQuantized, type Weights } from "../weights/weights.ts";
import type { ReadPairs } from "./data/read-node.ts";
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

/** Told before the first step. */
export interface PairStart {
  readonly pairs: number;
  readonly held: number;
  readonly silent: number;
  readonly books: ReadPairs["books"];
  readonly trained: number;
  readonly step: number;
  readonly steps: number;
}

export interface PairRun<V extends FitEvents> extends FitRun {
  readonly events?: V | undefined;
  readonly resume?: boolean | undefined;
  readonly now?: (() => number) | undefined;
}

export interface PairTraining<E> {
  readonly written: Written<E>;
  readonly examples: readonly E[];
  /** Roughly, in tokens. */
  readonly length: (example: E) => number;
  readonly weights: Weights;
  readonly values: ReadonlyMap<string, NdArray>;
  readonly host: TrainingHost;
  readonly rate: number;
  readonly store: FitStore;
  readonly events: FitEvents;
  readonly run: FitRun;
  /** Before the first step. */
  started(info: Pick<PairStart, "trained" | "step" | "steps">): void;
  /** How held rows are judged with the values as they are; undefined where none are held out. */
  readonly judge: { readonly graph: Graph; found(program: Program): Promise<Found> } | undefined;
}

export async function trainPairs<E>(t: PairTraining<E>, o: CommonOptions): Promise<Fitted> {
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
  const compile = (g: Graph) => host.compile(g, t.weights, (name) => moving.has(name));
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
  await using judge = t.judge && (await compile(t.judge.graph));
  const seedOf = (step: number, micro: number): Record<string, NdArray> =>
    w.random ? { seed: { dtype: "uint32", shape: [], data: Uint32Array.of(siteSeed(o.seed, step, micro)) } } : {};
  t.started({ trained: countOf(w.trained), step: trainer.steps, steps });
  return await trainToBest({
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
    ...(judge && { judge: () => t.judge!.found(judge) }),
  });
}

/** A digest of everything that decides a training. */
export function identityOf(parts: readonly (string | object)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(typeof part === "string" ? part : JSON.stringify(part)).update("\n");
  return hash.digest("hex").slice(0, 16);
}

/** How often the better one of a pair has more, a tie as half of it. */
export const rightOf = (margins: readonly number[]): number =>
  margins.reduce((sum, margin) => sum + (margin > 0 ? 1 : margin === 0 ? 0.5 : 0), 0);

/** Mean of log σ(margin). */
export const likelihoodOf = (margins: readonly number[]): number =>
  -margins.reduce((sum, m) => sum + Math.max(-m, 0) + Math.log1p(Math.exp(-Math.abs(m))), 0) / margins.length;

/** A model's own folder. @throws unsupported for a GGUF file */
export function openTrainable(name: string): ModelFolder {
  const folder = openModelFolder(findModel(name).path);
  if (folder.gguf)
    fail("unsupported", "a GGUF file is not trained", { where: name, hint: "take the model's own folder" });
  return folder;
}

/** @throws unsupported for weights that are whole numbers */
export function needMovable(weights: Weights, where: string): void {
  if (!anyQuantized(weights)) return;
  fail("unsupported", "the weights are quantised: whole numbers cannot be moved a little", {
    where,
    hint: "start from the unquantised model",
  });
}

export function loraOf({ rank, alpha = rank, targets }: CommonOptions, { survey }: ReadBase): LoraSettings {
  return loraSettings({ targets: targets ?? usualOf(survey.products), rank, alpha }, survey.products);
}

/** Lists of at most so many. */
export const inParts = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
