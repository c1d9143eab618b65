/** GPT-Neo (Black et al. 2021): GPT-2 with layers that see all and layers that see a window, and scores as they are. */
import { z } from "zod";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { keepAll } from "../../nn/attend.ts";
import { embedding, linear } from "../../nn/linear.ts";
import { layerNorm } from "../../nn/norms.ts";
import type { Scope } from "../../nn/scope.ts";
import { activation, epsilon, layers, needConsistent, needHeads, rate, readConfig, size } from "../config.ts";
import type { Decoder, Family, NetworkOptions } from "../family.ts";
import { commonOf, decoderSchema, refuseExperts, type Tables, tables, tablesOf } from "./settings.ts";

const kind = z.enum(["global", "local"]);

const schema = decoderSchema.extend({
  vocab_size: size.default(50257),
  max_position_embeddings: size.default(2048),
  hidden_size: size.default(2048),
  num_layers: layers.default(24),
  num_heads: size.default(16),
  intermediate_size: size.nullish(),
  window_size: size.default(256),
  activation_function: activation.default("gelu_new"),
  layer_norm_epsilon: epsilon.default(1e-5),
  resid_dropout: rate.default(0),
  /** Lists of kinds, each so many times. */
  attention_types: z.array(z.tuple([z.array(kind).max(512), layers])).default([[["global", "local"], 12]]),
  attention_layers: z.array(kind).nullish(),
});

type Config = z.infer<typeof schema>;
type LayerKind = z.infer<typeof kind>;

/** The kind of every layer. @throws corrupt_file where they are not as many as there are layers */
function kindsOf({ attention_types: types, attention_layers: listed, num_layers: count }: Config): LayerKind[] {
  const expanded = types.reduce((sum, [kinds, times]) => sum + kinds.length * times, 0);
  needConsistent(expanded === count, `attention_types of ${expanded} layers and ${count} layers`);
  const kinds = types.flatMap(([some, times]) => Array.from({ length: times }, () => some).flat());
  needConsistent(!listed || `${listed}` === `${kinds}`, "attention_types and attention_layers");
  return kinds;
}

function network(
  scope: Scope,
  c: Config,
  t: Tables,
  kinds: readonly LayerKind[],
  { dropout = keepAll }: NetworkOptions,
): Decoder {
  const { width, start } = t;
  const { words, ...answers } = tables(scope, t);
  return {
    decode(ids, pass) {
      const top = scope.at("transformer");
      const positions = embedding(top.at("wpe"), pass.positions, c.max_position_embeddings, width, start);
      let x = dropout(o.add(pass.enter(o.gather(words(), ids)), positions));
      kinds.forEach((kind, i) => {
        const block = top.at(`h.${i}`);
        const norm = (name: string, y: Tensor) => layerNorm(block.at(name), y, c.layer_norm_epsilon);
        const attention = block.at("attn.attention");
        const normed = norm("ln_1", x);
        const [q, k, v] = ["q_proj", "k_proj", "v_proj"].map((name) =>
          linear(attention.at(name), normed, width, start),
        );
        const window = kind === "local" ? c.window_size : undefined;
        const mixed = pass.self(i, q!, k!, v!, { heads: c.num_heads, scale: 1, window });
        x = o.add(x, dropout(linear(attention.at("out_proj"), mixed, width, start, { bias: true })));
        const inner = c.intermediate_size ?? 4 * width;
        const wide = linear(block.at("mlp.c_fc"), norm("ln_2", x), inner, start, { bias: true });
        const hidden = activations[c.activation_function](wide);
        x = o.add(x, dropout(linear(block.at("mlp.c_proj"), hidden, width, start, { bias: true })));
      });
      return layerNorm(top.at("ln_f"), x, c.layer_norm_epsilon);
    },
    ...answers,
  };
}

export const gptNeo: Family = {
  title: "GPT-Neo",
  types: ["gpt_neo"],
  read(json, stored) {
    const c = readConfig(schema, json, "GPT-Neo");
    refuseExperts(c);
    needHeads("hidden_size", c.hidden_size, c.num_heads);
    const kinds = kindsOf(c);
    const t = tablesOf(c, stored, { width: c.hidden_size, words: "transformer.wte.weight", tied: true });
    return {
      ...commonOf(c, t, { anchor: "transformer.ln_f.weight", prefixes: ["transformer."] }),
      type: "gpt_neo",
      dropout: c.resid_dropout,
      longest: c.max_position_embeddings,
      cache: { layers: c.num_layers, kvHeads: c.num_heads, headWidth: c.hidden_size / c.num_heads },
      network: (scope, options = {}) => network(scope, c, t, kinds, options),
    };
  },
};
