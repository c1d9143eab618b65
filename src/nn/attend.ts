/** Attention: softmax(scale · q kᵀ + bias) v (Vaswani et al. 2017, equation 1). */
import type { Dim } from "../graph/dims.ts";
import * as o from "../graph/operators.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Drops parts of a value in training; the identity otherwise. */
export type Dropout = (x: Tensor) => Tensor;

export const keepAll: Dropout = (x) => x;

export interface Heads {
  readonly heads: number;
  /** Heads of keys and values; fewer than `heads` where groups of queries share them. All by default. */
  readonly kvHeads?: number;
  readonly scale: number;
}

export interface AttentionOptions extends Heads {
  /** Added to the scores, [1 | batch, 1 | heads, query, key]. */
  readonly bias?: Tensor | undefined;
  /** Keep the probabilities for the backward pass instead of using the fused kernel, which hides them. */
  readonly training?: boolean | undefined;
  readonly dropout?: Dropout | undefined;
}

/** q [batch, query, heads · k] over k and v [batch, key, kvHeads · k], or so by heads [batch, kvHeads, key, k]. */
export function attend(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  const { heads, kvHeads = heads, scale, bias, training = false, dropout = keepAll } = options;
  if (training) return o.attentionInParts(bias ? [q, k, v, bias] : [q, k, v], { heads, kvHeads, scale }, dropout);
  // The fused kernel takes a bias for every query, not one for all.
  const [rows, groups, queries, keys] = (bias?.shape ?? []) as [Dim, Dim, Dim, Dim];
  const each = bias && queries === 1 ? o.expand(bias, [rows, groups, q.shape[1]!, keys]) : bias;
  return o.attention(q, k, v, each, heads, scale, kvHeads);
}
