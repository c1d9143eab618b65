/** GPT-NeoX (Black et al. 2022, arXiv 2204.06745) and Pythia: attention and the feed-forward layer side by side. */
import { z } from "zod";
import type { Dim } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { keepAll } from "../../nn/attend.ts";
import { linear } from "../../nn/linear.ts";
import { layerNorm } from "../../nn/norms.ts";
import { longestWith, steadyUpTo } from "../../nn/rope-scaling.ts";
import { anglesAt, type Rotary, rotate } from "../../nn/rotary.ts";
import type { Scope } from "../../nn/scope.ts";
import { activation, epsilon, layers, needHeads, rate, readConfig, rotaryOf, rotarySchema, size } from "../config.ts";
import type { Decoder, Family, NetworkOptions } from "../family.ts";
import { rotationOf } from "./gated-settings.ts";
import { commonOf, decoderSchema, refuseExperts, type Tables, tables, tablesOf } from "./settings.ts";

const schema = rotarySchema.extend(decoderSchema.shape).extend({
  hidden_size: size,
  num_hidden_layers: layers,
  num_attention_heads: size,
  intermediate_size: size,
  max_position_embeddings: size.default(2048),
  hidden_act: activation.default("gelu"),
  layer_norm_eps: epsilon.default(1e-5),
  hidden_dropout: rate.default(0),
  attention_bias: z.boolean().default(true),
  use_parallel_residual: z.boolean().default(true),
  /** As transformers 4 writes the share of channels that turn, and the base. */
  rotary_pct: z.number().positive().max(1).default(0.25),
  rotary_emb_base: z.number().gt(1).max(1e15).default(10000),
});

type Config = z.infer<typeof schema>;

/** Queries, keys and values [rows, length, width] of one product whose outputs are, head after head, q, k and v. */
function byHeads(joined: Tensor, heads: number): [q: Tensor, k: Tensor, v: Tensor] {
  const [rows, length, all] = joined.shape as [Dim, Dim, number];
  const each = all / heads / 3;
  const split = o.split(o.reshape(joined, [rows, length, heads, 3 * each]), -1, [each, each, each]);
  return split.map((part) => o.reshape(part, [rows, length, heads * each])) as [Tensor, Tensor, Tensor];
}

function network(scope: Scope, c: Config, t: Tables, rotary: Rotary, { dropout = keepAll }: NetworkOptions): Decoder {
  const { width, start } = t;
  const heads = c.num_attention_heads;
  const { words, ...answers } = tables(scope, t);
  return {
    decode(ids, pass) {
      const top = scope.at("gpt_neox");
      const angles = anglesAt(rotary, pass);
      let x = dropout(pass.enter(o.gather(words(), ids)));
      for (let i = 0; i < c.num_hidden_layers; i++) {
        const block = top.at(`layers.${i}`);
        const norm = (name: string, y: Tensor) => layerNorm(block.at(name), y, c.layer_norm_eps);
        const attention = block.at("attention");
        const biased = { bias: c.attention_bias };
        const joined = linear(attention.at("query_key_value"), norm("input_layernorm", x), 3 * width, start, biased);
        const [q, k, v] = byHeads(joined, heads);
        const mixed = pass.self(i, rotate(q, heads, angles), rotate(k, heads, angles), v, {
          heads,
          scale: (width / heads) ** -0.5,
        });
        const attended = dropout(linear(attention.at("dense"), mixed, width, start, biased));
        const between = o.add(x, attended);
        const normed = norm("post_attention_layernorm", c.use_parallel_residual ? x : between);
        const wide = linear(block.at("mlp.dense_h_to_4h"), normed, c.intermediate_size, start, { bias: true });
        const hidden = activations[c.hidden_act](wide);
        x = o.add(between, dropout(linear(block.at("mlp.dense_4h_to_h"), hidden, width, start, { bias: true })));
      }
      return layerNorm(top.at("final_layer_norm"), x, c.layer_norm_eps);
    },
    ...answers,
  };
}

export const gptNeox: Family = {
  title: "GPT-NeoX",
  types: ["gpt_neox"],
  read(json, stored) {
    const c = readConfig(schema, json, "GPT-NeoX");
    refuseExperts(c);
    needHeads("hidden_size", c.hidden_size, c.num_attention_heads);
    const headWidth = c.hidden_size / c.num_attention_heads;
    const partial_rotary_factor = c.partial_rotary_factor ?? c.rotary_pct;
    const rotary = rotationOf(rotaryOf({ ...c, partial_rotary_factor }, c.rotary_emb_base), headWidth);
    const words = "gpt_neox.embed_in.weight";
    const t = tablesOf(c, stored, { width: c.hidden_size, words, head: "embed_out", tied: false });
    const aliases = { "embed_out.weight": ["lm_head.weight"] };
    return {
      ...commonOf(c, t, { anchor: "gpt_neox.final_layer_norm.weight", prefixes: ["gpt_neox."], aliases }),
      type: "gpt_neox",
      dropout: c.hidden_dropout,
      steadyUpTo: steadyUpTo(rotary.scaling),
      longest: longestWith(c.max_position_embeddings, [rotary.scaling]),
      cache: { layers: c.num_hidden_layers, kvHeads: c.num_attention_heads, headWidth },
      network: (scope, options = {}) => network(scope, c, t, rotary, options),
    };
  },
};
