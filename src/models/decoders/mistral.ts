/** Mistral (Jiang et al. 2023, arXiv 2310.06825): Llama whose every layer sees a window of tokens. */
import { readConfig, rotaryOf, size } from "../config.ts";
import type { Family } from "../family.ts";
import { gatedArchitecture } from "./gated.ts";
import { gatedSchema, rotaryWarnings, rotationOf, sizesOf } from "./gated-settings.ts";
import { tablesOf } from "./settings.ts";

const schema = gatedSchema.extend({
  max_position_embeddings: size.default(131072),
  num_key_value_heads: size.nullable().default(8),
  /** None where it is null, 4,096 where it is absent. */
  sliding_window: size.nullable().default(4096),
});

export const mistral: Family = {
  title: "Mistral",
  types: ["mistral"],
  read(json, stored) {
    const c = readConfig(schema, json, "Mistral");
    const sizes = sizesOf(c);
    const settings = rotaryOf(c);
    const layer = { rotary: rotationOf(settings, sizes.headWidth), window: c.sliding_window ?? undefined };
    const gated = {
      ...sizes,
      tables: tablesOf(c, stored, { width: c.hidden_size, words: "model.embed_tokens.weight", tied: false }),
      layers: Array.from({ length: c.num_hidden_layers }, () => layer),
      biases: { qkv: false, output: false, mlp: false },
    };
    return gatedArchitecture("mistral", c, gated, {
      positions: c.max_position_embeddings,
      warnings: rotaryWarnings(settings, c.max_position_embeddings),
    });
  },
};
