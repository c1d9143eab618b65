/** The training graph of a T5 model: cross-entropy of target tokens, as a share of the whole batch's mean. */
import * as o from "../graph/operators.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { Scope } from "../nn/scope.ts";
import { network, type SwitchOptions } from "./switch.ts";
import type { T5Config } from "./t5-config.ts";

export interface LossOptions extends Pick<SwitchOptions, "dropout" | "jitter"> {
  /** Add the loss of a Switch Transformer's routers, as training does. */
  routers?: boolean;
}

/**
 * Inputs: `ids` and `mask` [batch, sequence], `tokens` [batch, 1, length] (targets shifted right), `labels` so too
 * (-100 where there is none), `scale`, the inverse of the number of target tokens in the whole batch, which makes
 * the losses of micro-batches add up to the mean.
 */
export function t5Loss(scope: Scope, config: T5Config, options: LossOptions = {}): Tensor {
  const { routers = true, ...noise } = options;
  const model = network(scope, config, { ...noise, training: true });
  const mask = input("mask", "int64", ["batch", "sequence"]);
  const encoded = model.encode(input("ids", "int64", ["batch", "sequence"]), mask);
  const tokens = input("tokens", "int64", ["batch", 1, "length"]);
  const labels = input("labels", "int64", ["batch", 1, "length"]);
  const { logits } = model.decode(tokens, model.memory(encoded), mask);
  const scale = input("scale", "float32", []);
  const loss = o.mul(o.sum(o.softmaxCrossEntropy(logits, labels)), scale);
  const routing = routers ? model.routerLoss() : undefined;
  if (!routing) return loss;
  // A micro-batch's routers weigh as much as its target tokens do.
  const share = o.sum(o.cast(o.not(o.equal(labels, -100)), "float32"));
  return o.add(loss, o.mul(routing, o.mul(share, scale)));
}
