/** BART, mBART, Pegasus and Marian as the kinds know them. */
import type { EncoderDecoderArchitecture, Family, Names } from "../../family.ts";
import { type BartConfig, parseBartConfig, type VariantName, variants } from "./config.ts";
import { bartNetwork } from "./network.ts";

/** What a table of words is also stored as. */
const namesOf = ({ shared, tied }: BartConfig): Names => {
  const [encoder, decoder] = ["model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"] as const;
  const output = tied ? ["lm_head.weight"] : [];
  return {
    anchor: "model.decoder.layers.0.encoder_attn.k_proj.weight",
    prefixes: ["model."],
    aliases: shared ? { "model.shared.weight": [encoder, decoder, ...output] } : { [decoder]: output },
  };
};

function architecture(c: BartConfig): EncoderDecoderArchitecture {
  const { layers, heads: kvHeads, vocabulary } = c.decoder;
  const cache = { layers, kvHeads, headWidth: c.width / kvHeads };
  return {
    kind: "encoder-decoder",
    type: c.type,
    names: namesOf(c),
    unquantized: /final_logits_bias/,
    frozen: /final_logits_bias/,
    dropout: c.dropout,
    vocabulary,
    ...(c.encoder.vocabulary !== vocabulary && { inputVocabulary: c.encoder.vocabulary }),
    pad: c.pad,
    width: c.width,
    start: c.start,
    ends: c.ends,
    lasts: c.lasts,
    longest: c.positions,
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
    return architecture(parseBartConfig(type, json, stored));
  },
});

export const bart = family("bart");
export const mbart = family("mbart");
export const pegasus = family("pegasus");
export const marian = family("marian");
