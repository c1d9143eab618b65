/** Attention: softmax(scale · q kᵀ + bias) v (Vaswani et al. 2017, equation 1). */
import { mulDims } from "../graph/dims.ts";
import * as o from "../graph/operators.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Drops parts of a value in training; the identity otherwise. */
export type Dropout = (x: Tensor) => Tensor;

export const keepAll: Dropout = (x) => x;

export interface Heads {
  readonly heads: number;
  /** Heads of keys and values; fewer than `heads` where groups of queries share them. All by default. */
  readonly keyHeads?: number;
  readonly scale: number;
}

export interface AttentionOptions extends Heads {
  /** Added to the scores, [1 | batch, 1 | heads, query, key]. */
  readonly bias?: Tensor | undefined;
  /** Keep the probabilities for the backward pass instead of using the fused kernel, which hides them. */
  readonly training?: boolean | undefined;
  readonly dropout?: Dropout | undefined;
}

/** q [batch, query, heads · k] over k and v [batch, key, keyHeads · k], or so by heads [batch, keyHeads, key, k]. */
export function attend(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  const { heads, keyHeads = heads, scale, bias, training = false, dropout = keepAll } = options;
  if (!training && keyHeads === heads) return o.attention(q, k, v, bias, heads, scale);
  const [query, key, value] = [o.asHeads(q, heads), o.asHeads(k, keyHeads), o.asHeads(v, keyHeads)];
  const [batch, , length, width] = query.shape;
  if (keyHeads === heads) {
    const scores = o.matmul(query, key, { transB: true, alpha: scale });
    const weights = dropout(o.softmax(bias ? o.add(scores, bias) : scores));
    return o.joinHeads(o.matmul(weights, value));
  }
  // Query head h uses key head ⌊h / group⌋. The queries of a group are rows of one product, so no key is copied.
  const group = heads / keyHeads;
  const keys = key.shape[2]!;
  const rows = mulDims(length!, group);
  const grouped = o.reshape(query, [batch!, keyHeads, rows, width!]);
  const scores = o.reshape(o.matmul(grouped, key, { transB: true, alpha: scale }), [batch!, heads, length!, keys]);
  const weights = dropout(o.softmax(bias ? o.add(scores, bias) : scores));
  const mixed = o.matmul(o.reshape(weights, [batch!, keyHeads, rows, keys]), value);
  return o.joinHeads(o.reshape(mixed, [batch!, heads, length!, value.shape[3]!]));
}
