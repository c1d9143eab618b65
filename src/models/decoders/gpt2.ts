/** GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"). */
import { z } from "zod";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { keepAll } from "../../nn/attend.ts";
import { embedding, linear, vocabularyLogits } from "../../nn/linear.ts";
import { layerNorm } from "../../nn/norms.ts";
import { normal, type Scope } from "../../nn/scope.ts";
import {
  activation,
  deviation,
  ends,
  epsilon,
  labelled,
  labelsOf,
  layers,
  needHeads,
  padding,
  padOf,
  rate,
  readConfig,
  refuse,
  size,
  token,
} from "../config.ts";
import type { Decoder, DecoderArchitecture, Family, NetworkOptions } from "../family.ts";

const schema = labelled.extend({
  vocab_size: size.default(50257),
  n_positions: size.default(1024),
  n_embd: size.default(768),
  n_layer: layers.default(12),
  n_head: size.default(12),
  n_inner: size.nullish(),
  activation_function: activation.default("gelu_new"),
  layer_norm_epsilon: epsilon.default(1e-5),
  initializer_range: deviation.default(0.02),
  resid_pdrop: rate.default(0.1),
  scale_attn_weights: z.boolean().default(true),
  scale_attn_by_inverse_layer_idx: z.boolean().default(false),
  add_cross_attention: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(true),
  bos_token_id: token.nullish(),
  eos_token_id: ends,
  pad_token_id: padding,
  architectures: z.array(z.string()).nullish(),
});

type Config = z.infer<typeof schema>;

function network(scope: Scope, c: Config, { dropout = keepAll }: NetworkOptions): Decoder {
  const width = c.n_embd;
  const start = normal(c.initializer_range);
  // What is added to the residual stream starts smaller, by the number of additions (section 2.3).
  const residual = normal(c.initializer_range / Math.sqrt(2 * c.n_layer));
  const product = { bias: true, layout: "in_out" } as const;
  const words = () => scope.param("transformer.wte.weight", [c.vocab_size, width], start);
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
    logits: (hidden) =>
      vocabularyLogits(
        c.tie_word_embeddings ? words() : scope.param("lm_head.weight", [c.vocab_size, width], start),
        hidden,
      ),
    ...(c.architectures?.[0] === "GPT2ForSequenceClassification" && {
      classify: (hidden) => linear(scope.at("score"), hidden, labelsOf(c).length, start),
    }),
  };
}

function architecture(c: Config): DecoderArchitecture {
  return {
    kind: "decoder",
    type: "gpt2",
    names: { anchor: "transformer.ln_f.weight", prefixes: ["transformer."] },
    pad: padOf(c.pad_token_id ?? c.eos_token_id[0], c.vocab_size),
    dropout: c.resid_pdrop,
    vocabulary: c.vocab_size,
    width: c.n_embd,
    ends: c.eos_token_id,
    begin: c.bos_token_id ?? undefined,
    longest: c.n_positions,
    cache: { layers: c.n_layer, kvHeads: c.n_head, headWidth: c.n_embd / c.n_head },
    network: (scope, options = {}) => network(scope, c, options),
  };
}

export const gpt2: Family = {
  title: "GPT-2",
  types: ["gpt2"],
  read(json) {
    const c = readConfig(schema, json, "GPT-2");
    refuse(c.add_cross_attention, "add_cross_attention");
    needHeads("n_embd", c.n_embd, c.n_head);
    return architecture(c);
  },
};
