/** T5's family as the kinds know it: T5, v1.1, LM-adapted, T0, Flan-T5, ByT5, mT5, UMT5 and Switch Transformers. */
import type { EncoderArchitecture, EncoderDecoderArchitecture, Family } from "../../family.ts";
import { parseT5Config, type T5Config, t5ConfigText } from "./config.ts";
import { network } from "./switch.ts";

const names = {
  anchor: "encoder.final_layer_norm.weight",
  aliases: { "shared.weight": ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"] },
};

/** The router of a Switch Transformer decides by small differences, and so do the few numbers of the position bias. */
const unquantized = /router\.|relative_attention_bias/;

/** A checkpoint with one of these has a decoder, be it a damaged one. */
const decoderTensors = ["decoder.final_layer_norm.weight", "decoder.block.0.layer.0.SelfAttention.q.weight"];

const common = (config: T5Config) => ({
  type: config.type,
  names,
  unquantized,
  pad: config.pad,
  dropout: config.dropout,
  vocabulary: config.vocabulary,
  width: config.width,
});

/** A T5 of this configuration. */
export function t5Architecture(config: T5Config): EncoderDecoderArchitecture {
  const { heads: kvHeads, headWidth, decoderLayers: layers } = config;
  return {
    kind: "encoder-decoder",
    ...common(config),
    start: config.start,
    ends: config.eos,
    cache: { layers, kvHeads, headWidth },
    memory: { layers, kvHeads, headWidth },
    ...(config.experts && { unjoined: true }),
    network: (scope, options) => network(scope, config, options),
    configText: () => t5ConfigText(config),
  };
}

/** The encoder of a T5 alone. */
function t5Encoder(config: T5Config): EncoderArchitecture {
  return {
    kind: "encoder",
    ...common(config),
    network(scope, options) {
      const { encode } = network(scope, config, options);
      return { encode: (ids, _, pass) => encode(ids, pass), heads: {} };
    },
  };
}

export const t5: Family = {
  title: "T5",
  types: ["t5", "mt5", "umt5", "switch_transformers"],
  read(json, stored) {
    const rows = stored?.shape("shared.weight")?.[0];
    const tensors = stored && { has: stored.has, ...(rows !== undefined && { rows }) };
    const config = parseT5Config(json, tensors);
    // What a checkpoint can do is read from it: an encoder alone has no decoder's tensors.
    const decodes = !stored || decoderTensors.some((name) => stored.has(name));
    return decodes ? t5Architecture(config) : t5Encoder(config);
  },
};
