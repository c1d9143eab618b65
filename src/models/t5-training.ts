/** The training graph of a T5 model: cross-entropy of target tokens, as a share of the whole batch's mean. */
import * as o from "../graph/operators.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { Dropout } from "../nn/layers.ts";
import type { Scope } from "../nn/scope.ts";
import { t5 } from "./t5.ts";
import type { T5Config } from "./t5-config.ts";

/**
 * Inputs: `ids` and `mask` [batch, sequence], `tokens` [batch, 1, length] (targets shifted right), `labels` so too
 * (-100 where there is none), `scale`, the inverse of the number of target tokens in the whole batch, which makes
 * the losses of micro-batches add up to the mean.
 */
export function t5Loss(scope: Scope, config: T5Config, dropout?: Dropout): Tensor {
  const model = t5(scope, config, { training: true, ...(dropout ? { dropout } : {}) });
  const mask = input("mask", "int64", ["batch", "sequence"]);
  const encoded = model.encode(input("ids", "int64", ["batch", "sequence"]), mask);
  const tokens = input("tokens", "int64", ["batch", 1, "length"]);
  const labels = input("labels", "int64", ["batch", 1, "length"]);
  const { logits } = model.decode(tokens, model.memory(encoded), mask);
  return o.mul(o.sum(o.softmaxCrossEntropy(logits, labels)), input("scale", "float32", []));
}
