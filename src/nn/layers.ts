/** The layers transformers share. Weights keep the checkpoint's layout, [out, in]: nothing is ever transposed. */
import type { Dim } from "../graph/dims.ts";
import * as o from "../graph/operators.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Initial, ones, type Scope } from "./scope.ts";

/** Drops parts of a value in training; the identity otherwise. */
export type Dropout = (x: Tensor) => Tensor;

export const keepAll: Dropout = (x) => x;

/** x Wᵀ (+ b); x [..., in], W [out, in]. */
export function linear(scope: Scope, x: Tensor, out: number, initial?: Initial, { bias = false } = {}): Tensor {
  const width = x.shape.at(-1) as number;
  const y = o.matmul(x, scope.param("weight", [out, width], initial), { transB: true });
  return bias ? o.add(y, scope.param("bias", [out], { kind: "fill", value: 0 })) : y;
}

/** Root-mean-square norm over the last axis, as in T5: no mean, no bias. */
export function rmsNorm(scope: Scope, x: Tensor, epsilon: number, initial: Initial = ones): Tensor {
  return o.rmsNorm(x, scope.param("weight", [x.shape.at(-1) as number], initial), epsilon);
}

export interface AttentionOptions {
  heads: number;
  scale: number;
  /** Added to the scores, [1 | batch, 1 | heads, query, key]. */
  bias?: Tensor | undefined;
  /** Keep the probabilities for the backward pass instead of using the fused kernel, which hides them. */
  training?: boolean | undefined;
  dropout?: Dropout | undefined;
}

/** softmax(scale · q kᵀ + bias) v; q [batch, query, width], k and v so too or by heads. */
export function attend(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  const { heads, scale, bias, training = false, dropout = keepAll } = options;
  if (!training) return o.attention(q, k, v, bias, heads, scale);
  const [query, key, value] = [q, k, v].map((x) => o.asHeads(x, heads)) as [Tensor, Tensor, Tensor];
  const scores = o.matmul(query, key, { transB: true, alpha: scale });
  const weights = dropout(o.softmax(bias ? o.add(scores, bias) : scores));
  return o.joinHeads(o.matmul(weights, value));
}

/**
 * 0 where the mask is 1 and a large negative number where it is 0: [batch, key] to [batch, 1, 1, key], and
 * [batch, query, key], a mask for each query, to [batch, 1, query, key].
 */
export function paddingBias(mask: Tensor): Tensor {
  const [batch, ...rest] = mask.shape as [Dim, ...Dim[]];
  const [query, key] = rest.length === 2 ? rest : [1, rest[0]!];
  return o.reshape(o.mul(o.sub(1, o.cast(mask, "float32")), -1e9), [batch, 1, query!, key!]);
}

export const activations = {
  relu: o.relu,
  gelu: (x: Tensor) => o.gelu(x),
  gelu_new: (x: Tensor) => o.gelu(x, "tanh"),
  gelu_pytorch_tanh: (x: Tensor) => o.gelu(x, "tanh"),
  silu: (x: Tensor) => o.mul(x, o.sigmoid(x)),
  swish: (x: Tensor) => o.mul(x, o.sigmoid(x)),
  tanh: o.tanh,
} as const;

export type Activation = keyof typeof activations;
