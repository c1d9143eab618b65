/** Phi-3 (Abdin et al. 2024, arXiv 2404.14219): Llama with one matrix for queries, keys and values and one for gate and up. */
import { epsilon, readConfig, rotaryOf, size } from "../config.ts";
import type { Family } from "../family.ts";
import { gatedArchitecture } from "./gated.ts";
import { gatedSchema, rotationOf, sizesOf } from "./gated-settings.ts";
import { tablesOf } from "./settings.ts";

const schema = gatedSchema.extend({
  max_position_embeddings: size.default(4096),
  original_max_position_embeddings: size.default(4096),
  rms_norm_eps: epsilon.default(1e-5),
  sliding_window: size.nullish(),
});

export const phi3: Family = {
  title: "Phi-3",
  types: ["phi3"],
  read(json, stored) {
    const c = readConfig(schema, json, "Phi-3");
    const sizes = sizesOf(c);
    // The first files call their long rope yarn.
    const long = (p: typeof c.rope_scaling) =>
      p && [p.rope_type, p.type].includes("yarn") ? { ...p, rope_type: "longrope" } : p;
    const ropes = { ...c, rope_parameters: long(c.rope_parameters), rope_scaling: long(c.rope_scaling) };
    const layer = { rotary: rotationOf(rotaryOf(ropes), sizes.headWidth), window: c.sliding_window ?? undefined };
    const gated = {
      ...sizes,
      tables: tablesOf(c, stored, { width: c.hidden_size, words: "model.embed_tokens.weight", tied: false }),
      layers: Array.from({ length: c.num_hidden_layers }, () => layer),
      biases: { qkv: false, output: false, mlp: false },
      fused: true,
    };
    return gatedArchitecture("phi3", c, gated, { positions: c.max_position_embeddings });
  },
};
