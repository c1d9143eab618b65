/** Norms: over the last axis, and of images' channels. */
import { fail } from "../errors.ts";
import { type Dim, elements } from "../graph/dims.ts";
import * as o from "../graph/operators.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Initial, onesInit, type Scope, zerosInit } from "./scope.ts";

/** Root-mean-square norm: x · rsqrt(mean(x²) + ε) · w. No mean, no bias (Zhang & Sennrich 2019, arXiv 1910.07467). */
export function rmsNorm(scope: Scope, x: Tensor, epsilon: number, initial: Initial = onesInit): Tensor {
  return o.rmsNorm(x, scope.param("weight", [x.shape.at(-1) as number], initial), epsilon);
}

/** The same with x̂ · (1 + w), of weights that are stored around 0. */
export function shiftedRmsNorm(scope: Scope, x: Tensor, epsilon: number): Tensor {
  return o.rmsNorm(x, o.add(scope.param("weight", [x.shape.at(-1) as number], zerosInit), 1), epsilon);
}

/** Root-mean-square norm of every head of x [rows, length, heads · k] by itself; one weight [k] for all of them. */
export function headNorm(scope: Scope, x: Tensor, heads: number, epsilon: number, shifted = false): Tensor {
  const [rows, length, width] = x.shape as [Dim, Dim, number];
  const split = o.reshape(x, [rows, length, heads, width / heads]);
  return o.reshape((shifted ? shiftedRmsNorm : rmsNorm)(scope, split, epsilon), x.shape);
}

/** (x − mean) · rsqrt(variance + ε) · w + b (Ba et al. 2016, arXiv 1607.06450); some models leave b away. */
export function layerNorm(scope: Scope, x: Tensor, epsilon: number, { bias = true } = {}): Tensor {
  const width = x.shape.at(-1) as number;
  const shift = bias ? scope.param("bias", [width], zerosInit) : o.filled("float32", 0, [width]);
  return o.layerNorm(x, scope.param("weight", [width], onesInit), shift, epsilon);
}

/** A vector of one number a channel, as it multiplies or is added to [batch, channels, …]. */
const perChannel = (vector: Tensor, x: Tensor): Tensor =>
  o.reshape(vector, [x.shape[1]!, ...x.shape.slice(2).map(() => 1)]);

/**
 * Every group of neighbouring channels of x [batch, channels, …] by itself, over the places and the group's channels,
 * then a weight and a bias for each channel (Wu & He 2018, arXiv 1803.08494).
 * @throws wrong_use where the groups do not divide the channels
 */
export function groupNorm(scope: Scope, x: Tensor, groups: number, epsilon: number, initial = onesInit): Tensor {
  const [batch, channels, ...places] = x.shape as [Dim, number, ...Dim[]];
  if (channels % groups !== 0) fail("wrong_use", `${groups} groups do not divide ${channels} channels`);
  const width = elements([channels / groups, ...places]);
  const [ones, none] = [1, 0].map((value) => o.filled(x.dtype, value, [width])) as [Tensor, Tensor];
  const normal = o.reshape(o.layerNorm(o.reshape(x, [batch, groups, width]), ones, none, epsilon), x.shape);
  const weight = perChannel(scope.param("weight", [channels], initial), x);
  return o.add(o.mul(normal, weight), perChannel(scope.param("bias", [channels], zerosInit), x));
}

/** Is told the running statistics of a batch norm and what they are after the batch: state that nothing differentiates. */
export type Track = (running: Tensor, next: Tensor) => void;

export interface BatchNormOptions {
  readonly epsilon: number;
  /** Share of the batch in the running statistics; 0.1 by default, as in PyTorch. */
  readonly momentum?: number;
  /** Normalise by the batch, and tell the statistics; by the running statistics without. */
  readonly track?: Track | undefined;
  readonly initial?: Initial;
}

/**
 * Every channel of x [batch, channels, …] over batch and places (Ioffe & Szegedy 2015, arXiv 1502.03167). The running
 * statistics, `running_mean` and `running_var`, take the batch's unbiased variance, what is divided by is the biased one.
 */
export function batchNorm(scope: Scope, x: Tensor, options: BatchNormOptions): Tensor {
  const { epsilon, momentum = 0.1, track, initial = onesInit } = options;
  const channels = x.shape[1] as number;
  const weight = scope.param("weight", [channels], initial);
  const bias = scope.param("bias", [channels], zerosInit);
  const runningMean = scope.param("running_mean", [channels], zerosInit);
  const runningVar = scope.param("running_var", [channels], onesInit);
  if (!track) {
    const factor = o.mul(weight, o.reciprocal(o.sqrt(o.add(runningVar, epsilon))));
    const shift = o.sub(bias, o.mul(runningMean, factor));
    return o.add(o.mul(x, perChannel(factor, x)), perChannel(shift, x));
  }
  const axes = x.shape.flatMap((_, i) => (i === 1 ? [] : [i]));
  const mean = o.mean(x, axes, true);
  const centred = o.sub(x, mean);
  const variance = o.mean(o.square(centred), axes, true);
  const count = o.sizeValue(elements([x.shape[0]!, ...x.shape.slice(2)]));
  const unbiased = o.mul(o.reshape(variance, [channels]), o.div(count, o.maximum(o.sub(count, 1), 1)));
  const moved = (old: Tensor, now: Tensor) => o.add(o.mul(old, 1 - momentum), o.mul(o.stopGradient(now), momentum));
  track(runningMean, moved(runningMean, o.reshape(mean, [channels])));
  track(runningVar, moved(runningVar, unbiased));
  const normal = o.div(centred, o.sqrt(o.add(variance, epsilon)));
  return o.add(o.mul(normal, perChannel(weight, x)), perChannel(bias, x));
}
