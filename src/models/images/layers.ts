/** What transformers' ViT and ViViT share: pre-norm layers by these names, and heads over the class token. */
import { z } from "zod";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { type Activation, activations } from "../../nn/activations.ts";
import type { Dropout } from "../../nn/attend.ts";
import { linear } from "../../nn/linear.ts";
import { layerNorm } from "../../nn/norms.ts";
import type { Pass } from "../../nn/pass.ts";
import { type Scope, truncatedNormal } from "../../nn/scope.ts";
import { activation, deviation, labelled, labelsOf, layers, rate, size } from "../config.ts";
import type { ImageEncoder, Stored, Watch } from "../family.ts";
import { watchedAttention } from "./blocks.ts";
import { firstToken } from "./patches.ts";

/** config.json of both, without what a family has as its own default. */
export const layersSchema = labelled.extend({
  hidden_size: size.default(768),
  num_hidden_layers: layers.default(12),
  num_attention_heads: size.default(12),
  intermediate_size: size.default(3072),
  hidden_dropout_prob: rate.default(0),
  initializer_range: deviation.default(0.02),
  qkv_bias: z.boolean().default(true),
  pooler_output_size: size.nullish(),
  pooler_act: activation.default("tanh"),
  problem_type: z.string().nullish(),
  architectures: z.array(z.string()).nullish(),
});

export interface LayersConfig extends z.infer<typeof layersSchema> {
  readonly hidden_act: Activation;
  readonly layer_norm_eps: number;
}

/** What transformers 5 calls these tensors in memory, and some tools write. */
export const namesInMemory: readonly (readonly [RegExp, string])[] = [
  [/(^|\.)layers\.(?=\d)/, "$1encoder.layer."],
  [/\.attention\.q_proj\./, ".attention.attention.query."],
  [/\.attention\.k_proj\./, ".attention.attention.key."],
  [/\.attention\.v_proj\./, ".attention.attention.value."],
  [/\.attention\.o_proj\./, ".attention.output.dense."],
  [/\.mlp\.fc1\./, ".intermediate.dense."],
  [/\.mlp\.fc2\./, ".output.dense."],
];

export interface LayersOptions {
  readonly pass: Pass;
  readonly dropout: Dropout;
  readonly watch: Watch | undefined;
}

/** [batch, tokens, width] through `encoder.layer.{i}` under the scope. */
export function transformerLayers(scope: Scope, c: LayersConfig, tokens: Tensor, options: LayersOptions): Tensor {
  const { pass, dropout, watch } = options;
  const width = c.hidden_size;
  const start = truncatedNormal(c.initializer_range);
  const dense = (at: Scope, x: Tensor, out: number, bias = true) => linear(at, x, out, start, { bias });
  const heads = { heads: c.num_attention_heads, scale: (width / c.num_attention_heads) ** -0.5 };
  let x = tokens;
  watch?.hidden?.(x);
  for (let layer = 0; layer < c.num_hidden_layers; layer++) {
    const block = scope.at(`encoder.layer.${layer}`);
    const norm = (name: string, y: Tensor) => layerNorm(block.at(name), y, c.layer_norm_eps);
    const normed = norm("layernorm_before", x);
    const qkv = ["query", "key", "value"].map((name) =>
      dense(block.at(`attention.attention.${name}`), normed, width, c.qkv_bias),
    ) as [Tensor, Tensor, Tensor];
    const mixed = watchedAttention({ layer, pass, watch }, qkv, heads);
    x = o.add(x, dropout(dense(block.at("attention.output.dense"), mixed, width)));
    const inner = dense(block.at("intermediate.dense"), norm("layernorm_after", x), c.intermediate_size);
    x = o.add(x, dropout(dense(block.at("output.dense"), activations[c.hidden_act](inner), width)));
    watch?.hidden?.(x);
  }
  return x;
}

/** What a checkpoint has beside its layers. */
export interface Parts {
  readonly classifier: boolean;
  readonly pooler: boolean;
}

/** What the tensors say counts; a configuration alone says by which class of transformers its model is made. */
export function partsOf(
  { architectures }: Pick<LayersConfig, "architectures">,
  stored: Stored | undefined,
  { prefix, classified, bare }: { readonly prefix: string; readonly classified: string; readonly bare: string },
): Parts {
  const made = architectures?.[0];
  return {
    classifier: stored?.has("classifier.weight") ?? made === classified,
    pooler: stored?.has(`${prefix}.pooler.dense.weight`) ?? made === bare,
  };
}

/** The pooler and the classifier of a checkpoint, over the class token. */
export function headsOf(
  scope: Scope,
  c: LayersConfig,
  prefix: string,
  { classifier, pooler }: Parts,
): Pick<ImageEncoder, "features" | "pooled" | "classify"> {
  const dense = (at: Scope, hidden: Tensor, out: number) =>
    linear(at, firstToken(hidden), out, truncatedNormal(c.initializer_range), { bias: true });
  return {
    features: firstToken,
    ...(pooler && {
      pooled: (hidden) => {
        const width = c.pooler_output_size ?? c.hidden_size;
        return activations[c.pooler_act](dense(scope.at(`${prefix}.pooler.dense`), hidden, width));
      },
    }),
    ...(classifier && {
      classify: (hidden) => dense(scope.at("classifier"), hidden, labelsOf(c).length),
    }),
  };
}
