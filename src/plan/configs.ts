/** From a config.json to a shape, family by family; and which tensors of a file are those that are counted. */
import { z } from "zod";
import type { JsonObject } from "../base/json.ts";
import { fail } from "../errors.ts";
import { parseT5Config } from "../models/encoder-decoders/t5/config.ts";
import { familyOf, modelTypes, readModel } from "../models/families.ts";
import type { Architecture } from "../models/family.ts";
import type { Weights } from "../weights/weights.ts";
import { networkShape, networkTensors } from "./network.ts";
import { checkShape, type Shape } from "./shapes.ts";
import type { TensorGroup } from "./tensor-groups.ts";

const size = z.number().int().positive();

const layered = {
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
};
const layers = (c: z.infer<z.ZodObject<typeof layered>>) => ({
  layers: c.num_hidden_layers,
  width: c.hidden_size,
  feedForward: c.intermediate_size,
  heads: c.num_attention_heads,
  headSize: c.hidden_size / c.num_attention_heads,
});

const llama = z
  .object({
    ...layered,
    vocab_size: size,
    max_position_embeddings: size,
    num_key_value_heads: size.nullish(),
    head_dim: size.nullish(),
    tie_word_embeddings: z.boolean().default(false),
    attention_bias: z.literal(false, "projections with biases are not counted here").default(false),
    mlp_bias: z.literal(false, "products with biases are not counted here").default(false),
  })
  .transform(
    (c): Shape => ({
      family: "llama",
      ...layers(c),
      ...(c.head_dim && { headSize: c.head_dim }),
      keyHeads: c.num_key_value_heads ?? c.num_attention_heads,
      vocabulary: c.vocab_size,
      positions: c.max_position_embeddings,
      tied: c.tie_word_embeddings,
    }),
  );

/** Families that are not run here yet. */
const schemas: Readonly<Record<string, z.ZodType<Shape>>> = { mistral: llama };

/** T5's and Switch's, by the reader that runs use. */
function t5Shape(json: JsonObject, weights: Weights | undefined, where: string): Shape {
  if (!weights && json.model_type === "switch_transformers" && typeof json.num_experts !== "number") {
    fail("corrupt_file", "a mixture of experts that does not say of how many", {
      where,
      hint: "num_experts is missing",
    });
  }
  const rows = weights?.get("shared.weight")?.shape[0];
  const stored = weights && { has: (name: string) => weights.has(name), ...(rows !== undefined && { rows }) };
  const config = parseT5Config(json, stored);
  const { experts } = config;
  return {
    family: "t5",
    width: config.width,
    feedForward: config.ffWidth,
    encoderLayers: config.encoderLayers,
    decoderLayers: config.decoderLayers,
    heads: config.heads,
    headSize: config.headWidth,
    vocabulary: config.vocabulary,
    gated: config.gated,
    tied: config.tied,
    buckets: config.buckets,
    ...(config.type === "umt5" && { everyLayer: true }),
    ...(experts && {
      experts: {
        count: experts.experts,
        sparseEncoder: experts.sparseEncoderLayers,
        sparseDecoder: experts.sparseDecoderLayers,
        bias: experts.bias,
      },
    }),
  };
}

/** What can be counted from a configuration. */
export const countedTypes: readonly string[] = [...modelTypes, ...Object.keys(schemas)];

const architectureOf = (json: JsonObject, where: string, weights: Weights | undefined): Architecture =>
  weights
    ? readModel(json, weights, where.replace(/\/config\.json$/, ""), { incomplete: true }).architecture
    : familyOf(json, where).read(json);

/** The tensors that a config.json describes where its model has no one shape: of two towers. */
export function tensorsOfConfig(
  json: JsonObject,
  where: string,
  weights?: Weights,
): readonly TensorGroup[] | undefined {
  if (!modelTypes.includes(String(json.model_type ?? ""))) return undefined;
  const architecture = architectureOf(json, where, weights);
  return architecture.kind === "two-towers" ? networkTensors(architecture) : undefined;
}

/**
 * The shape that a config.json describes; undefined when its family is not one that is counted here.
 * @throws corrupt_file naming the entry that does not fit
 */
export function shapeOfConfig(json: JsonObject, where: string, weights?: Weights): Shape | undefined {
  const type = String(json.model_type ?? "");
  if (["t5", "mt5", "umt5", "switch_transformers"].includes(type)) {
    return checkShape(t5Shape(json, weights, where), "corrupt_file", where);
  }
  if (modelTypes.includes(type)) {
    const architecture = architectureOf(json, where, weights);
    if (architecture.kind !== "two-towers") {
      return checkShape(networkShape(architecture), "corrupt_file", where);
    }
    return undefined;
  }
  if (!Object.hasOwn(schemas, type)) return undefined;
  const parsed = schemas[type]!.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    fail("corrupt_file", `${path.join(".") || "the file"}: ${message}`, { where });
  }
  return checkShape(parsed.data, "corrupt_file", where);
}

/** Copies of tensors and buffers that a file may hold and no count includes. */
export function isCounted(name: string, shape: Shape | undefined): boolean {
  if (/(^|\.)(position_ids|attn\.(masked_)?bias|rotary_emb\.inv_freq)$/.test(name)) return false;
  if (shape?.family === "t5" && /embed_tokens\.weight$|EncDecAttention\.relative_attention_bias/.test(name))
    return false;
  if (name === "final_logits_bias") return false;
  // Copies of a table of words, and sinusoids.
  if (shape?.family === "network" && /\.embed_(tokens|positions)\.weight$/.test(name)) {
    return shape.tensors.some((group) => group.name === name);
  }
  const tied = shape?.family === "gpt" || (shape !== undefined && "tied" in shape && shape.tied);
  return !(tied && name === "lm_head.weight");
}
