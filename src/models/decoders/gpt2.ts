/** GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"). */
import { z } from "zod";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { keepAll } from "../../nn/attend.ts";
import { embedding, linear } from "../../nn/linear.ts";
import { layerNorm } from "../../nn/norms.ts";
import { normal, type Scope } from "../../nn/scope.ts";
import { activation, epsilon, layers, needHeads, rate, readConfig, refuse, size } from "../config.ts";
import type { Decoder, Family, NetworkOptions } from "../family.ts";
import { commonOf, decoderSchema, refuseExperts, type Tables, tables, tablesOf } from "./settings.ts";

const schema = decoderSchema.extend({
  vocab_size: size.default(50257),
  n_positions: size.default(1024),
  n_embd: size.default(768),
  n_layer: layers.default(12),
  n_head: size.default(12),
  n_inner: size.nullish(),
  activation_function: activation.default("gelu_new"),
  layer_norm_epsilon: epsilon.default(1e-5),
  resid_pdrop: rate.default(0.1),
  scale_attn_weights: z.boolean().default(true),
  scale_attn_by_inverse_layer_idx: z.boolean().default(false),
  add_cross_attention: z.boolean().default(false),
});

type Config = z.infer<typeof schema>;

function network(scope: Scope, c: Config, t: Tables, { dropout = keepAll }: NetworkOptions): Decoder {
  const { width, start } = t;
  // What is added to the residual stream starts smaller, by the number of additions (section 2.3).
  const residual = normal(c.initializer_range / Math.sqrt(2 * c.n_layer));
  const product = { bias: true, layout: "in_out" } as const;
  const { words, ...answers } = tables(scope, t);
  const scale = (layer: number) =>
    (c.scale_attn_weights ? (width / c.n_head) ** -0.5 : 1) / (c.scale_attn_by_inverse_layer_idx ? layer + 1 : 1);

  return {
    decode(ids, pass) {
      const top = scope.at("transformer");
      const positions = embedding(top.at("wpe"), pass.positions, c.n_positions, width, start);
      let x = dropout(o.add(pass.enter(o.gather(words(), ids)), positions));
      for (let i = 0; i < c.n_layer; i++) {
        const block = top.at(`h.${i}`);
        const norm = (name: string, y: Tensor) => layerNorm(block.at(name), y, c.layer_norm_epsilon);
        const joined = linear(block.at("attn.c_attn"), norm("ln_1", x), 3 * width, start, product);
        const [q, k, v] = o.split(joined, -1, [width, width, width]) as [Tensor, Tensor, Tensor];
        const mixed = pass.self(i, q, k, v, { heads: c.n_head, scale: scale(i) });
        x = o.add(x, dropout(linear(block.at("attn.c_proj"), mixed, width, residual, product)));
        const inner = linear(block.at("mlp.c_fc"), norm("ln_2", x), c.n_inner ?? 4 * width, start, product);
        const hidden = activations[c.activation_function](inner);
        x = o.add(x, dropout(linear(block.at("mlp.c_proj"), hidden, width, residual, product)));
      }
      return layerNorm(top.at("ln_f"), x, c.layer_norm_epsilon);
    },
    ...answers,
  };
}

export const gpt2: Family = {
  title: "GPT-2",
  types: ["gpt2"],
  read(json, stored) {
    const c = readConfig(schema, json, "GPT-2");
    refuseExperts(c);
    refuse(c.add_cross_attention, "add_cross_attention");
    needHeads("n_embd", c.n_embd, c.n_head);
    const t = tablesOf(c, stored, { width: c.n_embd, words: "transformer.wte.weight", tied: true });
    return {
      ...commonOf(c, t, { anchor: "transformer.ln_f.weight", prefixes: ["transformer."] }),
      type: "gpt2",
      dropout: c.resid_pdrop,
      longest: c.n_positions,
      cache: { layers: c.n_layer, kvHeads: c.n_head, headWidth: c.n_embd / c.n_head },
      network: (scope, options = {}) => network(scope, c, t, options),
    };
  },
};
