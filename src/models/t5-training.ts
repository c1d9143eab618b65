/** The training graph of a T5 model: cross-entropy of target tokens, as a share of the whole batch's mean. */
import type { Dim } from "../graph/dims.ts";
import * as o from "../graph/operators.ts";
import { full, input, type Tensor } from "../graph/tensor.ts";
import type { Scope } from "../nn/scope.ts";
import { network, type SwitchOptions } from "./switch.ts";
import type { T5Config } from "./t5-config.ts";

export interface LossOptions extends Pick<SwitchOptions, "dropout" | "jitter"> {
  /** Add the loss of a Switch Transformer's routers, as training does. */
  routers?: boolean;
  /** A row holds several inputs and their targets: the graph asks for segments instead of the mask. */
  packed?: boolean;
  /** Weight of (logsumexp of the logits)² of each target token, which keeps logits near 0; 1e-4 in Mesh TensorFlow. */
  zLoss?: number;
}

/** Which keys are seen: by the encoder's queries, by the decoder's of the input, and by the decoder's of the target. */
interface Seen {
  readonly encoder: Tensor;
  readonly cross: Tensor;
  readonly within?: Tensor;
}

/** Where two lists of segments, [batch, query] and [batch, key], are the same: [batch, query, key] int64. */
function sameSegment(query: Tensor, key: Tensor): Tensor {
  const [batch, q] = query.shape as [Dim, Dim];
  return o.cast(o.equal(o.reshape(query, [batch, q, 1]), o.reshape(key, [batch, 1, key.shape[1]!])), "int64");
}

function seenInputs(packed: boolean): Seen {
  if (!packed) {
    const mask = input("mask", "int64", ["batch", "sequence"]);
    return { encoder: mask, cross: mask };
  }
  const segments = input("segments", "int64", ["batch", "sequence"]);
  const targets = input("target_segments", "int64", ["batch", "length"]);
  return {
    encoder: sameSegment(segments, segments),
    cross: sameSegment(targets, segments),
    within: sameSegment(targets, targets),
  };
}

/** Sum over target tokens of (logsumexp z)², where −log p(label) = logsumexp z − z(label) is known already. */
function squaredLogSums(logits: Tensor, labels: Tensor, crossEntropy: Tensor): Tensor {
  const shape = labels.shape as readonly Dim[];
  const there = o.not(o.equal(labels, -100));
  const label = o.reshape(o.where(there, labels, full("int64", 0)), [...shape, 1]);
  const chosen = o.reshape(o.gatherElements(logits, label, -1), shape);
  return o.sum(o.mul(o.square(o.add(crossEntropy, chosen)), o.cast(there, "float32")));
}

/**
 * Inputs: `ids` and `mask` [batch, sequence], `tokens` [batch, 1, length] (targets shifted right), `labels` so too
 * (-100 where there is none), `scale`, the inverse of the number of target tokens in the whole batch, which makes
 * the losses of micro-batches add up to the mean. Packed, `segments` [batch, sequence] and `target_segments`
 * [batch, length] (1, 2, … for the first, second, … pair of a row, 0 for padding) take the place of `mask`: tokens of
 * different pairs never see one another, in the encoder, the decoder and between them.
 */
export function t5Loss(scope: Scope, config: T5Config, options: LossOptions = {}): Tensor {
  const { routers = true, packed = false, zLoss = 0, ...noise } = options;
  const model = network(scope, config, { ...noise, training: true });
  const { encoder, cross, within } = seenInputs(packed);
  const encoded = model.encode(input("ids", "int64", ["batch", "sequence"]), encoder);
  const tokens = input("tokens", "int64", ["batch", 1, "length"]);
  const labels = input("labels", "int64", ["batch", 1, "length"]);
  const { logits } = model.decode(tokens, model.memory(encoded), cross, undefined, within);
  const scale = input("scale", "float32", []);
  const crossEntropy = o.softmaxCrossEntropy(logits, labels);
  const sum = o.sum(crossEntropy);
  const whole = zLoss > 0 ? o.add(sum, o.mul(squaredLogSums(logits, labels, crossEntropy), zLoss)) : sum;
  const loss = o.mul(whole, scale);
  const routing = routers ? model.routerLoss() : undefined;
  if (!routing) return loss;
  // A micro-batch's routers weigh as much as its target tokens do.
  const share = o.sum(o.cast(o.not(o.equal(labels, -100)), "float32"));
  return o.add(loss, o.mul(routing, o.mul(share, scale)));
}
