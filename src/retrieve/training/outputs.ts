/**
 * An encoder that is trained by what is made of its outputs: vectors of texts, or scores of pairs. In two passes, so that
 * a batch is as large as wanted in little memory (Gao et al. 2021): the outputs are computed in parts, whoever compares
 * them says how the loss changes with each (the gradient), and every part is computed again with the loss Σ output ·
 * gradient, whose gradients by the weights are those of the whole. What is dropped is dropped alike in both passes.
 */
import type { NdArray } from "../../graph/array.ts";
import { int64 } from "../../graph/array.ts";
import type { Graph } from "../../graph/graph.ts";
import { graph } from "../../graph/graph.ts";
import * as o from "../../graph/operators.ts";
import { siteSeed } from "../../graph/random.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { adamw } from "../../learn/optimizers.ts";
import { createTrainer, type Trainer } from "../../learn/trainer.ts";
import type { EncoderArchitecture } from "../../models/family.ts";
import type { EncodedText } from "../../models/kinds/encoder.ts";
import { siteNoise } from "../../models/kinds/noise.ts";
import { type Readout, vectorsOf } from "../../models/kinds/pooling.ts";
import { wanted } from "../../models/kinds/programs.ts";
import { wholeRow } from "../../nn/pass.ts";
import { createScope, type ParameterSpec } from "../../nn/scope.ts";
import type { Program } from "../../runtime/program.ts";

export interface OutputModel {
  readonly architecture: EncoderArchitecture;
  /** How vectors are made; undefined where the outputs are the scores of its head of one class. */
  readonly readout?: Readout | undefined;
  /** Numbers of an output. */
  readonly width: number;
}

export interface OutputTrainerOptions {
  readonly model: OutputModel;
  /** Every parameter's value by name; those that are trained change in place. */
  readonly values: ReadonlyMap<string, NdArray>;
  readonly trained: (name: string) => boolean;
  /** Texts of a step, and of a part of it. */
  readonly texts: number;
  readonly part: number;
  readonly dropout: number;
  readonly clip: number;
  readonly weightDecay: number;
  readonly seed: number;
  /** Compiles a graph whose parameters of these names are inputs. */
  readonly compile: (graph: Graph, trained: (name: string) => boolean) => Promise<Program>;
}

/** Outputs of texts, and how a loss changes with each number of them. */
export type Judge = (outputs: Float32Array) => Promise<{ readonly loss: number; readonly gradient: Float32Array }>;

export interface StepResult {
  readonly loss: number;
  readonly gradNorm: number;
}

export interface OutputTrainer extends AsyncDisposable {
  readonly trainer: Trainer;
  /** Outputs of texts with the weights as they are, nothing dropped: [texts, width]. */
  outputs(texts: readonly EncodedText[]): Promise<Float32Array>;
  /** One update from exactly as many texts as were told. */
  step(texts: readonly EncodedText[], judge: Judge, lr: number): Promise<StepResult>;
}

const tokens = (name: string): Tensor => input(name, "int64", ["batch", "length"]);

/** The outputs of a graph, [batch, width]; with a rate what is dropped follows from the input `seed`. */
function written({ architecture, readout }: OutputModel, training: boolean, rate: number) {
  const scope = createScope();
  const options = { training, ...(rate > 0 && siteNoise(rate)) };
  const network = architecture.network(scope, options);
  const [ids, mask] = [tokens("ids"), tokens("mask")];
  const hidden = network.encode(ids, tokens("types"), wholeRow("length", { causal: false, mask, ...options }));
  const output = readout
    ? vectorsOf(scope, hidden, tokens("counted"), readout)
    : network.heads.sequence!(hidden, { ids, mask });
  return { output, parameters: [...scope.parameters.values()] };
}

/** The parameters that the outputs are made with. */
export const parametersOf = (model: OutputModel): readonly ParameterSpec[] => written(model, true, 0).parameters;

/** Lengths are rounded up to these, so that the engine's plans are used again. */
const stepOfLengths = 16;

/** Texts as rows of one length. */
function feedsOf(texts: readonly EncodedText[], pad: number, longest: number): Record<string, NdArray> {
  const most = Math.max(1, ...texts.map(({ ids }) => ids.length));
  const length = Math.min(Math.ceil(most / stepOfLengths) * stepOfLengths, Math.max(most, longest));
  const sheet = (value: (text: EncodedText, place: number) => number) => {
    const values = new Array<number>(texts.length * length);
    for (const [row, text] of texts.entries())
      for (let i = 0; i < length; i++) values[row * length + i] = value(text, i);
    return int64([texts.length, length], values);
  };
  const within = ({ ids }: EncodedText, i: number) => Number(i < ids.length);
  return {
    ids: sheet(({ ids }, i) => ids[i] ?? pad),
    mask: sheet(within),
    types: sheet(({ types }, i) => types?.[i] ?? 0),
    counted: sheet((text, i) => Number(i >= (text.skipped ?? 0) && i < text.ids.length)),
  };
}

export async function outputTrainer(o2: OutputTrainerOptions): Promise<OutputTrainer> {
  const { model, values, texts: count, part, dropout, seed } = o2;
  const { architecture, width } = model;
  const parts = Math.ceil(count / part);
  const longest = architecture.longest ?? Infinity;
  const { output, parameters } = written(model, true, dropout);
  const trained = parameters.filter(({ name }) => o2.trained(name) && !architecture.frozen?.test(name));
  const moves = new Set(trained.map(({ name }) => name));
  const isTrained = (name: string) => moves.has(name);
  const given = input("given", "float32", ["batch", width]);
  const trainer = await createTrainer({
    loss: o.sum(o.mul(output, given)),
    parameters: trained,
    values: new Map(trained.map(({ name }) => [name, values.get(name)!])),
    optimizer: adamw(),
    group: () => ({ lrScale: 1, weightDecay: o2.weightDecay }),
    clip: o2.clip,
    accumulate: parts,
    compile: (g) => o2.compile(g, isTrained),
  });
  const plain = await o2.compile(graph({ output: written(model, false, 0).output }), isTrained);
  const noisy =
    dropout > 0 ? await o2.compile(graph({ output: written(model, true, dropout).output }), isTrained) : undefined;
  // A training graph in which nothing reads the text's kinds does not ask for them.
  const asked = [...graph({ loss: o.sum(o.mul(output, given)) }).inputs.map(({ name }) => name)];
  const live = Object.fromEntries(trained.map(({ name }) => [name, trainer.values.get(name)!]));

  const seedOf = (step: number, at: number): Record<string, NdArray> =>
    dropout > 0 ? { seed: { dtype: "uint32", shape: [], data: Uint32Array.of(siteSeed(seed, step, at)) } } : {};

  async function run(
    program: Program,
    texts: readonly EncodedText[],
    more: Record<string, NdArray> = {},
  ): Promise<Float32Array> {
    const feeds = { ...feedsOf(texts, architecture.pad, longest), ...more, ...live };
    return (await program.run(wanted(program, feeds))).output!.data as Float32Array;
  }

  const split = <T>(list: readonly T[], size: number): T[][] =>
    Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));

  return {
    trainer,
    async outputs(texts) {
      const all = new Float32Array(texts.length * width);
      let at = 0;
      for (const some of split(texts, part)) {
        all.set(await run(plain, some), at * width);
        at += some.length;
      }
      return all;
    },
    async step(texts, judge, lr) {
      const step = trainer.steps + 1;
      const pieces = split(texts, part);
      const all = new Float32Array(texts.length * width);
      for (const [i, some] of pieces.entries())
        all.set(await run(noisy ?? plain, some, seedOf(step, i)), i * part * width);
      const { loss, gradient } = await judge(all);
      const micro = pieces.map((some, i) => {
        const own = gradient.slice(i * part * width, (i * part + some.length) * width);
        const feeds = { ...feedsOf(some, architecture.pad, longest), ...seedOf(step, i) };
        return {
          ...wanted({ inputs: asked }, feeds),
          given: { dtype: "float32", shape: [some.length, width], data: own } as NdArray,
        };
      });
      const { gradNorm } = await trainer.step(micro, lr);
      return { loss, gradNorm };
    },
    async [Symbol.asyncDispose]() {
      await trainer[Symbol.asyncDispose]();
      await plain[Symbol.asyncDispose]();
      await noisy?.[Symbol.asyncDispose]();
    },
  };
}
