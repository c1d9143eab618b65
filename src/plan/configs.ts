/** From a config.json to a shape, family by family; and which tensors of a file are those that are counted. */
import type { JsonObject } from "../base/json.ts";
import { fail } from "../errors.ts";
import { parseT5Config } from "../models/encoder-decoders/t5/config.ts";
import { isEncoderAlone } from "../models/encoder-decoders/t5/family.ts";
import { familyOf, knownFamily, type ReadOptions, readModel } from "../models/families.ts";
import type { Architecture } from "../models/family.ts";
import type { Weights } from "../weights/weights.ts";
import { hasAttention, networkShape, networkTensors } from "./network.ts";
import { checkShape, type Shape } from "./shapes.ts";
import type { TensorGroup } from "./tensor-groups.ts";

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

const architectureOf = (
  json: JsonObject,
  where: string,
  weights: Weights | undefined,
  same?: ReadOptions["same"],
): Architecture =>
  weights
    ? readModel(json, weights, where.replace(/\/config\.json$/, ""), { same, incomplete: true }).architecture
    : familyOf(json, where).read(json);

/** Whether a model is layers of attention, one like another, so that it has a shape. */
const isStack = (architecture: Architecture): architecture is Exclude<Architecture, { kind: "two-towers" }> =>
  architecture.kind !== "two-towers" && hasAttention(architecture);

/** The tensors that a config.json describes where its model has no one shape: two towers, convolutions, mixers. */
export function tensorsOfConfig(
  json: JsonObject,
  where: string,
  weights?: Weights,
): readonly TensorGroup[] | undefined {
  if (!knownFamily(json)) return undefined;
  const architecture = architectureOf(json, where, weights);
  return isStack(architecture) ? undefined : networkTensors(architecture);
}

/**
 * The shape that a config.json describes; undefined when its family is not one that is counted here.
 * @throws corrupt_file naming the entry that does not fit
 */
export function shapeOfConfig(
  json: JsonObject,
  where: string,
  weights?: Weights,
  same?: ReadOptions["same"],
): Shape | undefined {
  const type = String(json.model_type ?? "");
  if (["t5", "mt5", "umt5", "switch_transformers"].includes(type) && !isEncoderAlone(json, weights)) {
    return checkShape(t5Shape(json, weights, where), "corrupt_file", where);
  }
  if (!knownFamily(json)) return undefined;
  const architecture = architectureOf(json, where, weights, same);
  return isStack(architecture) ? checkShape(networkShape(architecture), "corrupt_file", where) : undefined;
}

/** Copies of tensors and buffers that a file may hold and no count includes. */
export function isCounted(name: string, shape: Shape | undefined): boolean {
  if (
    /(^|\.)(position_ids|attn\.(masked_)?bias|rotary_emb\.inv_freq|running_(mean|var)|num_batches_tracked)$/.test(name)
  )
    return false;
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
