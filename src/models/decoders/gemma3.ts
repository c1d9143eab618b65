/**
 * Gemma 3 (Gemma Team 2025, arXiv 2503.19786), its texts: layers that see a window between layers that see all, each
 * kind with a rotation of its own; norms around every part, with weights stored around 0; norms of queries and keys.
 */
import { z } from "zod";
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import { activation, layers, needConsistent, readConfig, refuse, ropeParameters, rotaryOf, size } from "../config.ts";
import type { Family } from "../family.ts";
import { gatedArchitecture } from "./gated.ts";
import { gatedSchema, rotationOf, sizesOf, windowSchema, windowsOf } from "./gated-settings.ts";
import { tablesOf } from "./settings.ts";

const eachKind = z.object({ full_attention: ropeParameters, sliding_attention: ropeParameters });

const schema = gatedSchema.extend(windowSchema.shape).extend({
  vocab_size: size.default(262208),
  hidden_size: size.default(2304),
  intermediate_size: size.default(9216),
  num_hidden_layers: layers.default(26),
  num_attention_heads: size.default(8),
  num_key_value_heads: size.nullable().default(4),
  head_dim: size.nullable().default(256),
  max_position_embeddings: size.default(131072),
  /** Of older releases, and never asked. */
  hidden_act: activation.catch("silu"),
  hidden_activation: activation.default("gelu_pytorch_tanh"),
  pad_token_id: gatedSchema.shape.pad_token_id.prefault(0),
  attention_bias: z.boolean().default(false),
  query_pre_attn_scalar: z.number().min(1e-6).max(1e9).default(256),
  sliding_window: size.nullable().default(4096),
  /** One layer of so many sees all, where layer_types does not say it. */
  sliding_window_pattern: size.nullish(),
  rope_local_base_freq: z.number().gt(1).max(1e15).default(10000),
  final_logit_softcapping: z.number().min(1e-6).max(1e6).nullish(),
  use_bidirectional_attention: z.union([z.boolean(), z.string()]).nullish(),
});

/** The configuration of the text model, with what only the whole says: which tokens end, whether the head is tied. */
function textOf(json: JsonObject): JsonObject {
  const text = json.text_config;
  if (json.model_type !== "gemma3") return json;
  needConsistent(isJsonObject(text), "model_type gemma3 and no text_config");
  const { architectures, tie_word_embeddings, bos_token_id, eos_token_id, pad_token_id } = json;
  const whole = { architectures, tie_word_embeddings, bos_token_id, eos_token_id, pad_token_id };
  const said = Object.entries(whole).filter(([, value]) => value !== undefined && value !== null);
  return { ...Object.fromEntries(said), ...(text as JsonObject) };
}

/** Both spellings: settings for each kind of layer, or those of full layers beside the base of sliding ones. */
function rotaries(json: JsonObject) {
  const both = json.rope_parameters;
  const nested = isJsonObject(both) && ("full_attention" in both || "sliding_attention" in both);
  const { full_attention: full, sliding_attention: sliding } = nested ? readConfig(eachKind, both, "Gemma 3") : {};
  const c = readConfig(schema, nested ? { ...json, rope_parameters: undefined } : json, "Gemma 3");
  const plain = { ...c, rope_scaling: undefined, rope_theta: undefined };
  return {
    c,
    full: rotaryOf(full ? { ...c, rope_parameters: full } : c, 1_000_000),
    sliding: rotaryOf({ ...plain, rope_parameters: sliding }, c.rope_local_base_freq),
  };
}

export const gemma3: Family = {
  title: "Gemma 3",
  types: ["gemma3_text", "gemma3"],
  read(json, stored) {
    const text = textOf(json);
    const { c, full, sliding } = rotaries(text);
    refuse(
      c.use_bidirectional_attention === true || c.use_bidirectional_attention === "all",
      "use_bidirectional_attention",
    );
    const sizes = { ...sizesOf(c), activation: c.hidden_activation };
    const [all, near] = [rotationOf(full, sizes.headWidth), rotationOf(sliding, sizes.headWidth)];
    const pattern = c.sliding_window_pattern ?? 6;
    const windows = windowsOf(c, c.num_hidden_layers, (layer) => (layer + 1) % pattern !== 0);
    const gated = {
      ...sizes,
      tables: tablesOf(c, stored, { width: c.hidden_size, words: "model.embed_tokens.weight", tied: true }),
      layers: windows.map((window) => (window === undefined ? { rotary: all } : { rotary: near, window })),
      biases: { qkv: c.attention_bias, output: c.attention_bias, mlp: false },
      scale: c.query_pre_attn_scalar ** -0.5,
      wordScale: c.hidden_size ** 0.5,
      softCap: c.final_logit_softcapping ?? undefined,
      headNorms: true,
      shifted: true,
      normsAfter: true,
    };
    // A copy with weights of its own is of the text model alone.
    const own = { ...text, model_type: "gemma3_text", architectures: ["Gemma3ForCausalLM"] };
    const architecture = gatedArchitecture(String(json.model_type), c, gated, {
      positions: c.max_position_embeddings,
      renamed: [
        [/^(language_model\.model|model\.language_model)\./, "model."],
        [/^language_model\.lm_head\./, "lm_head."],
      ],
      ignored: [/^(model\.)?(vision_tower|multi_modal_projector)\./],
    });
    return text === json ? architecture : { ...architecture, configText: () => `${JSON.stringify(own, null, 2)}\n` };
  },
};
