/** The layers of transformers' ViT and ViViT: pre-norm, by these names. */
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { type Activation, activations } from "../../nn/activations.ts";
import type { Dropout } from "../../nn/attend.ts";
import { linear } from "../../nn/linear.ts";
import { layerNorm } from "../../nn/norms.ts";
import type { Pass } from "../../nn/pass.ts";
import { type Scope, truncatedNormal } from "../../nn/scope.ts";
import type { Watch } from "../family.ts";
import { watchedAttention } from "./blocks.ts";

export interface LayersConfig {
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly hidden_act: Activation;
  readonly initializer_range: number;
  readonly layer_norm_eps: number;
  readonly qkv_bias: boolean;
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
