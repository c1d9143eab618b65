/** BART, mBART, Pegasus and Marian as the kinds know them. */
import type { EncoderArchitecture, EncoderDecoderArchitecture, Family, Names } from "../../family.ts";
import { bartClassifier } from "./classifier.ts";
import { type BartConfig, parseBartConfig, type VariantName, variants } from "./config.ts";
import { bartNetwork } from "./network.ts";

/** What a table of words is also stored as. */
const namesOf = ({ shared, tied }: BartConfig): Names => {
  const [encoder, decoder] = ["model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"] as const;
  const output = tied ? ["lm_head.weight"] : [];
  return {
    anchor: "model.decoder.layers.0.encoder_attn.k_proj.weight",
    prefixes: ["model."],
    outside: /^final_logits_bias$/,
    aliases: shared ? { "model.shared.weight": [encoder, decoder, ...output] } : { [decoder]: output },
  };
};

const common = (c: BartConfig) => ({
  type: c.type,
  names: namesOf(c),
  unquantized: /final_logits_bias/,
  frozen: /final_logits_bias/,
  dropout: c.dropout,
  pad: c.pad,
  width: c.width,
  longest: c.positions,
});

/** A checkpoint that tells a text's class. */
const classifier = (c: BartConfig, labels: readonly string[]): EncoderArchitecture => ({
  kind: "encoder",
  ...common(c),
  vocabulary: c.encoder.vocabulary,
  labels,
  problem: c.problem,
  head: "sequence",
  network: (scope, options) => bartClassifier(scope, c, labels.length, options),
});

function architecture(c: BartConfig): EncoderDecoderArchitecture {
  const { layers, heads: kvHeads, vocabulary } = c.decoder;
  const cache = { layers, kvHeads, headWidth: c.width / kvHeads };
  return {
    kind: "encoder-decoder",
    ...common(c),
    vocabulary,
    ...(c.encoder.vocabulary !== vocabulary && { inputVocabulary: c.encoder.vocabulary }),
    start: c.start,
    ends: c.ends,
    lasts: c.lasts,
    ...(c.variant.rotates && { rotates: true }),
    cache,
    memory: cache,
    network: (scope, options) => bartNetwork(scope, c, options),
  };
}

const family = (type: VariantName): Family => ({
  title: variants[type].title,
  types: [type],
  read(json, stored) {
    const c = parseBartConfig(type, json, stored);
    return c.labels ? classifier(c, c.labels) : architecture(c);
  },
});

export const bart = family("bart");
export const mbart = family("mbart");
export const pegasus = family("pegasus");
export const marian = family("marian");
