/** The loss of training a model: its graph, and how the batches it takes are put together. One for every kind. */
import type { NdArray } from "../../graph/array.ts";
import type { Dim } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import { full, type Tensor } from "../../graph/tensor.ts";
import type { Scope } from "../../nn/scope.ts";
import type { NetworkOptions } from "../family.ts";

/** What a model is trained on: token ids in, and what is to come of them. */
export interface Example {
  readonly input: readonly number[];
  /** Tokens that follow, the end token included; or of an encoder what its head is to give (see `encoder-loss.ts`). */
  readonly target: readonly number[];
  /** First or second text, for each token of the input. */
  readonly types?: readonly number[] | undefined;
}

export interface LossOptions extends Pick<NetworkOptions, "dropout" | "jitter"> {
  /** Leave out what training adds beside the cross-entropy: for the loss of held-out rows. */
  readonly quiet?: boolean | undefined;
  /** A row holds several inputs and their targets, which do not see one another. */
  readonly packed?: boolean | undefined;
  /** Weight of (logsumexp of the logits)² of each target token, which keeps logits near 0; 1e-4 in Mesh TensorFlow. */
  readonly zLoss?: number | undefined;
}

/** The loss of a model that is trained on examples of this type: of text, or with images. */
export interface Loss<E = Example> {
  /**
   * The graph's scalar over inputs named as `collate` names them. Among them `scale`, the inverse of the labels in the
   * whole step, makes the losses of micro-batches add up to their mean.
   */
  graph(scope: Scope, options?: LossOptions): Tensor;
  /** Inputs for rows of examples: one a row, or several where rows are packed. `labels` are those of the whole step. */
  collate(rows: readonly (readonly E[])[], labels: number, packed?: boolean): Record<string, NdArray>;
  /** Labels of an example: what the mean is taken over. */
  labels(example: E): number;
}

/** What a model says of target tokens: logits [batch, length, vocabulary], and `labels` [batch, length], -100 for none. */
export interface TargetLogits {
  readonly logits: Tensor;
  readonly labels: Tensor;
}

/** Sum over labels of (logsumexp z)², where −log p(label) = logsumexp z − z(label) is known already. */
function squaredLogSums(logits: Tensor, labels: Tensor, crossEntropy: Tensor): Tensor {
  const shape = labels.shape as readonly Dim[];
  const there = o.not(o.equal(labels, -100));
  const label = o.reshape(o.where(there, labels, full("int64", 0)), [...shape, 1]);
  const chosen = o.reshape(o.gatherElements(logits, label, -1), shape);
  return o.sum(o.mul(o.square(o.add(crossEntropy, chosen)), o.cast(there, "float32")));
}

/** Cross-entropy of every label (-100: none), summed, with the z-loss where one is asked for. */
export function summedCrossEntropy(logits: Tensor, labels: Tensor, zLoss = 0): Tensor {
  const crossEntropy = o.softmaxCrossEntropy(logits, labels);
  const sum = o.sum(crossEntropy);
  return zLoss > 0 ? o.add(sum, o.mul(squaredLogSums(logits, labels, crossEntropy), zLoss)) : sum;
}

/** A sheet of numbers with rows of one width, filled with `value`. */
export const sheet = (rows: number, width: number, value: number): number[] =>
  new Array<number>(rows * width).fill(value);
