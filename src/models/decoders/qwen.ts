/**
 * Qwen 2 and 2.5 (Yang et al. 2024, arXiv 2407.10671 and 2412.15115): Llama with biases of queries, keys and values.
 * Qwen 3 (Yang et al. 2025, arXiv 2505.09388): norms of queries and keys in the place of the biases.
 */
import { z } from "zod";
import type { JsonObject } from "../../base/json.ts";
import { readConfig, rotaryOf, size } from "../config.ts";
import type { Architecture, Family, Stored } from "../family.ts";
import { gatedArchitecture } from "./gated.ts";
import {
  type GatedConfig,
  gatedSchema,
  rotaryWarnings,
  rotationOf,
  sizesOf,
  windowSchema,
  windowsOf,
} from "./gated-settings.ts";
import { tablesOf } from "./settings.ts";

const schema = gatedSchema.extend(windowSchema.shape).extend({
  max_position_embeddings: size.default(32768),
  use_sliding_window: z.boolean().default(false),
  sliding_window: size.nullable().default(4096),
  max_window_layers: z.number().int().nonnegative().default(28),
});

const schema3 = schema.extend({
  head_dim: size.nullable().default(128),
  attention_bias: z.boolean().default(false),
});

interface Own {
  readonly type: string;
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  readonly headNorms: boolean;
}

function architecture(c: GatedConfig & z.infer<typeof schema>, stored: Stored | undefined, own: Own): Architecture {
  const sizes = sizesOf(c);
  const settings = rotaryOf(c);
  const rotary = rotationOf(settings, sizes.headWidth);
  const sliding = { layer_types: c.layer_types, sliding_window: c.use_sliding_window ? c.sliding_window : undefined };
  const slides = (layer: number) => sliding.sliding_window != null && layer >= c.max_window_layers;
  const gated = {
    ...sizes,
    tables: tablesOf(c, stored, { width: c.hidden_size, words: "model.embed_tokens.weight", tied: false }),
    layers: windowsOf(sliding, c.num_hidden_layers, slides).map((window) => ({ rotary, window })),
    biases: { qkv: own.qkvBias, output: own.outputBias, mlp: false },
    headNorms: own.headNorms,
  };
  return gatedArchitecture(own.type, c, gated, {
    positions: c.max_position_embeddings,
    warnings: rotaryWarnings(settings, c.max_position_embeddings),
  });
}

export const qwen2: Family = {
  title: "Qwen 2",
  types: ["qwen2"],
  read(json: JsonObject, stored) {
    const c = readConfig(schema, json, "Qwen 2");
    return architecture(c, stored, { type: "qwen2", qkvBias: true, outputBias: false, headNorms: false });
  },
};

export const qwen3: Family = {
  title: "Qwen 3",
  types: ["qwen3"],
  read(json: JsonObject, stored) {
    const c = readConfig(schema3, json, "Qwen 3");
    const biased = { qkvBias: c.attention_bias, outputBias: c.attention_bias };
    return architecture(c, stored, { type: "qwen3", ...biased, headNorms: true });
  },
};
