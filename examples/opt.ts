/**
 * OPT (Zhang et al. 2022, arXiv 2205.01068), a family that is not among those of this package: GPT-3's layers with ReLU,
 * and positions that begin at 2. As src/models/opt.ts, its imports "../src/…" written "../…", it is all that a new
 * family needs besides its row in src/models/families.ts; test/newcomer.test.ts builds the package with it.
 */
import { z } from "zod";
import * as o from "../src/graph/operators.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import {
  activation,
  deviation,
  ends,
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
} from "../src/models/config.ts";
import type { Decoder, DecoderArchitecture, Family, NetworkOptions } from "../src/models/family.ts";
import { activations } from "../src/nn/activations.ts";
import { keepAll } from "../src/nn/attend.ts";
import { embedding, linear, vocabularyLogits } from "../src/nn/linear.ts";
import { layerNorm } from "../src/nn/norms.ts";
import { normal, type Scope } from "../src/nn/scope.ts";

const schema = labelled.extend({
  vocab_size: size.default(50272),
  hidden_size: size.default(768),
  word_embed_proj_dim: size.nullish(),
  num_hidden_layers: layers.default(12),
  num_attention_heads: size.default(12),
  ffn_dim: size.default(3072),
  max_position_embeddings: size.default(2048),
  do_layer_norm_before: z.boolean().default(true),
  _remove_final_layer_norm: z.boolean().default(false),
  layer_norm_elementwise_affine: z.boolean().default(true),
  enable_bias: z.boolean().default(true),
  activation_function: activation.default("relu"),
  dropout: rate.default(0.1),
  init_std: deviation.default(0.02),
  tie_word_embeddings: z.boolean().default(true),
  bos_token_id: token.nullish(),
  eos_token_id: ends,
  pad_token_id: padding,
  architectures: z.array(z.string()).nullish(),
});

type Config = z.infer<typeof schema>;

/** Positions are counted from the third row of their table: 0 and 1 once stood for padding. */
const offset = 2;

function network(scope: Scope, c: Config, { dropout = keepAll }: NetworkOptions): Decoder {
  const width = c.hidden_size;
  const words = c.word_embed_proj_dim ?? width;
  const heads = c.num_attention_heads;
  const start = normal(c.init_std);
  const bias = { bias: c.enable_bias };
  const before = c.do_layer_norm_before;
  const top = scope.at("model.decoder");
  const table = () => top.param("embed_tokens.weight", [c.vocab_size, words], start);
  const output = (hidden: Tensor) => (words === width ? hidden : linear(top.at("project_out"), hidden, words, start));

  return {
    decode(ids, pass) {
      const rows = c.max_position_embeddings + offset;
      const places = embedding(top.at("embed_positions"), o.add(pass.positions, offset), rows, width, start);
      const found = o.gather(table(), ids);
      const wide = words === width ? found : linear(top.at("project_in"), found, width, start);
      let x = o.add(pass.enter(wide), places);
      for (let i = 0; i < c.num_hidden_layers; i++) {
        const block = top.at(`layers.${i}`);
        const project = (name: string, y: Tensor, out = width) => linear(block.at(name), y, out, start, bias);
        /** x + f(norm(x)), or in the one release that has the norm behind the sum, norm(x + f(x)). */
        const residual = (norm: string, f: (y: Tensor) => Tensor) => {
          const normed = (y: Tensor) => layerNorm(block.at(norm), y, 1e-5);
          const sum = o.add(x, dropout(f(before ? normed(x) : x)));
          x = before ? sum : normed(sum);
        };
        residual("self_attn_layer_norm", (y) => {
          const [q, k, v] = ["q", "k", "v"].map((name) => project(`self_attn.${name}_proj`, y));
          return project("self_attn.out_proj", pass.self(i, q!, k!, v!, { heads, scale: (width / heads) ** -0.5 }));
        });
        residual("final_layer_norm", (y) =>
          project("fc2", activations[c.activation_function](project("fc1", y, c.ffn_dim))),
        );
      }
      return before && !c._remove_final_layer_norm ? layerNorm(top.at("final_layer_norm"), x, 1e-5) : x;
    },
    logits: (hidden) =>
      vocabularyLogits(
        c.tie_word_embeddings ? table() : scope.param("lm_head.weight", [c.vocab_size, words], start),
        output(hidden),
      ),
    ...(c.architectures?.[0] === "OPTForSequenceClassification" && {
      classify: (hidden) => linear(scope.at("score"), output(hidden), labelsOf(c).length, start),
    }),
  };
}

function architecture(c: Config): DecoderArchitecture {
  const heads = c.num_attention_heads;
  needHeads("hidden_size", c.hidden_size, heads);
  return {
    kind: "decoder",
    type: "opt",
    names: { anchor: "model.decoder.embed_positions.weight", prefixes: ["model."] },
    pad: padOf(c.pad_token_id ?? 1, c.vocab_size),
    dropout: c.dropout,
    vocabulary: c.vocab_size,
    width: c.hidden_size,
    ends: c.eos_token_id,
    begin: c.bos_token_id ?? undefined,
    longest: c.max_position_embeddings,
    cache: { layers: c.num_hidden_layers, kvHeads: heads, headWidth: c.hidden_size / heads },
    network: (scope, options = {}) => network(scope, c, options),
  };
}

export const opt: Family = {
  title: "OPT",
  types: ["opt"],
  read(json) {
    const c = readConfig(schema, json, "OPT");
    refuse(!c.layer_norm_elementwise_affine, "layer_norm_elementwise_affine false");
    return architecture(c);
  },
};
