/** ViT (Dosovitskiy et al. 2020, "An Image is Worth 16x16 Words", arXiv 2010.11929). */
import type { z } from "zod";
import * as o from "../../graph/operators.ts";
import { keepAll } from "../../nn/attend.ts";
import { layerNorm } from "../../nn/norms.ts";
import { wholeRow } from "../../nn/pass.ts";
import { type Scope, truncatedNormal } from "../../nn/scope.ts";
import {
  activation,
  epsilon,
  imaged,
  labelsOf,
  needHeads,
  type PatchedImage,
  patchedImage,
  problemOf,
  readConfig,
  repatched,
  sidesOf,
} from "../config.ts";
import type { Family, ImageEncoder, ImageEncoderArchitecture, NetworkOptions, Stored } from "../family.ts";
import { positionsFor } from "./blocks.ts";
import { headsOf, layersSchema, namesInMemory, type Parts, partsOf, transformerLayers } from "./layers.ts";
import { patchTokens, withClassToken } from "./patches.ts";

const schema = layersSchema.extend(imaged.shape).extend({
  hidden_act: activation.default("gelu"),
  layer_norm_eps: epsilon.default(1e-12),
});

type Config = z.infer<typeof schema>;

/** Patches of the images that the positions are for, and of those that are given. */
interface Sizes {
  readonly trained: PatchedImage;
  readonly image: PatchedImage;
}

function network(
  scope: Scope,
  c: Config,
  { trained, image }: Sizes,
  parts: Parts,
  { dropout = keepAll, training, watch }: NetworkOptions,
): ImageEncoder {
  const width = c.hidden_size;
  const tokens = image.count + 1;
  const start = truncatedNormal(c.initializer_range);

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
    ...headsOf(scope, c, "vit", parts),
  };
}

function architecture(c: Config, stored: Stored | undefined): ImageEncoderArchitecture {
  const trained = patchedImage(c);
  const parts = partsOf(c, stored, { prefix: "vit", classified: "ViTForImageClassification", bare: "ViTModel" });
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
    places: { first: 1, times: 1, rows: image.grid[0], columns: image.grid[1] },
    positions: [
      {
        name: "vit.embeddings.position_embeddings",
        shape: [1, trained.count + 1, c.hidden_size],
        interpolated: (table) => positionsFor(table, trained.grid, image.grid, 1, "transformers"),
      },
    ],
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
