/** Memory by precision: to run a model, to train it, to tune it. Bytes; activations are estimates, the rest is counted. */
import { adafactor, adamw, type Optimizer, sgd } from "../learn/optimizers.ts";
import { type Precision, weightBytes } from "./precision.ts";
import { type Shape, type StackShape, stacksOf } from "./shapes.ts";
import type { TensorGroup } from "./tensor-groups.ts";
import { elementsOf } from "./tensors.ts";

/** One job: so many inputs at a time, tokens of each input, tokens of each output. */
export interface Work {
  readonly batch: number;
  readonly input: number;
  readonly output: number;
}

/** Keys, values and activations are float32 here, whatever the weights are. */
const float = 4;

export interface Caches {
  /** Keys and values of what a decoder wrote (and, without an encoder, read). */
  readonly self: number;
  /** Keys and values of the encoder's output in every decoder layer. */
  readonly cross: number;
}

/** Tokens that a decoder's own cache holds at the end. */
export const cachedTokens = ({ cross }: StackShape, { input, output }: Work): number =>
  cross ? output : input + output;

/** 2 · L · keys · 4 bytes a token and sequence, for what is written and again for what the encoder read. */
export function cacheBytes(shape: Shape, work: Work): Caches {
  const { decoder } = stacksOf(shape);
  if (!decoder) return { self: 0, cross: 0 };
  const perToken = 2 * decoder.layers * decoder.keys * float * work.batch;
  return { self: perToken * cachedTokens(decoder, work), cross: decoder.cross ? perToken * work.input : 0 };
}

/** Vocabulary rows or classes that an answer is made over. */
const answers = (tensors: readonly TensorGroup[]): number =>
  tensors.find(({ part, use }) => part === "head" && use !== "other")?.shape[0] ?? 0;

/**
 * What is alive at once while the input is read: residual, normed input, queries, keys, values and answer of a layer
 * or its feed-forward values, the scores of its heads, and one row of logits a sequence.
 */
function workingBytes(shape: Shape, tensors: readonly TensorGroup[], { batch, input }: Work): number {
  const { encoder, decoder } = stacksOf(shape);
  const stack = (encoder ?? decoder)!;
  const { width, inner, feedForward, heads, gated } = stack;
  const token = 2 * width + Math.max(4 * inner, (gated ? 2 : 1) * feedForward);
  return float * batch * (input * token + heads * input ** 2 + answers(tensors));
}

export interface Inference extends Caches {
  readonly weights: number;
  readonly working: number;
  readonly total: number;
}

/** Memory to run; without a shape (a family that is not known) the weights alone. */
export function inferenceMemory(
  shape: Shape | undefined,
  tensors: readonly TensorGroup[],
  precision: Precision,
  work: Work,
): Inference {
  const weights = weightBytes(tensors, precision);
  const caches = shape ? cacheBytes(shape, work) : { self: 0, cross: 0 };
  const working = shape ? workingBytes(shape, tensors, work) : 0;
  return { weights, ...caches, working, total: weights + caches.self + caches.cross + working };
}

export const optimizers: Record<"adam" | "adafactor" | "sgd", () => Optimizer> = {
  adam: adamw,
  adafactor,
  sgd,
};
export type OptimizerName = keyof typeof optimizers;

/** Bytes that the optimiser remembers of tensors of these shapes: what the trainer really keeps. */
function stateBytes(tensors: readonly Pick<TensorGroup, "shape" | "times">[], optimizer: OptimizerName): number {
  const { slots } = optimizers[optimizer]();
  const one = (shape: readonly number[]) =>
    Object.values(slots(shape)).reduce((sum, slot) => sum + elementsOf(slot) * float, 0);
  return tensors.reduce((sum, { shape, times }) => sum + one(shape) * times, 0);
}

/**
 * What a training step keeps for its way back, without recomputation (Korthikanti et al. 2022, arXiv 2205.05198, eq. 1,
 * for any feed-forward width): 34 d + 5 H s bytes a token and layer at two bytes a number, twice that here.
 */
function stackActivations(stack: StackShape | undefined, tokens: number, attended: number, batch: number): number {
  if (!stack) return 0;
  const { layers, width, inner, feedForward, heads, gated } = stack;
  const bytes = 10 * width + 8 * inner + (gated ? 8 : 4) * feedForward + 5 * heads * attended;
  return 2 * bytes * layers * tokens * batch;
}

function activationBytes(shape: Shape, tensors: readonly TensorGroup[], { batch, input, output }: Work): number {
  const { encoder, decoder } = stacksOf(shape);
  const written = decoder ? (encoder ? output : input + output) : 0;
  const attended = decoder?.cross ? output + input : written;
  // Logits and their gradient.
  const logits = 2 * float * answers(tensors) * batch * (decoder ? written : 1);
  return stackActivations(encoder, input, input, batch) + stackActivations(decoder, written, attended, batch) + logits;
}

export interface Training {
  /** Parameters that are trained. */
  readonly trained: number;
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly activations: number;
  readonly total: number;
}

const summed = (parts: Omit<Training, "total">): Training => ({
  ...parts,
  total: parts.weights + parts.gradients + parts.optimizer + parts.activations,
});

/**
 * Memory to train every parameter. In fp32 weights, gradients and Adam's two averages are 16 bytes a parameter; mixed
 * precision (bf16) has weights and gradients in two bytes and a copy of the weights in four: 16 bytes again.
 */
export function trainingMemory(
  shape: Shape,
  tensors: readonly TensorGroup[],
  precision: "fp32" | "bf16",
  optimizer: OptimizerName,
  work: Work,
): Training {
  const trained = tensors.reduce((sum, { shape: size, times }) => sum + elementsOf(size) * times, 0);
  const mixed = precision === "bf16";
  return summed({
    trained,
    weights: trained * (mixed ? 6 : 4),
    gradients: trained * (mixed ? 2 : 4),
    optimizer: stateBytes(tensors, optimizer),
    activations: activationBytes(shape, tensors, work) / (mixed ? 2 : 1),
  });
}

/** What is trained instead of the weights. */
export interface Tuning {
  readonly method: "lora" | "prefix" | "prompt";
  /** LoRA: inner width of the two matrices beside each query and value projection. */
  readonly rank: number;
  /** Prefix, prompt: invented tokens in front. */
  readonly virtualTokens: number;
}

/** Query and value projections under the names of every family here; GPT-2 and ModernBERT have all three in one. */
const adapted = /\b(q|v|c_attn|Wqkv|q_proj|v_proj|q_lin|v_lin|query|value|query_proj|value_proj)\.weight$/;

/** Tensors that a method trains. A prefix is keys and values for every layer's self-attention; a prompt is embeddings. */
export function tunedTensors(
  shape: Shape,
  tensors: readonly TensorGroup[],
  { method, rank, virtualTokens }: Tuning,
): readonly Pick<TensorGroup, "shape" | "times">[] {
  if (method === "prompt") return [{ shape: [virtualTokens, shape.width], times: 1 }];
  if (method === "prefix") {
    const stacks = Object.values(stacksOf(shape)) as StackShape[];
    return stacks.map(({ layers, keys }) => ({ shape: [virtualTokens, 2 * layers * keys], times: 1 }));
  }
  return tensors
    .filter(({ name }) => adapted.test(name))
    .flatMap(({ shape: [out = 1, width = 1], times }) => [
      { shape: [rank, width], times },
      { shape: [out, rank], times },
    ]);
}

/**
 * Memory to tune: the weights lie still in their precision, and only what is trained pays for an optimiser.
 * @param mixed activations take 16 bits, as in mixed precision
 */
export function tuningMemory(
  shape: Shape,
  tensors: readonly TensorGroup[],
  precision: Precision,
  optimizer: OptimizerName,
  tuning: Tuning,
  work: Work,
  mixed: boolean,
): Training {
  const tuned = tunedTensors(shape, tensors, tuning);
  const trained = tuned.reduce((sum, { shape: size, times }) => sum + elementsOf(size) * times, 0);
  // Invented tokens are read like others.
  const more = tuning.method === "lora" ? 0 : tuning.virtualTokens;
  return summed({
    trained,
    weights: weightBytes(tensors, precision) + trained * float,
    gradients: trained * float,
    optimizer: stateBytes(tuned, optimizer),
    activations: activationBytes(shape, tensors, { ...work, input: work.input + more }) / (mixed ? 2 : 1),
  });
}
