/**
 * ViViT (Arnab et al. 2021, arXiv 2103.15691): clips as tubelets, in one encoder over space and time (its model 1), or in
 * one over space and another over time (its model 2, the factorised encoder).
 */
import { z } from "zod";
import { fail } from "../../errors.ts";
import { type Dim, mulDims } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { keepAll } from "../../nn/attend.ts";
import { layerNorm } from "../../nn/norms.ts";
import { wholeRow } from "../../nn/pass.ts";
import { type Scope, truncatedNormal } from "../../nn/scope.ts";
import {
  activation,
  epsilon,
  labelsOf,
  layers,
  needConsistent,
  needHeads,
  problemOf,
  readConfig,
  size,
} from "../config.ts";
import type { Family, ImageEncoder, ImageEncoderArchitecture, NetworkOptions, Stored } from "../family.ts";
import { type Grid, positionsFor } from "./blocks.ts";
import { headsOf, layersSchema, namesInMemory, type Parts, partsOf, transformerLayers } from "./layers.ts";
import { firstToken, patchTokens, withClassToken } from "./patches.ts";

const schema = layersSchema.extend({
  hidden_act: activation.default("gelu_fast"),
  layer_norm_eps: epsilon.default(1e-6),
  num_channels: size.default(3),
  num_frames: size.default(32),
  image_size: z.union([size, z.tuple([size, size])]).default(224),
  tubelet_size: z.tuple([size, size, size]).default([2, 16, 16]),
  /** Ours: which of the paper's encoders; transformers has the first alone. */
  attention_type: z.enum(["spacetime", "factorized_encoder"]).default("spacetime"),
  /** Ours: layers of the factorised encoder's second part. */
  num_temporal_layers: layers.default(4),
});

type Config = z.infer<typeof schema>;

/** Tubelets along time, rows and columns. */
type Tubes = readonly [number, number, number];

/** The grid's positions for another one, the same at every time. */
function overTime(table: Tensor, trained: Tubes, [times, rows, columns]: Tubes): Tensor {
  if (trained[1] === rows && trained[2] === columns) return table;
  const each = trained[1] * trained[2];
  const frames = Array.from({ length: times }, (_, t) =>
    positionsFor(
      o.slice(table, 1, 1 + t * each, 1 + (t + 1) * each),
      [trained[1], trained[2]],
      [rows, columns],
      0,
      "transformers",
    ),
  );
  return o.concat([o.slice(table, 1, 0, 1), ...frames], 1);
}

/** Tables of positions, and how they are interpolated: one of all tubelets, or one of each time's. */
function positionsOf(c: Config, trained: Tubes, given: Tubes): NonNullable<ImageEncoderArchitecture["positions"]> {
  const each = trained[1] * trained[2];
  if (c.attention_type === "spacetime") {
    return [
      {
        name: "vivit.embeddings.position_embeddings",
        shape: [1, 1 + trained[0] * each, c.hidden_size],
        interpolated: (table) => overTime(table, trained, given),
      },
    ];
  }
  const [from, to] = [trained, given].map(([, rows, columns]) => [rows, columns] as const) as [Grid, Grid];
  return [
    {
      name: "vivit.spatial.embeddings.position_embeddings",
      shape: [1, 1 + each, c.hidden_size],
      interpolated: (table) => positionsFor(table, from, to, 1, "transformers"),
    },
  ];
}

interface Sides {
  readonly height: number;
  readonly width: number;
}

function tubesOf(c: Config, { height, width }: Sides): Tubes {
  const whole = [c.num_frames, height, width];
  const tubes = c.tubelet_size.map((length, i) => Math.floor(whole[i]! / length)) as unknown as Tubes;
  needConsistent(
    tubes.every((count) => count > 0),
    `tubelets of ${c.tubelet_size.join(" by ")} and clips of ${whole.join(" by ")}`,
  );
  needConsistent(tubes[0] * tubes[1] * tubes[2] <= 2 ** 18, `${tubes.join(" by ")} tubelets and attention`);
  return tubes;
}

function network(
  scope: Scope,
  c: Config,
  { trained, given }: { readonly trained: Tubes; readonly given: Tubes },
  parts: Parts,
  { dropout = keepAll, training, watch }: NetworkOptions,
): ImageEncoder {
  const width = c.hidden_size;
  const start = truncatedNormal(c.initializer_range);
  const [times, rows, columns] = given;
  const places = rows * columns;

  /** Tokens [batch, count, width] behind a class token, with positions, through layers and their last norm. */
  function encoder(at: Scope, tokens: Tensor, settings: Config, positions: (table: Scope) => Tensor): Tensor {
    const embeddings = at.at("embeddings");
    const withClass = withClassToken(tokens, embeddings.param("cls_token", [1, 1, width], start));
    const pass = wholeRow(withClass.shape[1]!, { causal: false, training, dropout });
    const placed = dropout(o.add(withClass, positions(embeddings)));
    return layerNorm(
      at.at("layernorm"),
      transformerLayers(at, settings, placed, { pass, dropout, watch }),
      c.layer_norm_eps,
    );
  }

  function joint(tokens: Tensor): Tensor {
    const count = 1 + trained[0] * trained[1] * trained[2];
    const positions = (at: Scope) =>
      overTime(at.param("position_embeddings", [1, count, width], start), trained, given);
    return encoder(scope.at("vivit"), tokens, c, positions);
  }

  /** Every time by itself, then their class tokens as a row. */
  function factorised(tokens: Tensor): Tensor {
    const batch = tokens.shape[0] as Dim;
    const each = o.reshape(tokens, [mulDims(batch, times), places, width]);
    const spatial = encoder(scope.at("vivit.spatial"), each, c, (at) => {
      const table = at.param("position_embeddings", [1, 1 + trained[1] * trained[2], width], start);
      return positionsFor(table, [trained[1], trained[2]], [rows, columns], 1, "transformers");
    });
    const row = o.reshape(firstToken(spatial), [batch, times, width]);
    const later = { ...c, num_hidden_layers: c.num_temporal_layers };
    return encoder(scope.at("vivit.temporal"), row, later, (at) =>
      at.param("position_embeddings", [1, 1 + times, width], start),
    );
  }

  return {
    encode(pixels) {
      const volume = o.transpose(pixels, [0, 2, 1, 3, 4]);
      const at = scope.at("vivit.embeddings.patch_embeddings.projection");
      const tokens = patchTokens(at, volume, c.tubelet_size, width, start, { bias: true });
      return c.attention_type === "spacetime" ? joint(tokens) : factorised(tokens);
    },
    ...headsOf(scope, c, "vivit", parts),
  };
}

const placesOf = ([times, rows, columns]: Tubes) => ({ first: 1, times, rows, columns });

function architecture(c: Config, stored: Stored | undefined): ImageEncoderArchitecture {
  const [height, width] = typeof c.image_size === "number" ? [c.image_size, c.image_size] : c.image_size;
  const parts = partsOf(c, stored, { prefix: "vivit", classified: "VivitForVideoClassification", bare: "VivitModel" });
  const labels = labelsOf(c);
  const trained = tubesOf(c, { height, width });
  const over = (sides: Sides): ImageEncoderArchitecture => ({
    kind: "image-encoder",
    type: "vivit",
    names: {
      anchor: "vivit.embeddings.patch_embeddings.projection.weight",
      prefixes: ["vivit."],
      renamed: namesInMemory,
    },
    dropout: c.hidden_dropout_prob,
    width: c.hidden_size,
    image: { channels: c.num_channels, frames: c.num_frames, height: sides.height, width: sides.width },
    ...(c.attention_type === "spacetime" && { places: placesOf(tubesOf(c, sides)) }),
    positions: positionsOf(c, trained, tubesOf(c, sides)),
    classifier: /^classifier\./,
    ...(parts.classifier && { labels, problem: problemOf(c.problem_type, labels) }),
    resized(next) {
      const [, tall, wide] = c.tubelet_size;
      if (next.height % tall !== 0 || next.width % wide !== 0) {
        fail("bad_input", `${next.height} by ${next.width} pixels are not filled by tubelets of ${tall} by ${wide}`, {
          hint: `sides must be multiples of ${tall} and ${wide}: resize or crop the images`,
        });
      }
      return over(next);
    },
    network: (scope, options = {}) => network(scope, c, { trained, given: tubesOf(c, sides) }, parts, options),
  });
  return over({ height, width });
}

export const vivit: Family = {
  title: "ViViT",
  types: ["vivit"],
  read(json, stored) {
    const c = readConfig(schema, json, "ViViT");
    needHeads("hidden_size", c.hidden_size, c.num_attention_heads);
    return architecture(c, stored);
  },
};
