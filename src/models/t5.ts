/**
 * T5 and its family: v1.0, v1.1, LM-adapted, T0, Flan-T5 (Raffel et al. 2019, arXiv 1910.10683; Shazeer 2020,
 * arXiv 2002.05202; Sanh et al. 2021, arXiv 2110.08207). No bias vectors anywhere, no 1/√k in attention, one table
 * of relative position biases for each stack.
 *
 * One decoder serves everything: ids [batch, beams, length], where beams are alternatives for the same input
 * (hypotheses of a beam search, choices to score; 1 in training). They share the encoder's keys and values, which
 * are computed once: for cross-attention the beams of an input are simply more queries.
 */
import { int64 } from "../graph/array.ts";
import { type Dim, mulDims } from "../graph/dims.ts";
import * as o from "../graph/operators.ts";
import { constant, type Tensor } from "../graph/tensor.ts";
import { activations, attend, type Dropout, keepAll, linear, paddingBias, rmsNorm } from "../nn/layers.ts";
import { type Initial, normal, type Scope } from "../nn/scope.ts";
import type { T5Config } from "./t5-config.ts";

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
  const half = bidirectional ? buckets / 2 : buckets;
  const exact = half / 2;
  return Array.from({ length: 2 * limit + 1 }, (_, i) => {
    const relative = i - limit;
    const distance = bidirectional ? Math.abs(relative) : Math.max(-relative, 0);
    const offset = bidirectional && relative > 0 ? half : 0;
    if (distance < exact) return offset + distance;
    const scaled = (Math.log(distance / exact) / Math.log(maxDistance / exact)) * (half - exact);
    return offset + Math.min(half - 1, Math.floor(exact) + Math.trunc(scaled));
  });
}

/** Keys and values of one layer, [batch, heads, length, k]. */
export interface KeyValue {
  readonly k: Tensor;
  readonly v: Tensor;
}

/** What a cached step needs and gives back for its self-attention. */
export interface Cache {
  /** Buffers of all layers [batch·beams, heads, capacity, k]. */
  readonly past: readonly KeyValue[];
  /** Positions of the keys so far, the current one included: 0 … step, int64 [total]. */
  readonly positions: Tensor;
}

export type Stack = "encoder" | "decoder";

/** A feed-forward network whose weights are at a scope: x [..., width] to the same shape. */
export type FeedForward = (at: Scope, x: Tensor) => Tensor;

export interface T5Options {
  training?: boolean;
  dropout?: Dropout;
  /** What stands in a block in the place of its one network, at the block's layer; T5's own is `DenseReluDense`. */
  feedForward?: (dense: FeedForward, at: Scope, x: Tensor, stack: Stack, block: number) => Tensor;
}

const single: NonNullable<T5Options["feedForward"]> = (dense, at, x) => dense(at.at("DenseReluDense"), x);

/** The T5 network over a scope; every method writes its part of a graph. */
export function t5(scope: Scope, config: T5Config, options: T5Options = {}) {
  const { training = false, dropout = keepAll, feedForward = single } = options;
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
  const attention = { heads, scale: 1, training, dropout };

  /**
   * ids [batch, sequence] to [batch, sequence, width]. The mask says which keys are seen (1) and which not (0):
   * [batch, sequence] for all queries alike, where 0 is padding, or [batch, query, key] for rows of several texts,
   * which need no positions of their own: the bias depends on key minus query, which is the same in any place.
   */
  const encode = (ids: Tensor, mask?: Tensor, embedded = embed(ids)): Tensor => {
    const stack = scope.at("encoder");
    const positions = o.iota(embedded.shape[1]!);
    const first = stack.at("block.0.layer.0.SelfAttention");
    const relative = positionBias(first, true, positions, positions);
    const bias = mask ? o.add(relative, paddingBias(mask)) : relative;
    let x = embedded;
    for (let i = 0; i < config.encoderLayers; i++) {
      const block = stack.at(`block.${i}`);
      const self = block.at("layer.0.SelfAttention");
      const normed = rmsNorm(block.at("layer.0.layer_norm"), x, epsilon, norms);
      const [q, k, v] = ["q", "k", "v"].map((name) => project(self, name, normed)) as [Tensor, Tensor, Tensor];
      x = o.add(x, output(self, attend(q, k, v, { ...attention, bias })));
      x = feedForwardBlock(block.at("layer.1"), x, "encoder", i);
    }
    return dropout(rmsNorm(stack.at("final_layer_norm"), x, epsilon, norms));
  };

  /** Keys and values of every decoder layer's cross-attention, [batch, heads, sequence, k], computed once an input. */
  const memory = (encoded: Tensor): KeyValue[] =>
    Array.from({ length: config.decoderLayers }, (_, i) => {
      const cross = scope.at(`decoder.block.${i}.layer.1.EncDecAttention`);
      const part = (name: string) => o.splitHeads(project(cross, name, encoded), heads);
      return { k: part("k"), v: part("v") };
    });

  /**
   * ids [batch, beams, length] with the memory of their inputs to logits [batch, beams, length, vocabulary]. With a
   * cache the length is 1 and `present` holds the updated buffers. The mask is the inputs', [batch, sequence], or says
   * it for every position, [batch, beams · length, sequence]; `within`, [batch · beams, length, length], which
   * positions of a target see one another, besides that none sees what comes after it.
   */
  const decode = (ids: Tensor, memories: readonly KeyValue[], mask?: Tensor, cache?: Cache, within?: Tensor) => {
    const stack = scope.at("decoder");
    const [batch, beams, length] = ids.shape as [Dim, Dim, Dim];
    const rows = mulDims(batch, beams);
    const first = stack.at("block.0.layer.0.SelfAttention");
    const keys = cache?.positions ?? o.iota(length);
    const queries = cache ? o.slice(cache.positions, 0, -1) : keys;
    const relative = positionBias(first, false, queries, keys);
    const causal = o.greater(o.reshape(keys, [1, keys.shape[0]!]), o.reshape(queries, [queries.shape[0]!, 1]));
    const ordered = cache ? relative : o.add(relative, o.mul(o.cast(causal, "float32"), -1e9));
    const selfBias = within ? o.add(ordered, paddingBias(within)) : ordered;
    const across = (x: Tensor) => o.reshape(x, [batch, mulDims(beams, length), x.shape.at(-1)!]);
    // The fused kernel takes a bias for every query, not one for all.
    const sequence = memories[0]!.k.shape.at(-2)!;
    const crossBias = mask && o.expand(paddingBias(mask), [batch, 1, mulDims(beams, length), sequence]);
    const present: KeyValue[] = [];
    let x = o.reshape(embed(ids), [rows, length, width]);
    for (let i = 0; i < config.decoderLayers; i++) {
      const block = stack.at(`block.${i}`);
      const self = block.at("layer.0.SelfAttention");
      const normed = rmsNorm(block.at("layer.0.layer_norm"), x, epsilon, norms);
      const [q, k, v] = ["q", "k", "v"].map((name) => project(self, name, normed)) as [Tensor, Tensor, Tensor];
      let mixed: Tensor;
      if (cache) {
        const [answer, nextK, nextV] = o.cachedAttention([q, k, v], cache.past[i]!, cache.positions, selfBias, {
          heads,
          scale: 1,
        });
        mixed = answer;
        present.push({ k: nextK, v: nextV });
      } else mixed = attend(q, k, v, { ...attention, bias: selfBias });
      x = o.add(x, output(self, mixed));

      const cross = block.at("layer.1.EncDecAttention");
      const asked = project(cross, "q", across(rmsNorm(block.at("layer.1.layer_norm"), x, epsilon, norms)));
      const { k: memoryK, v: memoryV } = memories[i]!;
      const answer = output(cross, attend(asked, memoryK, memoryV, { ...attention, bias: crossBias }));
      x = o.add(x, o.reshape(answer, [rows, length, width]));
      x = feedForwardBlock(block.at("layer.2"), x, "decoder", i);
    }
    const final = dropout(rmsNorm(stack.at("final_layer_norm"), x, epsilon, norms));
    const head = config.tied ? embedding() : scope.param("lm_head.weight", [vocabulary, width], normal(factor));
    const alpha = config.scaled ? width ** -0.5 : 1;
    // For a single row the matrix goes on the left: a product with a vector reads it once, at the memory's speed,
    // where the kernel for [1, width] by a transposed matrix of this height takes several times as long.
    const single = mulDims(rows, length) === 1;
    const logits = single
      ? o.matmul(head, o.reshape(final, [width, 1]), { alpha })
      : o.matmul(final, head, { transB: true, alpha });
    return { logits: o.reshape(logits, [batch, beams, length, vocabulary]), present };
  };

  return { encode, memory, decode, embed };
}
