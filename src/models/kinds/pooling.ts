/** One vector of a text's tokens, as sentence-transformers has it: pooling, and the layers that may follow. */
import type { Dim } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { type Activation, activations } from "../../nn/activations.ts";
import { linear } from "../../nn/linear.ts";
import { layerNorm } from "../../nn/norms.ts";
import type { Scope } from "../../nn/scope.ts";

/** In the order in which several are joined where a folder's configuration gives none. */
export const poolings = ["cls", "max", "mean", "mean_sqrt_len", "weightedmean", "last"] as const;

export type Pooling = (typeof poolings)[number];

/** `weights` is the scope of a layer's parameters: its folder, with a dot in the place of a slash. */
export type VectorLayer =
  | { readonly kind: "normalize" }
  | { readonly kind: "norm"; readonly weights: string }
  | {
      readonly kind: "dense";
      readonly weights: string;
      readonly out: number;
      readonly bias: boolean;
      readonly activation: Activation | "identity" | "sigmoid";
      /** The input is added to the output: itself, or by a matrix of its own where the widths differ. */
      readonly residual: boolean;
    };

export interface Readout {
  /** Several are joined, one behind the other. */
  readonly pooling: readonly Pooling[];
  readonly layers: readonly VectorLayer[];
}

const acts = { ...activations, identity: (x: Tensor) => x, sigmoid: o.sigmoid };

type Pool = (hidden: Tensor, counted: Tensor) => Tensor;

const asNumbers = (counted: Tensor): Tensor => o.reshape(o.cast(counted, "float32"), [...counted.shape, 1]);

const summed = (hidden: Tensor, weights: Tensor): Tensor => o.sum(o.mul(hidden, weights), [1]);

/** The sum of the weights, [rows, 1], which is never zero. */
const total = (weights: Tensor): Tensor => o.maximum(o.sum(weights, [1]), 1e-9);

/** 1, 2, 3, … at the places of a row, [1, length, 1]. */
const places = (counted: Tensor): Tensor =>
  o.reshape(o.add(o.iota(counted.shape[1]!, "float32"), 1), [1, counted.shape[1]!, 1]);

/** The output at one place a row, [rows] int64. */
function at(hidden: Tensor, place: Tensor): Tensor {
  const [rows, , width] = hidden.shape as [Dim, Dim, number];
  const spread = o.expand(o.reshape(place, [rows, 1, 1]), [rows, 1, width]);
  return o.reshape(o.gatherElements(hidden, spread, 1), [rows, width]);
}

/** hidden [rows, length, width] with the tokens that count, [rows, length] of 0 and 1, to [rows, width]. */
const pools: Readonly<Record<Pooling, Pool>> = {
  // Of equal numbers the first is the largest.
  cls: (hidden, counted) => at(hidden, o.argmax(o.cast(counted, "float32"), 1)),
  last: (hidden, counted) => at(hidden, o.argmax(o.mul(o.cast(counted, "float32"), flat(places(counted))), 1)),
  max: (hidden, counted) => o.max(o.where(o.greater(asNumbers(counted), 0.5), hidden, -3e38), [1]),
  mean: (hidden, counted) => o.div(summed(hidden, asNumbers(counted)), total(asNumbers(counted))),
  mean_sqrt_len: (hidden, counted) => o.div(summed(hidden, asNumbers(counted)), o.sqrt(total(asNumbers(counted)))),
  weightedmean(hidden, counted) {
    const weights = o.mul(asNumbers(counted), places(counted));
    return o.div(summed(hidden, weights), total(weights));
  },
};

const flat = (x: Tensor): Tensor => o.reshape(x, [1, x.shape[1]!]);

/** x / max(|x|, 1e-12), of vectors in the last axis. */
const normalized = (x: Tensor): Tensor => o.div(x, o.maximum(o.sqrt(o.sum(o.square(x), [-1], true)), 1e-12));

function layer(scope: Scope, x: Tensor, step: VectorLayer): Tensor {
  if (step.kind === "normalize") return normalized(x);
  const own = scope.at(step.weights);
  if (step.kind === "norm") return layerNorm(own.at("norm"), x, 1e-5);
  const { out, bias, activation, residual } = step;
  const y = linear(own.at("linear"), x, out, undefined, { bias });
  const active = acts[activation](y);
  if (!residual) return active;
  return o.add(active, x.shape.at(-1) === out ? x : linear(own.at("residual"), x, out));
}

/**
 * Vectors of texts, [rows, any].
 * @param hidden the last layer's output, [rows, length, width]
 * @param counted 1 for the tokens that are pooled, int64 [rows, length]
 */
export function vectorsOf(scope: Scope, hidden: Tensor, counted: Tensor, { pooling, layers }: Readout): Tensor {
  const parts = pooling.map((mode) => pools[mode](hidden, counted));
  const pooled = parts.length === 1 ? parts[0]! : o.concat(parts, 1);
  return layers.reduce((x, step) => layer(scope, x, step), pooled);
}
