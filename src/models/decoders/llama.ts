/** Llama (Touvron et al. 2023, arXiv 2302.13971): rotary positions, grouped heads, gated layers. */
import { z } from "zod";
import { readConfig, rotaryOf, size } from "../config.ts";
import type { Family } from "../family.ts";
import { gatedArchitecture } from "./gated.ts";
import { gatedSchema, rotaryWarnings, rotationOf, sizesOf } from "./gated-settings.ts";
import { tablesOf } from "./settings.ts";

const schema = gatedSchema.extend({
  max_position_embeddings: size.default(2048),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
});

export const llama: Family = {
  title: "Llama",
  types: ["llama"],
  read(json, stored) {
    const c = readConfig(schema, json, "Llama");
    const sizes = sizesOf(c);
    const settings = rotaryOf(c);
    const rotary = rotationOf(settings, sizes.headWidth);
    const gated = {
      ...sizes,
      tables: tablesOf(c, stored, { width: c.hidden_size, words: "model.embed_tokens.weight", tied: false }),
      layers: Array.from({ length: c.num_hidden_layers }, () => ({ rotary })),
      biases: { qkv: c.attention_bias, output: c.attention_bias, mlp: c.mlp_bias },
    };
    return gatedArchitecture("llama", c, gated, {
      positions: c.max_position_embeddings,
      warnings: rotaryWarnings(settings, c.max_position_embeddings),
    });
  },
};
