/**
 * ModernBERT (Warner et al. 2024, arXiv 2412.13663): pre-norm layers, rotary positions, gated feed-forward networks,
 * and attention that reaches everywhere in some layers and only to near tokens in the others.
 */
import { z } from "zod";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { keepAll } from "../../nn/attend.ts";
import { linear, wordVectors } from "../../nn/linear.ts";
import { biasOf } from "../../nn/masks.ts";
import { layerNorm } from "../../nn/norms.ts";
import type { Pass } from "../../nn/pass.ts";
import { within } from "../../nn/relative.ts";
import { anglesAt, type Rotary, rotate } from "../../nn/rotary.ts";
import { type Initial, type Scope, truncatedNormal, zerosInit } from "../../nn/scope.ts";
import {
  activation,
  deviation,
  epsilon,
  labelsOf,
  layers,
  needConsistent,
  needHeads,
  padding,
  rate,
  readConfig,
  refuse,
  rotaryOf,
  rotarySchema,
  size,
} from "../config.ts";
import type { Encoder, Family, NetworkOptions } from "../family.ts";
import { firstToken, meanToken, outputMatrix } from "./heads.ts";
import { encoderArchitecture, type HeadWeights, taskSchema } from "./settings.ts";

const reaches = ["full_attention", "sliding_attention"] as const;
type Reach = (typeof reaches)[number];

const { rope_parameters: rope, rope_scaling } = rotarySchema.shape;
const theta = rotarySchema.shape.rope_theta;

const schema = taskSchema.extend({
  vocab_size: size.default(50368),
  hidden_size: size.default(768),
  intermediate_size: size.default(1152),
  num_hidden_layers: layers.default(22),
  num_attention_heads: size.default(12),
  hidden_activation: activation.default("gelu"),
  max_position_embeddings: size.default(8192),
  initializer_range: deviation.default(0.02),
  initializer_cutoff_factor: z.number().min(0.1).max(1e6).nullish(),
  norm_eps: epsilon.default(1e-5),
  norm_bias: z.boolean().default(false),
  pad_token_id: padding.default(50283),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  mlp_dropout: rate.default(0),
  decoder_bias: z.boolean().default(true),
  classifier_bias: z.boolean().default(false),
  classifier_activation: activation.default("gelu"),
  classifier_pooling: z.enum(["cls", "mean"]).default("cls"),
  local_attention: size.default(128),
  // Two spellings: of transformers 5, and before.
  layer_types: z.array(z.enum(reaches)).nullish(),
  rope_parameters: z.object({ full_attention: rope, sliding_attention: rope }).nullish(),
  global_attn_every_n_layers: size.default(3),
  global_rope_theta: theta.default(160000),
  local_rope_theta: theta.default(10000),
  rope_scaling,
});

type Config = z.infer<typeof schema>;

/** The rotary positions of layers of one reach. */
function rotaryFor(c: Config, reach: Reach): Rotary {
  // Before transformers 5, a missing base of the local layers was that of the global ones.
  const global = c.global_rope_theta ?? 160000;
  const theta = reach === "full_attention" ? global : (c.local_rope_theta ?? global);
  const width = c.hidden_size / c.num_attention_heads;
  const { max_position_embeddings } = c;
  const given = c.rope_parameters?.[reach] ?? c.rope_scaling;
  const settings = rotaryOf(
    { rope_parameters: given, max_position_embeddings } as Parameters<typeof rotaryOf>[0],
    theta,
  );
  needConsistent(width % 2 === 0, `heads of ${width} channels and rotary pairs`);
  const { kind } = settings.scaling;
  refuse(kind === "dynamic" || kind === "longrope", `rope_type ${JSON.stringify(kind)} of ModernBERT`);
  return { width, theta: settings.theta, scaling: settings.scaling, pairs: "half" };
}

function network(
  scope: Scope,
  c: Config,
  kinds: readonly Reach[],
  rotaries: Readonly<Record<Reach, Rotary>>,
  { dropout = keepAll, training }: NetworkOptions,
): Encoder {
  const width = c.hidden_size;
  const heads = c.num_attention_heads;
  const inner = c.intermediate_size;
  const cut = c.initializer_cutoff_factor ?? 2;
  const drawn = (std: number): Initial => truncatedNormal(std, { low: -cut * std, high: cut * std });
  const start = drawn(c.initializer_range);
  const outwards = drawn(c.initializer_range / Math.sqrt(2 * c.num_hidden_layers));
  const norm = (at: Scope, x: Tensor) => layerNorm(at, x, c.norm_eps, { bias: c.norm_bias });
  const words = () => scope.param("model.embeddings.tok_embeddings.weight", [c.vocab_size, width], start);
  const classes = (x: Tensor, count: number) =>
    linear(scope.at("classifier"), dropout(x), count, drawn(width ** -0.5), { bias: true });
  const pooled = (hidden: Tensor, mask?: Tensor) =>
    c.classifier_pooling === "mean" ? meanToken(hidden, mask) : firstToken(hidden);
  /** What stands before the classifier of every task. */
  const prepared = (x: Tensor) => {
    const inner = linear(scope.at("head.dense"), x, width, outwards, { bias: c.classifier_bias });
    return norm(scope.at("head.norm"), activations[c.classifier_activation](inner));
  };

  /** What the tokens of a pass share in all layers of a kind. */
  const shared = (pass: Pass) => {
    const angles = {
      full_attention: anglesAt(rotaries.full_attention, pass),
      sliding_attention: anglesAt(rotaries.sliding_attention, pass),
    };
    const [q, k] = [pass.queries.shape[0]!, pass.keys.shape[0]!];
    const near = o.reshape(biasOf(within(Math.floor(c.local_attention / 2), pass)), [1, 1, q, k]);
    return { angles, biases: { full_attention: undefined, sliding_attention: near } };
  };

  return {
    encode(ids, _, pass) {
      const top = scope.at("model");
      const { angles, biases } = shared(pass);
      const entered = pass.enter(wordVectors(words(), ids, { padding: c.pad_token_id, training }));
      let x = dropout(norm(top.at("embeddings.norm"), entered));
      kinds.forEach((reach, i) => {
        const block = top.at(`layers.${i}`);
        // The first layer takes the embeddings, whose norm is their own.
        const normed = i === 0 ? x : norm(block.at("attn_norm"), x);
        const attention = { bias: c.attention_bias };
        const all = linear(block.at("attn.Wqkv"), normed, 3 * width, start, attention);
        const [q, k, v] = o.split(all, -1, [width, width, width]) as [Tensor, Tensor, Tensor];
        const turn = (y: Tensor) => rotate(y, heads, angles[reach]);
        const scale = (width / heads) ** -0.5;
        const mixed = pass.self(i, turn(q), turn(k), v, { heads, scale, bias: biases[reach] });
        x = o.add(x, linear(block.at("attn.Wo"), mixed, width, outwards, attention));
        const wide = linear(block.at("mlp.Wi"), norm(block.at("mlp_norm"), x), 2 * inner, start, { bias: c.mlp_bias });
        const [value, gate] = o.split(wide, -1, [inner, inner]) as [Tensor, Tensor];
        const gated = dropout(o.mul(activations[c.hidden_activation](value), gate));
        x = o.add(x, linear(block.at("mlp.Wo"), gated, width, outwards, { bias: c.mlp_bias }));
      });
      return norm(top.at("final_norm"), x);
    },
    heads: {
      masked(hidden) {
        const output = outputMatrix(c.tie_word_embeddings, words(), scope.at("decoder"), outwards);
        const logits = o.matmul(prepared(hidden), output, { transB: true });
        return c.decoder_bias ? o.add(logits, scope.param("decoder.bias", [c.vocab_size], zerosInit)) : logits;
      },
      sequence: (hidden, { mask }) => classes(prepared(pooled(hidden, mask)), labelsOf(c).length),
      tokens: (hidden) => classes(prepared(hidden), labelsOf(c).length),
      span: (hidden) => classes(prepared(hidden), 2),
      choice: (hidden, { mask }) => classes(prepared(pooled(hidden, mask)), 1),
    },
  };
}

const headWeights: HeadWeights = {
  masked: "head.dense.weight",
  sequence: "classifier.weight",
  tokens: "classifier.weight",
  span: "classifier.weight",
  choice: "classifier.weight",
};

export const modernbert: Family = {
  title: "ModernBERT",
  types: ["modernbert"],
  read(json, stored) {
    const c = readConfig(schema, json, "ModernBERT");
    needHeads("hidden_size", c.hidden_size, c.num_attention_heads);
    const every = c.global_attn_every_n_layers;
    const kinds =
      c.layer_types ??
      Array.from(
        { length: c.num_hidden_layers },
        (_, i): Reach => (i % every === 0 ? "full_attention" : "sliding_attention"),
      );
    needConsistent(
      kinds.length === c.num_hidden_layers,
      `${kinds.length} layer_types and ${c.num_hidden_layers} layers`,
    );
    const rotaries = {
      full_attention: rotaryFor(c, "full_attention"),
      sliding_attention: rotaryFor(c, "sliding_attention"),
    };
    const words = "model.embeddings.tok_embeddings.weight";
    return encoderArchitecture({
      type: "modernbert",
      c,
      vocabulary: c.vocab_size,
      width: c.hidden_size,
      dropout: c.mlp_dropout,
      names: {
        anchor: words,
        aliases: c.tie_word_embeddings ? { [words]: ["decoder.weight"] } : {},
        prefixes: ["model."],
      },
      headWeights,
      stored,
      network: (scope, options = {}) => network(scope, c, kinds, rotaries, options),
    });
  },
};
