/**
 * T5 and its family: v1.0, v1.1, LM-adapted, T0, Flan-T5 (Raffel et al. 2019, arXiv 1910.10683; Shazeer 2020,
 * arXiv 2002.05202; Sanh et al. 2021, arXiv 2110.08207), mT5 and ByT5 (Xue et al. 2020 and 2021, arXiv 2010.11934 and
 * 2105.13626). No bias vectors anywhere, no 1/√k in attention, one table of relative position biases for each stack, or
 * one for every layer (UMT5, Chung et al. 2023, arXiv 2304.09151).
 */
import { int64 } from "../../../graph/array.ts";
import * as o from "../../../graph/operators.ts";
import { constant, type Tensor } from "../../../graph/tensor.ts";
import { activations } from "../../../nn/activations.ts";
import { keepAll } from "../../../nn/attend.ts";
import { linear, vocabularyLogits } from "../../../nn/linear.ts";
import { rmsNorm } from "../../../nn/norms.ts";
import type { CrossPass, KeyValue, Noise, Pass } from "../../../nn/pass.ts";
import { type Initial, normal, type Scope } from "../../../nn/scope.ts";
import type { T5Config } from "./config.ts";

/**
 * The bucket of each relative position −limit … limit (key minus query). Small distances have a bucket each, larger
 * ones share them on a logarithmic scale up to `maxDistance`.
 */
export function positionBuckets(
  bidirectional: boolean,
  buckets: number,
  maxDistance: number,
  limit = maxDistance,
): number[] {
  const half = bidirectional ? Math.floor(buckets / 2) : buckets;
  const exact = Math.floor(half / 2);
  return Array.from({ length: 2 * limit + 1 }, (_, i) => {
    const relative = i - limit;
    const distance = bidirectional ? Math.abs(relative) : Math.max(-relative, 0);
    const offset = bidirectional && relative > 0 ? half : 0;
    if (distance < exact) return offset + distance;
    const scaled = (Math.log(distance / exact) / Math.log(maxDistance / exact)) * (half - exact);
    return offset + Math.min(half - 1, exact + Math.trunc(scaled));
  });
}

export type Stack = "encoder" | "decoder";

/** A feed-forward network whose weights are at a scope: x [..., width] to the same shape. */
export type FeedForward = (at: Scope, x: Tensor) => Tensor;

export interface T5Options extends Noise {
  /** What stands in a block in the place of its one network, at the block's layer; T5's own is `DenseReluDense`. */
  feedForward?: (dense: FeedForward, at: Scope, x: Tensor, stack: Stack, block: number) => Tensor;
}

const single: NonNullable<T5Options["feedForward"]> = (dense, at, x) => dense(at.at("DenseReluDense"), x);

/** The T5 network over a scope; every method writes its part of a graph. */
export function t5(scope: Scope, config: T5Config, options: T5Options = {}) {
  const { dropout = keepAll, feedForward = single } = options;
  const { width, inner, heads, headWidth, ffWidth, epsilon, factor, vocabulary } = config;
  const norms: Initial = { kind: "fill", value: factor };
  const std = (fan: number) => normal(factor * fan ** -0.5);
  const embedding = () => scope.param("shared.weight", [vocabulary, width], normal(factor));

  const project = (at: Scope, name: string, x: Tensor) =>
    linear(at.at(name), x, inner, std(name === "q" ? width * headWidth : width));
  const output = (at: Scope, x: Tensor) => dropout(linear(at.at("o"), x, width, std(inner)));

  /** One bias for each relative position and head, [heads, 2 · maxDistance + 1]. */
  const biasTable = (at: Scope, bidirectional: boolean): Tensor => {
    const table = at.at("relative_attention_bias").param("weight", [config.buckets, heads], std(width));
    const buckets = positionBuckets(bidirectional, config.buckets, config.maxDistance);
    return o.gather(o.transpose(table, [1, 0]), constant(int64([buckets.length], buckets)), 1);
  };

  /** The bias of each pair of positions: query [q], key [k] to [1, heads, q, k]. */
  const positionBias = (at: Scope, bidirectional: boolean, query: Tensor, key: Tensor): Tensor => {
    const [q, k] = [query.shape[0]!, key.shape[0]!];
    const relative = o.sub(o.reshape(key, [1, k]), o.reshape(query, [q, 1]));
    const clipped = o.minimum(o.maximum(relative, -config.maxDistance), config.maxDistance);
    const picked = o.gather(biasTable(at, bidirectional), o.add(clipped, config.maxDistance), 1);
    return o.reshape(picked, [1, heads, q, k]);
  };

  const dense: FeedForward = (at, x) => {
    const act = activations[config.activation];
    const hidden = config.gated
      ? o.mul(act(linear(at.at("wi_0"), x, ffWidth, std(width))), linear(at.at("wi_1"), x, ffWidth, std(width)))
      : act(linear(at.at("wi"), x, ffWidth, std(width)));
    return linear(at.at("wo"), dropout(hidden), width, std(ffWidth));
  };

  const feedForwardBlock = (at: Scope, x: Tensor, stack: Stack, block: number): Tensor => {
    const normed = rmsNorm(at.at("layer_norm"), x, epsilon, norms);
    return o.add(x, dropout(feedForward(dense, at, normed, stack, block)));
  };

  const embed = (ids: Tensor) => dropout(o.gather(embedding(), ids));
  const attention = { heads, scale: 1 };

  /** A stack's self-attention; its bias is the same in all blocks, but for UMT5. */
  const selfAttention = (stack: Scope, bidirectional: boolean, pass: Pass) => {
    const biasAt = (self: Scope) => positionBias(self, bidirectional, pass.queries, pass.keys);
    const first = biasAt(stack.at("block.0.layer.0.SelfAttention"));
    return (i: number, x: Tensor): Tensor => {
      const block = stack.at(`block.${i}`);
      const self = block.at("layer.0.SelfAttention");
      const bias = config.type === "umt5" && i > 0 ? biasAt(self) : first;
      const normed = rmsNorm(block.at("layer.0.layer_norm"), x, epsilon, norms);
      const [q, k, v] = ["q", "k", "v"].map((name) => project(self, name, normed)) as [Tensor, Tensor, Tensor];
      return o.add(x, output(self, pass.self(i, q, k, v, { ...attention, bias })));
    };
  };

  /** ids [batch, sequence] to [batch, sequence, width]. */
  const encode = (ids: Tensor, pass: Pass): Tensor => {
    const stack = scope.at("encoder");
    const attended = selfAttention(stack, true, pass);
    let x = pass.enter(embed(ids));
    for (let i = 0; i < config.encoderLayers; i++) {
      x = feedForwardBlock(stack.at(`block.${i}.layer.1`), attended(i, x), "encoder", i);
    }
    return dropout(rmsNorm(stack.at("final_layer_norm"), x, epsilon, norms));
  };

  /** Keys and values of every decoder layer's cross-attention, [batch, heads, sequence, k]. */
  const memory = (encoded: Tensor): KeyValue[] =>
    Array.from({ length: config.decoderLayers }, (_, i) => {
      const cross = scope.at(`decoder.block.${i}.layer.1.EncDecAttention`);
      const part = (name: string) => o.splitHeads(project(cross, name, encoded), heads);
      return { k: part("k"), v: part("v") };
    });

  /** ids [rows, length] to [rows, length, width]. */
  const decode = (ids: Tensor, pass: CrossPass): Tensor => {
    const stack = scope.at("decoder");
    const attended = selfAttention(stack, false, pass);
    let x = pass.enter(embed(ids));
    for (let i = 0; i < config.decoderLayers; i++) {
      const block = stack.at(`block.${i}`);
      x = attended(i, x);
      const cross = block.at("layer.1.EncDecAttention");
      const asked = project(cross, "q", rmsNorm(block.at("layer.1.layer_norm"), x, epsilon, norms));
      x = o.add(x, output(cross, pass.cross(i, asked, attention)));
      x = feedForwardBlock(block.at("layer.2"), x, "decoder", i);
    }
    return dropout(rmsNorm(stack.at("final_layer_norm"), x, epsilon, norms));
  };

  const logits = (hidden: Tensor): Tensor => {
    const head = config.tied ? embedding() : scope.param("lm_head.weight", [vocabulary, width], normal(factor));
    return vocabularyLogits(head, hidden, config.scaled ? width ** -0.5 : 1);
  };

  return { encode, memory, decode, logits };
}
