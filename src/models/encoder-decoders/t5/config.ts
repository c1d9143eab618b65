/** config.json of the T5 family: reading it against the stored tensors, and writing an honest one. */
import { z } from "zod";
import { fail } from "../../../errors.ts";
import { type Activation, activations } from "../../../nn/activations.ts";
import {
  deviation,
  ends,
  epsilon,
  layers,
  needConsistent,
  needHeads,
  padOf,
  rate,
  readConfig,
  size,
  token,
} from "../../config.ts";
import { readSwitchConfig, type SwitchConfig, switchConfigJson } from "./switch-config.ts";

const types = ["t5", "mt5", "umt5", "switch_transformers"] as const;

/** The class of transformers for each. */
const classes = {
  t5: "T5ForConditionalGeneration",
  mt5: "MT5ForConditionalGeneration",
  umt5: "UMT5ForConditionalGeneration",
  switch_transformers: "SwitchTransformersForConditionalGeneration",
} as const satisfies Record<(typeof types)[number], string>;

/** There is a table of all distances. */
const buckets = size.max(2 ** 16);

/** config.json of a T5 folder, with the defaults of its reference implementation. */
export const t5ConfigSchema = z.object({
  model_type: z.enum(types),
  d_model: size,
  d_kv: size,
  d_ff: size,
  num_heads: size,
  num_layers: layers,
  num_decoder_layers: layers.nullish(),
  vocab_size: size,
  feed_forward_proj: z.string().default("relu"),
  // Fewer leave no bucket for a distance of its own.
  relative_attention_num_buckets: buckets.min(4).default(32),
  relative_attention_max_distance: buckets.default(128),
  layer_norm_epsilon: epsilon.default(1e-6),
  initializer_factor: deviation.default(1),
  dropout_rate: rate.default(0.1),
  tie_word_embeddings: z.boolean().default(true),
  scale_decoder_outputs: z.boolean().optional(),
  decoder_start_token_id: token.nullish(),
  pad_token_id: token.nullish(),
  eos_token_id: ends,
});

export interface T5Config {
  readonly type: (typeof types)[number];
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
  readonly eos: readonly number[];
  /** Some blocks have many feed-forward networks, of which each token takes one. */
  readonly experts?: SwitchConfig;
}

/**
 * Read config.json. Which matrix makes the logits cannot be told from the configuration alone (transformers 5 writes
 * `tie_word_embeddings: true` for every T5), so the names of the stored tensors and the rows of `shared.weight` are
 * asked too. It no longer scales what mT5 ties, whose files have an output matrix of their own.
 */
export function parseT5Config(json: unknown, stored?: { has(name: string): boolean; rows?: number }): T5Config {
  const c = readConfig(t5ConfigSchema, json, "T5");
  // Of the decoder, whose buckets are all for tokens before: half of them are for one distance each.
  needConsistent(
    c.relative_attention_max_distance > Math.floor(c.relative_attention_num_buckets / 2),
    `relative_attention_max_distance ${c.relative_attention_max_distance} and ${c.relative_attention_num_buckets} buckets`,
  );
  needHeads("d_kv times heads", c.d_kv * c.num_heads, c.num_heads);
  const sparse =
    c.model_type === "switch_transformers"
      ? readSwitchConfig(json, c.num_layers + (c.num_decoder_layers ?? c.num_layers))
      : undefined;
  const { activation, gated } = feedForward(sparse ? sparse.activation : c.feed_forward_proj);
  const multilingual = c.model_type === "mt5" || c.model_type === "umt5";
  const asStored = multilingual || c.scale_decoder_outputs !== undefined;
  const untied = !c.tie_word_embeddings || (asStored && (stored?.has("lm_head.weight") ?? false));
  return {
    type: c.model_type,
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
    scaled: c.scale_decoder_outputs ?? (c.tie_word_embeddings && c.model_type !== "mt5"),
    start: c.decoder_start_token_id ?? 0,
    pad: padOf(c.pad_token_id, c.vocab_size),
    eos: c.eos_token_id.length > 0 ? c.eos_token_id : [1],
    ...(sparse ? { experts: sparse.experts } : {}),
  };
}

/** `ACT` or `gated-ACT`; the literal gated-gelu means the tanh approximation. */
function feedForward(text: string): { activation: Activation; gated: boolean } {
  const gated = text.startsWith("gated-");
  const name = text === "gated-gelu" ? "gelu_new" : gated ? text.slice("gated-".length) : text;
  if (Object.hasOwn(activations, name)) return { activation: name as Activation, gated };
  return fail("unsupported", `feed_forward_proj "${text}" is not known`, {
    where: "config.json",
    hint: `known: ${Object.keys(activations).join(", ")}, each also as gated-…`,
  });
}

/** config.json for a model of this configuration, read alike by every release of transformers. */
export function t5ConfigJson(config: T5Config): Record<string, unknown> {
  const name = config.activation === "gelu_new" && config.gated ? "gelu" : config.activation;
  return {
    architectures: [classes[config.type]],
    model_type: config.type,
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
    eos_token_id: config.eos.length === 1 ? config.eos[0] : config.eos,
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
