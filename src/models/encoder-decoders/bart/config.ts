/** config.json of BART and its relatives: one network, and a table of what differs. */
import { z } from "zod";
import type { JsonObject } from "../../../base/json.ts";
import type { Activation } from "../../../nn/activations.ts";
import {
  activation,
  deviation,
  ends,
  labelled,
  labelsOf,
  layers,
  needConsistent,
  needHeads,
  padOf,
  problemOf,
  rate,
  readConfig,
  refuse,
  size,
  token,
} from "../../config.ts";
import type { Problem, Stored } from "../../family.ts";

/** What a model of the family computes differently from the others, and what it takes where config.json says nothing. */
interface Variant {
  readonly title: string;
  /** Norms stand before the layers, and one more behind each stack; else behind every sum. */
  readonly normFirst: boolean;
  /** The sum of words and positions has a norm. */
  readonly embeddingNorm: boolean;
  /** Positions are learned, from the third row of a table on; else they are sinusoids. */
  readonly learned: boolean;
  /** In training a target's last token, its language, is what the decoder starts from. */
  readonly rotates?: boolean;
  readonly pad: number;
  readonly end: number;
  readonly start?: number;
}

/**
 * BART (Lewis et al. 2019, arXiv 1910.13461), mBART (Liu et al. 2020, arXiv 2001.08210), Pegasus (Zhang et al. 2019,
 * arXiv 1912.08777), Marian (Junczys-Dowmunt et al. 2018, arXiv 1804.00344).
 */
export const variants = {
  bart: { title: "BART", normFirst: false, embeddingNorm: true, learned: true, pad: 1, end: 2, start: 2 },
  mbart: { title: "mBART", normFirst: true, embeddingNorm: true, learned: true, rotates: true, pad: 1, end: 2 },
  pegasus: { title: "Pegasus", normFirst: true, embeddingNorm: false, learned: false, pad: 0, end: 1, start: 0 },
  marian: { title: "Marian", normFirst: false, embeddingNorm: false, learned: false, pad: 58100, end: 0, start: 58100 },
} as const satisfies Record<string, Variant>;

export type VariantName = keyof typeof variants;

const schema = labelled.extend({
  d_model: size.default(1024),
  encoder_layers: layers.default(12),
  decoder_layers: layers.default(12),
  encoder_attention_heads: size.default(16),
  decoder_attention_heads: size.default(16),
  encoder_ffn_dim: size.default(4096),
  decoder_ffn_dim: size.default(4096),
  vocab_size: size,
  decoder_vocab_size: size.nullish(),
  max_position_embeddings: size.default(1024),
  activation_function: activation.default("gelu"),
  scale_embedding: z.boolean().default(false),
  share_encoder_decoder_embeddings: z.boolean().default(true),
  tie_word_embeddings: z.boolean().default(true),
  dropout: rate.default(0.1),
  init_std: deviation.default(0.02),
  pad_token_id: z.number().int().nullish(),
  eos_token_id: ends,
  forced_eos_token_id: ends,
  decoder_start_token_id: token.nullish(),
  is_encoder_decoder: z.boolean().default(true),
  problem_type: z.string().nullish(),
  architectures: z.array(z.string()).nullish(),
});

/** Sizes of one of the two stacks. */
export interface StackConfig {
  readonly layers: number;
  readonly heads: number;
  readonly inner: number;
  readonly vocabulary: number;
}

export interface BartConfig {
  readonly type: VariantName;
  readonly variant: Variant;
  readonly width: number;
  readonly encoder: StackConfig;
  readonly decoder: StackConfig;
  /** Positions that there are. */
  readonly positions: number;
  readonly activation: Activation;
  /** Words are multiplied by √width. */
  readonly scaled: boolean;
  /** Encoder, decoder and output have one table of words; else the encoder has its own. */
  readonly shared: boolean;
  /** The output matrix is the decoder's table of words. */
  readonly tied: boolean;
  /** Numbers are added to the logits. */
  readonly biased: boolean;
  readonly std: number;
  readonly dropout: number;
  readonly pad: number;
  readonly start: number;
  readonly ends: readonly number[];
  /** The last tokens of an answer that is cut, where no generation_config.json says so. */
  readonly lasts: readonly number[];
  /** Names of classes, where the checkpoint tells a text's class instead of writing. */
  readonly labels?: readonly string[];
  readonly problem: Problem;
}

/** Numbers of a table of sinusoids: Pegasus has 1,024 positions of 1,024 channels. */
const mostSinusoids = 2 ** 26;

const written: Readonly<Record<VariantName, readonly string[]>> = {
  bart: ["BartForConditionalGeneration", "BartModel"],
  mbart: ["MBartForConditionalGeneration", "MBartModel"],
  pegasus: ["PegasusForConditionalGeneration", "PegasusModel"],
  marian: ["MarianMTModel", "MarianModel"],
};
const classifiers: readonly string[] = ["BartForSequenceClassification", "MBartForSequenceClassification"];

/** @throws corrupt_file naming the entry; unsupported for another head and for what is not computed */
export function parseBartConfig(type: VariantName, json: JsonObject, stored?: Stored): BartConfig {
  const variant: Variant = variants[type];
  const c = readConfig(schema, json, variant.title);
  const [made] = c.architectures ?? [];
  const classifies = made !== undefined && classifiers.includes(made);
  refuse(!c.is_encoder_decoder, "is_encoder_decoder false, a decoder alone,");
  refuse(made !== undefined && !classifies && !written[type].includes(made), `${made}, a head for another task,`);
  needHeads("d_model (encoder)", c.d_model, c.encoder_attention_heads);
  needHeads("d_model (decoder)", c.d_model, c.decoder_attention_heads);
  const places = c.max_position_embeddings * c.d_model;
  needConsistent(variant.learned || places <= mostSinusoids, `${c.max_position_embeddings} positions and memory`);
  const decoderWords = c.share_encoder_decoder_embeddings ? c.vocab_size : (c.decoder_vocab_size ?? c.vocab_size);
  const theEnds = c.eos_token_id.length > 0 ? c.eos_token_id : [variant.end];
  const given = "forced_eos_token_id" in json ? c.forced_eos_token_id : [variant.end];
  const labels = labelsOf({ ...c, num_labels: c.num_labels ?? 3 });
  return {
    type,
    variant,
    width: c.d_model,
    encoder: {
      layers: c.encoder_layers,
      heads: c.encoder_attention_heads,
      inner: c.encoder_ffn_dim,
      vocabulary: c.vocab_size,
    },
    decoder: {
      layers: c.decoder_layers,
      heads: c.decoder_attention_heads,
      inner: c.decoder_ffn_dim,
      vocabulary: decoderWords,
    },
    positions: c.max_position_embeddings,
    activation: c.activation_function,
    scaled: c.scale_embedding,
    shared: c.share_encoder_decoder_embeddings,
    tied: c.tie_word_embeddings,
    biased: stored?.has("final_logits_bias") ?? false,
    std: c.init_std,
    dropout: c.dropout,
    pad: padOf(c.pad_token_id ?? variant.pad, Math.min(c.vocab_size, decoderWords)),
    start: c.decoder_start_token_id ?? variant.start ?? theEnds[0]!,
    ends: theEnds,
    lasts: given,
    ...(classifies && { labels }),
    problem: problemOf(c.problem_type, labels),
  };
}
