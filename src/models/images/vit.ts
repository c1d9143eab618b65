/** ViT (Dosovitskiy et al. 2020, "An Image is Worth 16x16 Words", arXiv 2010.11929). */
import { z } from "zod";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { keepAll } from "../../nn/attend.ts";
import { linear } from "../../nn/linear.ts";
import { layerNorm } from "../../nn/norms.ts";
import { wholeRow } from "../../nn/pass.ts";
import { type Scope, truncatedNormal } from "../../nn/scope.ts";
import {
  activation,
  deviation,
  epsilon,
  imaged,
  labelled,
  labelsOf,
  layers,
  needHeads,
  type PatchedImage,
  patchedImage,
  problemOf,
  rate,
  readConfig,
  size,
} from "../config.ts";
import type { Family, ImageEncoder, ImageEncoderArchitecture, NetworkOptions, Stored } from "../family.ts";
import { firstToken, patchTokens, withClassToken } from "./patches.ts";

const schema = labelled.extend(imaged.shape).extend({
  hidden_size: size.default(768),
  num_hidden_layers: layers.default(12),
  num_attention_heads: size.default(12),
  intermediate_size: size.default(3072),
  hidden_act: activation.default("gelu"),
  hidden_dropout_prob: rate.default(0),
  initializer_range: deviation.default(0.02),
  layer_norm_eps: epsilon.default(1e-12),
  qkv_bias: z.boolean().default(true),
  pooler_output_size: size.nullish(),
  pooler_act: activation.default("tanh"),
  problem_type: z.string().nullish(),
  architectures: z.array(z.string()).nullish(),
});

type Config = z.infer<typeof schema>;

/** What a checkpoint has beside its layers. */
interface Parts {
  readonly classifier: boolean;
  readonly pooler: boolean;
}

function network(
  scope: Scope,
  c: Config,
  image: PatchedImage,
  { classifier, pooler }: Parts,
  { dropout = keepAll, training }: NetworkOptions,
): ImageEncoder {
  const width = c.hidden_size;
  const tokens = image.count + 1;
  const start = truncatedNormal(c.initializer_range);
  const dense = (at: Scope, x: Tensor, out: number, bias = true) => linear(at, x, out, start, { bias });
  const heads = { heads: c.num_attention_heads, scale: (width / c.num_attention_heads) ** -0.5 };

  return {
    encode(pixels) {
      const at = scope.at("vit.embeddings");
      const patches = patchTokens(at.at("patch_embeddings.projection"), pixels, image, width, start, { bias: true });
      const rows = withClassToken(patches, at.param("cls_token", [1, 1, width], start));
      const pass = wholeRow(tokens, { causal: false, training, dropout });
      let x = dropout(o.add(rows, at.param("position_embeddings", [1, tokens, width], start)));
      for (let i = 0; i < c.num_hidden_layers; i++) {
        const block = scope.at(`vit.encoder.layer.${i}`);
        const norm = (name: string, y: Tensor) => layerNorm(block.at(name), y, c.layer_norm_eps);
        const normed = norm("layernorm_before", x);
        const [q, k, v] = ["query", "key", "value"].map((name) =>
          dense(block.at(`attention.attention.${name}`), normed, width, c.qkv_bias),
        ) as [Tensor, Tensor, Tensor];
        x = o.add(x, dropout(dense(block.at("attention.output.dense"), pass.self(i, q, k, v, heads), width)));
        const inner = dense(block.at("intermediate.dense"), norm("layernorm_after", x), c.intermediate_size);
        x = o.add(x, dropout(dense(block.at("output.dense"), activations[c.hidden_act](inner), width)));
      }
      return layerNorm(scope.at("vit.layernorm"), x, c.layer_norm_eps);
    },
    ...(pooler && {
      pooled: (hidden) => {
        const at = scope.at("vit.pooler.dense");
        return activations[c.pooler_act](dense(at, firstToken(hidden), c.pooler_output_size ?? width));
      },
    }),
    ...(classifier && {
      classify: (hidden) => dense(scope.at("classifier"), firstToken(hidden), labelsOf(c).length),
    }),
  };
}

function architecture(c: Config, stored: Stored | undefined): ImageEncoderArchitecture {
  const image = patchedImage(c);
  const made = c.architectures?.[0];
  // What the tensors say counts; a configuration alone says by which class of transformers its model is made.
  const parts: Parts = {
    classifier: stored?.has("classifier.weight") ?? made === "ViTForImageClassification",
    pooler: stored?.has("vit.pooler.dense.weight") ?? made === "ViTModel",
  };
  const labels = labelsOf(c);
  return {
    kind: "image-encoder",
    type: "vit",
    names: {
      anchor: "vit.embeddings.cls_token",
      prefixes: ["vit."],
      // As transformers 5 names them in memory.
      renamed: [
        [/(^|\.)layers\.(?=\d)/, "$1encoder.layer."],
        [/\.attention\.q_proj\./, ".attention.attention.query."],
        [/\.attention\.k_proj\./, ".attention.attention.key."],
        [/\.attention\.v_proj\./, ".attention.attention.value."],
        [/\.attention\.o_proj\./, ".attention.output.dense."],
        [/\.mlp\.fc1\./, ".intermediate.dense."],
        [/\.mlp\.fc2\./, ".output.dense."],
      ],
    },
    dropout: c.hidden_dropout_prob,
    width: c.hidden_size,
    image: { size: image.size, channels: image.channels },
    ...(parts.classifier && { labels, problem: problemOf(c.problem_type, labels) }),
    network: (scope, options = {}) => network(scope, c, image, parts, options),
  };
}

export const vit: Family = {
  title: "ViT",
  types: ["vit"],
  read(json, stored) {
    const c = readConfig(schema, json, "ViT");
    needHeads("hidden_size", c.hidden_size, c.num_attention_heads);
    return architecture(c, stored);
  },
};
