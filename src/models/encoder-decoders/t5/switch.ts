/**
 * Switch Transformers (Fedus et al. 2021, arXiv 2101.03961): T5 in which the feed-forward network of some blocks is
 * one of many. A router picks one expert for every token; an expert takes a limited number of tokens of each row, and
 * what it does not take passes the layer by.
 *
 * Tokens are gathered by expert, so that an expert without tokens is a product of no rows: its weights are not
 * read, and where they are mapped from a file they never come into memory. The rules are those of transformers 5.18:
 * capacity counts by row in the order of the tokens, padding included; the jitter of training reaches the experts too.
 *
 * Full decoding therefore differs from cached decoding, which sees one token at a time, where a target holds more
 * tokens for one expert than its capacity. It does so in the reference as well.
 */
import { fail } from "../../../errors.ts";
import { type Dim, mulDims } from "../../../graph/dims.ts";
import * as o from "../../../graph/operators.ts";
import { full, type Tensor } from "../../../graph/tensor.ts";
import { linear } from "../../../nn/linear.ts";
import { normal, type Scope } from "../../../nn/scope.ts";
import type { T5Config } from "./config.ts";
import { isSparse, sparseStep } from "./switch-config.ts";
import { type FeedForward, type Stack, type T5Options, t5 } from "./t5.ts";

interface SwitchOptions extends T5Options {
  /** x times random numbers from 1 − range to 1 + range, in training. */
  readonly jitter?: ((x: Tensor, range: number) => Tensor) | undefined;
}

/** logsumexp over the last axis. */
const logSumExp = (x: Tensor): Tensor => {
  const first = (y: Tensor) => o.slice(y, -1, 0, 1);
  return o.sub(first(x), first(o.logSoftmax(x)));
};

/** The network over a scope, as `t5` gives it, with the loss of its routers. */
function switchTransformer(scope: Scope, config: T5Config, { jitter, ...options }: SwitchOptions) {
  const settings = config.experts ?? fail("internal", "the configuration has no experts");
  const { experts, capacity, bias } = settings;
  const steps: Record<Stack, number> = {
    encoder: sparseStep(config.encoderLayers, settings.sparseEncoderLayers),
    decoder: sparseStep(config.decoderLayers, settings.sparseDecoderLayers),
  };
  const routers: Record<Stack, Tensor[]> = { encoder: [], decoder: [] };

  /** x [batch, length, width] through the expert of each token. */
  const mixture = (dense: FeedForward, at: Scope, given: Tensor, stack: Stack): Tensor => {
    const x = jitter && settings.jitter > 0 ? jitter(given, settings.jitter) : given;
    const [batch, length, width] = x.shape as [Dim, Dim, Dim];
    const tokens = mulDims(batch, length);
    const logits = linear(at.at("router.classifier"), x, experts, normal(config.factor), { bias });
    const probabilities = o.softmax(logits);
    const chosen = o.oneHot(o.argmax(probabilities), experts, "int64");
    const kept = o.and(o.greater(chosen, 0), o.lessOrEqual(o.cumsum(chosen, 1), capacity));
    const masks = o.split(o.reshape(o.transpose(kept, [2, 0, 1]), [experts, tokens]), 0, Array(experts).fill(1));
    const layer = `${stack}_${routers[stack].length}`;
    routers[stack].push(logits);

    const places = masks.map((mask, e) => o.nonZero(mask, `${layer}_expert_${e}`));
    const order = o.gather(o.concat(places, 1), full("int64", 1));
    const sent = o.gather(o.reshape(x, [tokens, width]), order);
    const counts = places.map(({ shape }) => shape[1]!);
    const answers = o.split(sent, 0, counts).map((rows, e) => dense(at.at(`experts.expert_${e}`), rows));
    // A sum repeats each place along its row without asking how many there are, which is a sum over all experts.
    const spread = o.add(o.reshape(order, [order.shape[0]!, 1]), o.filled("int64", 0, [width]));
    const back = o.scatterAdd(o.filled("float32", 0, [tokens, width]), spread, o.concat(answers, 0), 0);
    return o.mul(o.reshape(back, [batch, length, width]), o.max(probabilities, [-1], true));
  };

  const model = t5(scope, config, {
    ...options,
    feedForward(dense, at, x, stack, block) {
      const mlp = at.at("mlp");
      return isSparse(block, steps[stack]) ? mixture(dense, mlp, x, stack) : dense(mlp, x);
    },
  });

  /** Loss of one stack's routers; the layers count as one longer row. The reference has none where all are sparse. */
  const stackLoss = (stack: Stack): Tensor[] => {
    if (routers[stack].length === 0 || steps[stack] === 1) return [];
    const logits = o.concat(routers[stack], 1);
    const probabilities = o.softmax(logits);
    const share = o.mean(o.oneHot(o.argmax(probabilities), experts), [1]);
    const balance = o.mul(o.mean(o.mul(share, o.mean(probabilities, [1]))), experts ** 2);
    const z = o.mean(o.square(logSumExp(logits)));
    return [o.add(o.mul(z, settings.zLoss), o.mul(balance, settings.balanceLoss))];
  };

  return {
    ...model,
    /**
     * What training adds to the cross-entropy, of everything written so far: large logits (Zoph et al. 2022,
     * arXiv 2202.08906) and uneven use of the experts (Fedus et al., equations 4 to 6).
     */
    extraLoss(): Tensor | undefined {
      const [first, second] = [...stackLoss("encoder"), ...stackLoss("decoder")];
      return first && second ? o.add(first, second) : first;
    },
  };
}

/** The network of a configuration: a T5, or a Switch Transformer where it has experts. */
export function network(
  scope: Scope,
  config: T5Config,
  options: SwitchOptions = {},
): ReturnType<typeof switchTransformer> {
  if (config.experts) return switchTransformer(scope, config, options);
  return { ...t5(scope, config, options), extraLoss: (): Tensor | undefined => undefined };
}
