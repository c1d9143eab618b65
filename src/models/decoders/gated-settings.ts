/** What the configurations of Llama's relatives have in common. */
import { z } from "zod";
import type { Rotary } from "../../nn/rotary.ts";
import {
  activation,
  epsilon,
  layers,
  needConsistent,
  needHeads,
  type RotarySettings,
  refuse,
  rotarySchema,
  size,
} from "../config.ts";
import type { Gated } from "./gated.ts";
import { decoderSchema, refuseExperts } from "./settings.ts";

export const gatedSchema = rotarySchema.extend(decoderSchema.shape).extend({
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layers,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  hidden_act: activation.default("silu"),
  rms_norm_eps: epsilon.default(1e-6),
});

export type GatedConfig = z.infer<typeof gatedSchema>;

type Sizes = Pick<Gated, "heads" | "kvHeads" | "headWidth" | "feedForward" | "activation" | "epsilon">;

/** @throws unsupported for a mixture of experts; corrupt_file for sizes that do not fit together */
export function sizesOf(c: GatedConfig): Sizes {
  refuseExperts(c);
  const heads = c.num_attention_heads;
  const kvHeads = c.num_key_value_heads ?? heads;
  const headWidth = c.head_dim ?? c.hidden_size / heads;
  needConsistent(heads % kvHeads === 0, `${heads} heads and ${kvHeads} heads of keys and values`);
  needHeads(c.head_dim ? "head_dim times heads" : "hidden_size", headWidth * heads, heads);
  const { intermediate_size: feedForward, hidden_act: activation, rms_norm_eps: epsilon } = c;
  return { heads, kvHeads, headWidth, feedForward, activation, epsilon };
}

/** The rotation of heads of this width. @throws corrupt_file for channels that are no pairs, or factors for others */
export function rotationOf({ theta, scaling, share }: RotarySettings, headWidth: number): Rotary {
  const width = Math.floor(headWidth * share);
  needConsistent(width > 0 && width % 2 === 0, `${width} rotary channels and pairs`);
  needConsistent(scaling.kind !== "dynamic" || width > 2, `${width} rotary channels and rope_type dynamic`);
  if (scaling.kind === "longrope") {
    const fits = scaling.short.length === width / 2 && scaling.long.length === width / 2;
    needConsistent(fits, `${width} rotary channels and longrope's factors`);
  }
  return { width, theta, scaling, pairs: "half" };
}

/** What looks like a slip in a configuration that can be computed all the same. */
export function rotaryWarnings({ scaling }: RotarySettings, positions: number): string[] {
  const odd = scaling.kind === "llama3" && scaling.trained >= positions;
  return odd
    ? [`rope_type llama3 with original_max_position_embeddings not below max_position_embeddings, ${positions}`]
    : [];
}

/** Kinds of layers, and which ones slide where the list is absent. */
export const windowSchema = z.object({
  sliding_window: size.nullish(),
  layer_types: z.array(z.string()).nullish(),
});

/** For every layer the window it sees; undefined for a layer that sees all. */
export function windowsOf(
  { layer_types: types, sliding_window: window }: z.infer<typeof windowSchema>,
  count: number,
  slides: (layer: number) => boolean,
): (number | undefined)[] {
  if (types) {
    needConsistent(types.length === count, `layer_types of ${types.length} layers and ${count} layers`);
    const other = types.find((type) => type !== "full_attention" && type !== "sliding_attention");
    refuse(other !== undefined, `a layer of type ${JSON.stringify(other)}`);
  }
  return Array.from({ length: count }, (_, i) => {
    if (types ? types[i] === "full_attention" : !slides(i)) return undefined;
    needConsistent(typeof window === "number", "layers of sliding_attention and no sliding_window");
    return window as number;
  });
}
