/**
 * The best speed a machine could reach: a step takes at least as long as its arithmetic, and at least as long as
 * reading its weights and caches from memory (Williams et al. 2009, the roofline).
 */
import { cachedTokens, type Work } from "./memory.ts";
import { bytesOfGroup, type Precision } from "./precision.ts";
import { type Shape, stacksOf } from "./shapes.ts";
import type { Part, TensorGroup } from "./tensor-groups.ts";
import { elementsOf } from "./tensors.ts";

/** What a machine has. Bytes, bytes/s and floating-point operations/s. */
export interface Machine {
  readonly memory: number;
  /** Rate at which memory is read. */
  readonly bandwidth: number;
  /** fp32. */
  readonly flops?: number;
  /** Products with quantised weights; taken to be those of fp32 where it is not known. */
  readonly flopsInt8?: number;
  /** Rate at which a file is read for the first time. */
  readonly disk?: number;
}

/** Two operations for each weight of the products that a token passes. */
function productFlops(tensors: readonly TensorGroup[], wanted: readonly Part[]): number {
  return tensors
    .filter(({ part, use }) => wanted.includes(part) && use !== "lookup" && use !== "other")
    .reduce((sum, { shape, times, experts = 1 }) => sum + (2 * elementsOf(shape) * times) / experts, 0);
}

/** Floating-point operations of the forward pass, by what they are for. */
export interface Flops {
  /** A token of the input, its keys and values for the decoder included. */
  readonly input: number;
  /** A token of the output, the head included; for models that only read, the head over what was read. */
  readonly output: number;
  /** A token in training, forward and backward: 6 · N, N being the active parameters. */
  readonly training: number;
  /** The same with N the parameters of the stack that a token passes, as the work mixes input and output tokens. */
  readonly trainingThrough: number;
}

/** 4 · L · a for each token attended to, beside the products. */
export function flopsOf(shape: Shape, tensors: readonly TensorGroup[], work: Work): Flops {
  const { encoder, decoder } = stacksOf(shape);
  const attention = (stack: { layers: number; inner: number } | undefined, tokens: number) =>
    stack ? 4 * stack.layers * stack.inner * tokens : 0;
  const active = tensors.reduce((sum, { shape: s, times, experts = 1 }) => sum + (elementsOf(s) * times) / experts, 0);
  const training = 6 * active;
  if (encoder) {
    const input = productFlops(tensors, ["encoder", "memory"]) + attention(encoder, work.input);
    if (!decoder) {
      return { input, output: productFlops(tensors, ["head"]), training, trainingThrough: training };
    }
    const output = productFlops(tensors, ["decoder", "head"]) + attention(decoder, work.output / 2 + work.input);
    const products =
      work.input * productFlops(tensors, ["encoder", "memory"]) +
      work.output * productFlops(tensors, ["decoder", "head"]);
    return { input, output, training, trainingThrough: (3 * products) / (work.input + work.output) };
  }
  const input = productFlops(tensors, ["decoder"]) + attention(decoder, work.input / 2);
  const output = productFlops(tensors, ["decoder", "head"]) + attention(decoder, work.input + work.output / 2);
  return { input, output, training, trainingThrough: training };
}

/** Of E experts the share that b tokens touch when each is sent anywhere: 1 − (1 − 1/E)^b. */
export const touched = (experts: number, tokens: number): number => 1 - (1 - 1 / experts) ** tokens;

/** Bytes that one output token of every sequence reads: decoder and head once, the caches of each sequence. */
export function stepBytes(
  shape: Shape,
  tensors: readonly TensorGroup[],
  precision: Precision,
  work: Work,
): { readonly weights: number; readonly caches: number } {
  const { decoder } = stacksOf(shape);
  if (!decoder) return { weights: 0, caches: 0 };
  const weights = tensors
    .filter(({ part, use }) => (part === "decoder" || part === "head") && use !== "lookup")
    .reduce((sum, group) => {
      const share = group.experts ? touched(group.experts, work.batch) : 1;
      return sum + bytesOfGroup(group, precision) * share;
    }, 0);
  // On average half of the output is there.
  const held = cachedTokens(decoder, work) - work.output / 2 + (decoder.cross ? work.input : 0);
  return { weights, caches: 2 * decoder.layers * decoder.keys * 4 * held * work.batch };
}

/** What holds a model up: there is not memory enough, or it is not read fast enough, or computed. */
export type Bound = "memory" | "bandwidth" | "arithmetic";

export interface Speed {
  /** Output tokens/s over all sequences, at most. Absent for models that only read. */
  readonly output?: { readonly rate: number; readonly bound: Bound; readonly bytes: number };
  /** Input tokens/s, at most; unknown where the machine's arithmetic is. */
  readonly input?: { readonly rate: number; readonly bound: Bound };
  /** Seconds to the first output token with the weights in memory, and with the weights on disk, at least. */
  readonly first: { readonly warm: number; readonly cold?: number };
}

const slower = (bandwidth: number, arithmetic: number): { seconds: number; bound: Bound } =>
  arithmetic > bandwidth ? { seconds: arithmetic, bound: "arithmetic" } : { seconds: bandwidth, bound: "bandwidth" };

/** The limits of a model in this precision on a machine, as if the machine had the memory. */
export function speedOf(
  shape: Shape,
  tensors: readonly TensorGroup[],
  precision: Precision,
  work: Work,
  machine: Machine,
): Speed {
  const flops = flopsOf(shape, tensors, work);
  const { encoder, decoder } = stacksOf(shape);
  const few = precision !== "fp32" && precision !== "bf16";
  const arithmetic = few ? (machine.flopsInt8 ?? machine.flops) : machine.flops;
  const seconds = (operations: number) => (arithmetic ? operations / arithmetic : 0);
  const tokens = work.batch * work.input;
  const readBytes = tensors
    .filter(
      ({ part, use }) => use !== "lookup" && (encoder ? part === "encoder" || part === "memory" : part !== "head"),
    )
    .reduce((sum, group) => {
      const share = group.experts ? touched(group.experts, tokens) : 1;
      return sum + bytesOfGroup(group, precision) * share;
    }, 0);
  const read = slower(readBytes / machine.bandwidth, seconds(flops.input * tokens));
  const input = machine.flops ? { rate: tokens / read.seconds, bound: read.bound } : undefined;
  const { weights, caches } = stepBytes(shape, tensors, precision, work);
  const bytes = weights + caches;
  const step = slower(bytes / machine.bandwidth, seconds(flops.output * work.batch));
  // A decoder alone has its first token with the last one it read.
  const warm = read.seconds + (encoder ? step.seconds : 0);
  const whole = tensors.reduce((sum, group) => sum + bytesOfGroup(group, precision), 0);
  return {
    ...(input && { input }),
    ...(decoder && { output: { rate: work.batch / step.seconds, bound: step.bound, bytes } }),
    first: { warm, ...(machine.disk && { cold: Math.max(warm, whole / machine.disk) }) },
  };
}
