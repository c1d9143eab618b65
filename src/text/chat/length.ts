/** How long a conversation may be. */
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import type { LanguageModel } from "../../models/kinds/language.ts";

const positive = (value: unknown): number | undefined =>
  typeof value === "number" && value > 0 ? Math.floor(value) : undefined;

/** Scalings of positions whose files may still tell the length from before. */
const stretching: ReadonlySet<unknown> = new Set(["yarn", "dynamic"]);

/**
 * Tokens of conversation and answer together: the model's table of positions, else the length that config.json tells
 * (`max_position_embeddings`, times the factor of a scaling that goes beyond it). undefined where nothing tells it.
 */
export function longestOf({
  kind,
  model,
  config,
}: {
  readonly kind: "encoder-decoder" | "decoder";
  readonly model: Pick<LanguageModel, "longest">;
  readonly config: JsonObject;
}): number | undefined {
  if (model.longest !== undefined || kind !== "decoder") return model.longest;
  const text = isJsonObject(config.text_config) ? config.text_config : config;
  const told = positive(text.max_position_embeddings);
  const scaling = text.rope_parameters ?? text.rope_scaling;
  if (told === undefined || !isJsonObject(scaling) || !stretching.has(scaling.rope_type ?? scaling.type)) return told;
  const before = positive(scaling.original_max_position_embeddings) ?? told;
  return Math.max(told, Math.floor(before * (positive(scaling.factor) ?? 1)));
}
