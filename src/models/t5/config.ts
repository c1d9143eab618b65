/** config.json of the T5 family: reading it against the stored tensors, and writing an honest one. */
import { z } from "zod";
import { fail } from "../../errors.ts";
import { type Activation, activations } from "../../nn/activations.ts";
import { readSwitchConfig, type SwitchConfig, switchConfigJson } from "./switch-config.ts";

const types = ["t5", "mt5", "switch_transformers"] as const;

const positive = z
  .number()
  .int()
  .positive()
  .max(2 ** 24);

/** config.json of a T5 folder, with the defaults of its reference implementation. */
export const t5ConfigSchema = z.object({
  model_type: z.enum(types),
  d_model: positive,
  d_kv: positive,
  d_ff: positive,
  num_heads: positive,
  num_layers: positive,
  num_decoder_layers: positive.nullish(),
  vocab_size: positive,
  feed_forward_proj: z.string().default("relu"),
  // Fewer leave no bucket for a distance of its own.
  relative_attention_num_buckets: positive.min(4).default(32),
  relative_attention_max_distance: positive.default(128),
  layer_norm_epsilon: z.number().positive().max(1).default(1e-6),
  initializer_factor: z.number().positive().default(1),
  dropout_rate: z.number().min(0).max(1).default(0.1),
  tie_word_embeddings: z.boolean().default(true),
  scale_decoder_outputs: z.boolean().optional(),
  decoder_start_token_id: z.number().int().nonnegative().nullish(),
  pad_token_id: z.number().int().nonnegative().nullish(),
  eos_token_id: z.number().int().nonnegative().nullish(),
});

export interface T5Config {
  readonly width: number;
  readonly headWidth: number;
  readonly inner: number;
  readonly heads: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly vocabulary: number;
  readonly activation: Activation;
  readonly gated: boolean;
  readonly ffWidth: number;
  readonly buckets: number;
  readonly maxDistance: number;
  readonly epsilon: number;
  readonly factor: number;
  readonly dropout: number;
  /** The output matrix is `shared.weight`. */
  readonly tied: boolean;
  /** Multiply the decoder's output by d^-½ before the output matrix. */
  readonly scaled: boolean;
  readonly start: number;
  readonly pad: number;
  readonly eos: number;
  /** Some blocks have many feed-forward networks, of which each token takes one. */
  readonly experts?: SwitchConfig;
}

/**
 * Read config.json. Which matrix makes the logits cannot be told from the configuration alone (transformers 5 writes
 * `tie_word_embeddings: true` for every T5), so the names of the stored tensors and the rows of `shared.weight` are
 * asked too.
 */
export function parseT5Config(json: unknown, stored?: { has(name: string): boolean; rows?: number }): T5Config {
  const parsed = t5ConfigSchema.safeParse(json);
  const refuse = (issue: z.core.$ZodIssue): never =>
    fail("corrupt_file", `${issue.path.join(".") || "the file"}: ${issue.message}`, {
      where: "config.json",
      hint: "config.json must describe a T5 model, as the Hugging Face hub has them",
    });
  if (!parsed.success) return refuse(parsed.error.issues[0]!);
  const c = parsed.data;
  if (c.relative_attention_max_distance <= Math.floor(c.relative_attention_num_buckets / 4)) {
    fail("corrupt_file", "relative_attention_max_distance: not above a quarter of relative_attention_num_buckets", {
      where: "config.json",
      hint: "the buckets would end before they begin to grow",
    });
  }
  const sparse = c.model_type === "switch_transformers" ? readSwitchConfig(json) : undefined;
  if (sparse && "problem" in sparse) return refuse(sparse.problem);
  const { activation, gated } = feedForward(sparse ? sparse.activation : c.feed_forward_proj);
  const untied =
    !c.tie_word_embeddings || (c.scale_decoder_outputs !== undefined && (stored?.has("lm_head.weight") ?? false));
  return {
    width: c.d_model,
    headWidth: c.d_kv,
    inner: c.num_heads * c.d_kv,
    heads: c.num_heads,
    encoderLayers: c.num_layers,
    decoderLayers: c.num_decoder_layers ?? c.num_layers,
    vocabulary: stored?.rows ?? c.vocab_size,
    activation,
    gated,
    ffWidth: c.d_ff,
    buckets: c.relative_attention_num_buckets,
    maxDistance: c.relative_attention_max_distance,
    epsilon: c.layer_norm_epsilon,
    factor: c.initializer_factor,
    dropout: c.dropout_rate,
    tied: !untied,
    scaled: c.scale_decoder_outputs ?? c.tie_word_embeddings,
    start: c.decoder_start_token_id ?? 0,
    pad: c.pad_token_id ?? 0,
    eos: c.eos_token_id ?? 1,
    ...(sparse ? { experts: sparse.experts } : {}),
  };
}

/** `ACT` or `gated-ACT`; the literal gated-gelu means the tanh approximation. */
function feedForward(text: string): { activation: Activation; gated: boolean } {
  const gated = text.startsWith("gated-");
  const name = text === "gated-gelu" ? "gelu_new" : gated ? text.slice("gated-".length) : text;
  if (name in activations) return { activation: name as Activation, gated };
  return fail("unsupported", `feed_forward_proj "${text}" is not known`, {
    where: "config.json",
    hint: `known: ${Object.keys(activations).join(", ")}, each also as gated-…`,
  });
}

/** config.json for a model of this configuration, read alike by every release of transformers. */
export function t5ConfigJson(config: T5Config): Record<string, unknown> {
  const name = config.activation === "gelu_new" && config.gated ? "gelu" : config.activation;
  return {
    architectures: ["T5ForConditionalGeneration"],
    model_type: "t5",
    d_model: config.width,
    d_kv: config.headWidth,
    d_ff: config.ffWidth,
    num_heads: config.heads,
    num_layers: config.encoderLayers,
    num_decoder_layers: config.decoderLayers,
    vocab_size: config.vocabulary,
    feed_forward_proj: config.gated ? `gated-${name}` : name,
    is_gated_act: config.gated,
    dense_act_fn: config.activation,
    relative_attention_num_buckets: config.buckets,
    relative_attention_max_distance: config.maxDistance,
    layer_norm_epsilon: config.epsilon,
    initializer_factor: config.factor,
    dropout_rate: config.dropout,
    tie_word_embeddings: config.tied,
    scale_decoder_outputs: config.scaled,
    decoder_start_token_id: config.start,
    pad_token_id: config.pad,
    eos_token_id: config.eos,
    is_encoder_decoder: true,
    use_cache: true,
    ...(config.experts ? switchConfigJson(config.experts) : {}),
  };
}

/** The text of config.json. Python tells 1 from 1.0 and refuses whole numbers for these, so they get a point. */
export function t5ConfigText(config: T5Config): string {
  const floats = /^(\s*"(?:layer_norm_epsilon|initializer_factor|dropout_rate|router_\w+_coef)": -?\d+)(,?)$/gm;
  return `${JSON.stringify(t5ConfigJson(config), null, 2).replace(floats, "$1.0$2")}\n`;
}
