/** What heads of encoders have in common. */
import type { Dim } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { Dropout } from "../../nn/attend.ts";
import { layerNorm } from "../../nn/norms.ts";
import { type Initial, type Scope, zerosInit } from "../../nn/scope.ts";
import type { Dense } from "./layers.ts";

/** The output at the first place: [rows, length, width] to [rows, width]. */
export function firstToken(hidden: Tensor): Tensor {
  const [rows, , width] = hidden.shape as [Dim, Dim, Dim];
  return o.reshape(o.slice(hidden, 1, 0, 1), [rows, width]);
}

/** The mean over the places where there is text, by a mask [rows, length] of 0 and 1; over all places without one. */
export function meanToken(hidden: Tensor, mask: Tensor | undefined): Tensor {
  if (!mask) return o.mean(hidden, [1]);
  const [rows, length] = mask.shape as [Dim, Dim];
  const weights = o.reshape(o.cast(mask, "float32"), [rows, length, 1]);
  return o.div(o.sum(o.mul(hidden, weights), [1]), o.sum(weights, [1]));
}

/** Scores of classes [rows, classes] of x [rows, width]: dense, an activation, `out_proj`. */
export function projectedClasses(
  at: Scope,
  x: Tensor,
  classes: number,
  { dense, act, dropout }: { dense: Dense; act: (x: Tensor) => Tensor; dropout: Dropout },
): Tensor {
  const inner = act(dense(at.at("dense"), dropout(x), x.shape.at(-1) as number));
  return dense(at.at("out_proj"), dropout(inner), classes);
}

export interface WordHead {
  /** Where `dense` is, and the norm after it. */
  readonly transform: Scope;
  readonly norm: Scope;
  readonly dense: Dense;
  readonly act: (x: Tensor) => Tensor;
  readonly epsilon: number;
  /** The output matrix, [vocabulary, width]. */
  readonly words: Tensor;
  /** Where the bias is, and its name. */
  readonly bias: readonly [Scope, string];
}

/** Logits of every word, [rows, length, vocabulary]: dense, activation, norm, then the table of words and a bias. */
export function wordLogits(hidden: Tensor, { transform, norm, dense, act, epsilon, words, bias }: WordHead): Tensor {
  const [vocabulary, width] = words.shape as [number, number];
  const normed = layerNorm(norm, act(dense(transform, hidden, width)), epsilon);
  return o.add(o.matmul(normed, words, { transB: true }), bias[0].param(bias[1], [vocabulary], zerosInit));
}

/** The output matrix: the table of words where they are tied, else one of its own. */
export const outputMatrix = (tied: boolean, table: Tensor, at: Scope, start: Initial): Tensor =>
  tied ? table : at.param("weight", table.shape as number[], start);
