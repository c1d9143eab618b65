/** GPT-J (Wang & Komatsuzaki 2021): attention and the feed-forward layer side by side, after one norm. */
import type { z } from "zod";
import * as o from "../../graph/operators.ts";
import { activations } from "../../nn/activations.ts";
import { keepAll } from "../../nn/attend.ts";
import { linear } from "../../nn/linear.ts";
import { layerNorm } from "../../nn/norms.ts";
import { anglesAt, type Rotary, rotate } from "../../nn/rotary.ts";
import type { Scope } from "../../nn/scope.ts";
import { activation, epsilon, layers, needConsistent, needHeads, rate, readConfig, size } from "../config.ts";
import type { Decoder, Family, NetworkOptions } from "../family.ts";
import { commonOf, decoderSchema, refuseExperts, type Tables, tables, tablesOf } from "./settings.ts";

const schema = decoderSchema.extend({
  vocab_size: size.default(50400),
  n_embd: size.default(4096),
  n_layer: layers.default(28),
  n_head: size.default(16),
  n_inner: size.nullish(),
  n_positions: size.default(2048),
  rotary_dim: size.default(64),
  activation_function: activation.default("gelu_new"),
  layer_norm_epsilon: epsilon.default(1e-5),
  resid_pdrop: rate.default(0),
});

type Config = z.infer<typeof schema>;

function network(scope: Scope, c: Config, t: Tables, rotary: Rotary, { dropout = keepAll }: NetworkOptions): Decoder {
  const { width, start } = t;
  const heads = c.n_head;
  const { words, ...answers } = tables(scope, t);
  return {
    decode(ids, pass) {
      const top = scope.at("transformer");
      const angles = anglesAt(rotary, pass);
      let x = dropout(pass.enter(o.gather(words(), ids)));
      for (let i = 0; i < c.n_layer; i++) {
        const block = top.at(`h.${i}`);
        const y = layerNorm(block.at("ln_1"), x, c.layer_norm_epsilon);
        const [q, k, v, out] = ["q_proj", "k_proj", "v_proj", "out_proj"].map((name) => block.at(`attn.${name}`));
        const turned = (at: Scope) => rotate(linear(at, y, width, start), heads, angles);
        const mixed = pass.self(i, turned(q!), turned(k!), linear(v!, y, width, start), {
          heads,
          scale: (width / heads) ** -0.5,
        });
        const wide = linear(block.at("mlp.fc_in"), y, c.n_inner ?? 4 * width, start, { bias: true });
        const hidden = activations[c.activation_function](wide);
        const fed = linear(block.at("mlp.fc_out"), hidden, width, start, { bias: true });
        x = o.add(o.add(dropout(linear(out!, mixed, width, start)), dropout(fed)), x);
      }
      return layerNorm(top.at("ln_f"), x, c.layer_norm_epsilon);
    },
    ...answers,
  };
}

export const gptj: Family = {
  title: "GPT-J",
  types: ["gptj"],
  read(json, stored) {
    const c = readConfig(schema, json, "GPT-J");
    refuseExperts(c);
    needHeads("n_embd", c.n_embd, c.n_head);
    const headWidth = c.n_embd / c.n_head;
    const fits = c.rotary_dim % 2 === 0 && c.rotary_dim <= headWidth;
    needConsistent(fits, `rotary_dim ${c.rotary_dim} and heads of ${headWidth} channels`);
    const rotary = { width: c.rotary_dim, theta: 10000, scaling: { kind: "default" }, pairs: "interleaved" } as const;
    const t = tablesOf(c, stored, { width: c.n_embd, words: "transformer.wte.weight", bias: true, tied: false });
    return {
      ...commonOf(c, t, { anchor: "transformer.ln_f.weight", prefixes: ["transformer."] }),
      type: "gptj",
      dropout: c.resid_pdrop,
      longest: c.n_positions,
      cache: { layers: c.n_layer, kvHeads: c.n_head, headWidth },
      network: (scope, options = {}) => network(scope, c, t, rotary, options),
    };
  },
};
