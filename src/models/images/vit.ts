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
  repatched,
  sidesOf,
  size,
} from "../config.ts";
import type { Family, ImageEncoder, ImageEncoderArchitecture, NetworkOptions, Stored } from "../family.ts";
import { positionsFor } from "./blocks.ts";
import { namesInMemory, transformerLayers } from "./layers.ts";
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

/** Patches of the images that the positions are for, and of those that are given. */
interface Sizes {
  readonly trained: PatchedImage;
  readonly image: PatchedImage;
}

/** What a checkpoint has beside its layers. */
interface Parts {
  readonly classifier: boolean;
  readonly pooler: boolean;
}

function network(
  scope: Scope,
  c: Config,
  { trained, image }: Sizes,
  { classifier, pooler }: Parts,
  { dropout = keepAll, training, watch }: NetworkOptions,
): ImageEncoder {
  const width = c.hidden_size;
  const tokens = image.count + 1;
  const start = truncatedNormal(c.initializer_range);
  const dense = (at: Scope, x: Tensor, out: number, bias = true) => linear(at, x, out, start, { bias });

  return {
    encode(pixels) {
      const at = scope.at("vit.embeddings");
      const side = [image.patch, image.patch];
      const patches = patchTokens(at.at("patch_embeddings.projection"), pixels, side, width, start, { bias: true });
      const rows = withClassToken(patches, at.param("cls_token", [1, 1, width], start));
      const table = at.param("position_embeddings", [1, trained.count + 1, width], start);
      const placed = o.add(rows, positionsFor(table, trained.grid, image.grid, 1, "transformers"));
      const pass = wholeRow(tokens, { causal: false, training, dropout });
      const hidden = transformerLayers(scope.at("vit"), c, dropout(placed), { pass, dropout, watch });
      return layerNorm(scope.at("vit.layernorm"), hidden, c.layer_norm_eps);
    },
    features: firstToken,
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
  const trained = patchedImage(c);
  const made = c.architectures?.[0];
  // What the tensors say counts; a configuration alone says by which class of transformers its model is made.
  const parts: Parts = {
    classifier: stored?.has("classifier.weight") ?? made === "ViTForImageClassification",
    pooler: stored?.has("vit.pooler.dense.weight") ?? made === "ViTModel",
  };
  const labels = labelsOf(c);
  const over = (image: PatchedImage): ImageEncoderArchitecture => ({
    kind: "image-encoder",
    type: "vit",
    names: {
      anchor: "vit.embeddings.cls_token",
      prefixes: ["vit."],
      renamed: namesInMemory,
    },
    dropout: c.hidden_dropout_prob,
    width: c.hidden_size,
    image: sidesOf(image),
    classifier: /^classifier\./,
    ...(parts.classifier && { labels, problem: problemOf(c.problem_type, labels) }),
    resized: (sides) => over(repatched(trained, sides)),
    network: (scope, options = {}) => network(scope, c, { trained, image }, parts, options),
  });
  return over(trained);
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
