/** Llama (Touvron et al. 2023, arXiv 2302.13971) and what is built like it: rotary positions, grouped heads, gated layers. */
import { z } from "zod";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { keepAll } from "../../nn/attend.ts";
import { linear, vocabularyLogits, wordVectors } from "../../nn/linear.ts";
import { rmsNorm } from "../../nn/norms.ts";
import { steadyUpTo } from "../../nn/rope-scaling.ts";
import { anglesAt, type Rotary, rotate } from "../../nn/rotary.ts";
import { normal, type Scope } from "../../nn/scope.ts";
import {
  activation,
  deviation,
  ends,
  epsilon,
  labelled,
  labelsOf,
  layers,
  needConsistent,
  needHeads,
  padding,
  padOf,
  readConfig,
  refuse,
  rotaryOf,
  rotarySchema,
  size,
  token,
} from "../config.ts";
import type { Decoder, DecoderArchitecture, Family, NetworkOptions } from "../family.ts";

const schema = rotarySchema.extend(labelled.shape).extend({
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layers,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  max_position_embeddings: size.default(2048),
  hidden_act: activation.default("silu"),
  rms_norm_eps: epsilon.default(1e-6),
  initializer_range: deviation.default(0.02),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(false),
  num_local_experts: z.number().nullish(),
  bos_token_id: token.nullish(),
  eos_token_id: ends,
  pad_token_id: padding,
  architectures: z.array(z.string()).nullish(),
});

type Config = z.infer<typeof schema>;

interface Sizes {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headWidth: number;
  readonly rotary: Rotary;
}

function sizesOf(c: Config): Sizes {
  const heads = c.num_attention_heads;
  const kvHeads = c.num_key_value_heads ?? heads;
  const headWidth = c.head_dim ?? c.hidden_size / heads;
  needConsistent(heads % kvHeads === 0, `${heads} heads and ${kvHeads} heads of keys and values`);
  needHeads(c.head_dim ? "head_dim times heads" : "hidden_size", headWidth * heads, heads);
  const { theta, scaling, share } = rotaryOf(c);
  const width = Math.floor(headWidth * share);
  needConsistent(width > 0 && width % 2 === 0, `${width} rotary channels and pairs`);
  needConsistent(scaling.kind !== "dynamic" || width > 2, `${width} rotary channels and rope_type dynamic`);
  if (scaling.kind === "longrope") {
    const fits = scaling.short.length === width / 2 && scaling.long.length === width / 2;
    needConsistent(fits, `${width} rotary channels and longrope's factors`);
  }
  return { heads, kvHeads, headWidth, rotary: { width, theta, scaling, pairs: "half" } };
}

function network(scope: Scope, c: Config, sizes: Sizes, { dropout = keepAll, training }: NetworkOptions): Decoder {
  const { heads, kvHeads, headWidth, rotary } = sizes;
  const width = c.hidden_size;
  const start = normal(c.initializer_range);
  const words = () => scope.param("model.embed_tokens.weight", [c.vocab_size, width], start);

  return {
    decode(ids, pass) {
      const top = scope.at("model");
      const angles = anglesAt(rotary, pass);
      let x = dropout(pass.enter(wordVectors(words(), ids, { padding: c.pad_token_id, training })));
      for (let i = 0; i < c.num_hidden_layers; i++) {
        const block = top.at(`layers.${i}`);
        const norm = (name: string, y: Tensor) => rmsNorm(block.at(name), y, c.rms_norm_eps);
        const self = block.at("self_attn");
        const project = (name: string, y: Tensor, out: number) =>
          linear(self.at(name), y, out, start, { bias: c.attention_bias });
        const normed = norm("input_layernorm", x);
        const q = rotate(project("q_proj", normed, heads * headWidth), heads, angles);
        const k = rotate(project("k_proj", normed, kvHeads * headWidth), kvHeads, angles);
        const v = project("v_proj", normed, kvHeads * headWidth);
        const mixed = pass.self(i, q, k, v, { heads, kvHeads, scale: headWidth ** -0.5 });
        x = o.add(x, dropout(project("o_proj", mixed, width)));
        const mlp = block.at("mlp");
        const layer = (name: string, y: Tensor, out: number) =>
          linear(mlp.at(name), y, out, start, { bias: c.mlp_bias });
        const inner = norm("post_attention_layernorm", x);
        const gate = activations[c.hidden_act](layer("gate_proj", inner, c.intermediate_size));
        const up = layer("up_proj", inner, c.intermediate_size);
        x = o.add(x, dropout(layer("down_proj", o.mul(gate, up), width)));
      }
      return rmsNorm(top.at("norm"), x, c.rms_norm_eps);
    },
    logits: (hidden) =>
      vocabularyLogits(
        c.tie_word_embeddings ? words() : scope.param("lm_head.weight", [c.vocab_size, width], start),
        hidden,
      ),
    ...(c.architectures?.[0]?.endsWith("ForSequenceClassification") && {
      classify: (hidden: Tensor) => linear(scope.at("score"), hidden, labelsOf(c).length, start),
    }),
  };
}

function architecture(c: Config): DecoderArchitecture {
  const sizes = sizesOf(c);
  return {
    kind: "decoder",
    type: "llama",
    names: { anchor: "model.norm.weight", prefixes: ["model."] },
    pad: padOf(c.pad_token_id, c.vocab_size),
    dropout: 0,
    vocabulary: c.vocab_size,
    width: c.hidden_size,
    ends: c.eos_token_id,
    begin: c.bos_token_id ?? undefined,
    steadyUpTo: steadyUpTo(sizes.rotary.scaling),
    cache: { layers: c.num_hidden_layers, kvHeads: sizes.kvHeads, headWidth: sizes.headWidth },
    network: (scope, options = {}) => network(scope, c, sizes, options),
  };
}

export const llama: Family = {
  title: "Llama",
  types: ["llama"],
  read(json) {
    const c = readConfig(schema, json, "Llama");
    refuse((c.num_local_experts ?? 0) > 1, "a mixture of experts (num_local_experts)");
    return architecture(c);
  },
};
