/**
 * What Llama and its relatives share: norms before each part of a layer, rotary positions, heads of keys and values
 * shared by groups of queries, gated feed-forward layers. A family says which of the parts below it has.
 */
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { type Activation, activations } from "../../nn/activations.ts";
import { type Dropout, keepAll } from "../../nn/attend.ts";
import { linear, wordVectors } from "../../nn/linear.ts";
import { headNorm, rmsNorm, shiftedRmsNorm } from "../../nn/norms.ts";
import type { Pass } from "../../nn/pass.ts";
import { longestWith, steadyUpTo } from "../../nn/rope-scaling.ts";
import { type Angles, anglesAt, type Rotary, rotate } from "../../nn/rotary.ts";
import type { Scope } from "../../nn/scope.ts";
import type { Decoder, DecoderArchitecture, Names, NetworkOptions } from "../family.ts";
import { commonOf, type DecoderConfig, type Tables, tables } from "./settings.ts";

/** What a layer has of its own. */
export interface Layer {
  readonly rotary: Rotary;
  /** A token sees so many, itself included; all before it without. */
  readonly window?: number | undefined;
}

export interface Gated {
  readonly tables: Tables;
  readonly layers: readonly Layer[];
  readonly feedForward: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headWidth: number;
  readonly activation: Activation;
  readonly epsilon: number;
  /** Which products have biases. */
  readonly biases: { readonly qkv: boolean; readonly output: boolean; readonly mlp: boolean };
  /** Of the scores; one over the root of the head's width by default. */
  readonly scale?: number;
  /** Each head's queries and keys are normalised before they turn. */
  readonly headNorms?: boolean;
  /** Norms multiply by 1 + w. */
  readonly shifted?: boolean;
  /** What attention and the feed-forward layer give is normalised before it is added. */
  readonly normsAfter?: boolean;
  /** One matrix makes queries, keys and values, another gate and up. */
  readonly fused?: boolean;
  /** Words are multiplied by this. */
  readonly wordScale?: number;
  /** Logits z become c · tanh(z / c). */
  readonly softCap?: number | undefined;
}

function attention(block: Scope, i: number, x: Tensor, angles: Angles, pass: Pass, g: Gated): Tensor {
  const { heads, kvHeads, headWidth, scale = headWidth ** -0.5 } = g;
  const { window } = g.layers[i]!;
  const self = block.at("self_attn");
  const project = (name: string, out: number) => linear(self.at(name), x, out, g.tables.start, { bias: g.biases.qkv });
  const widths = [heads * headWidth, kvHeads * headWidth, kvHeads * headWidth] as const;
  const [q, k, v] = (
    g.fused
      ? o.split(project("qkv_proj", widths[0] + widths[1] + widths[2]), -1, [...widths])
      : ["q_proj", "k_proj", "v_proj"].map((name, at) => project(name, widths[at]!))
  ) as [Tensor, Tensor, Tensor];
  const normed = (name: string, y: Tensor, count: number) =>
    g.headNorms ? headNorm(self.at(name), y, count, g.epsilon, g.shifted) : y;
  const turned = (name: string, y: Tensor, count: number) => rotate(normed(name, y, count), count, angles);
  const mixed = pass.self(i, turned("q_norm", q, heads), turned("k_norm", k, kvHeads), v, {
    heads,
    kvHeads,
    scale,
    window,
  });
  return linear(self.at("o_proj"), mixed, g.tables.width, g.tables.start, { bias: g.biases.output });
}

/** down(act(gate(x)) · up(x)) (Shazeer 2020, arXiv 2002.05202). */
function feedForward(block: Scope, x: Tensor, g: Gated): Tensor {
  const mlp = block.at("mlp");
  const layer = (name: string, y: Tensor, out: number) =>
    linear(mlp.at(name), y, out, g.tables.start, { bias: g.biases.mlp });
  const [gate, up] = (
    g.fused
      ? o.split(layer("gate_up_proj", x, 2 * g.feedForward), -1, [g.feedForward, g.feedForward])
      : ["gate_proj", "up_proj"].map((name) => layer(name, x, g.feedForward))
  ) as [Tensor, Tensor];
  return layer("down_proj", o.mul(activations[g.activation](gate), up), g.tables.width);
}

function decode(scope: Scope, ids: Tensor, pass: Pass, g: Gated, options: Options): Tensor {
  const { dropout, training, padding } = options;
  const top = scope.at("model");
  const made = new Map<Rotary, Angles>();
  const anglesOf = (rotary: Rotary) => {
    if (!made.has(rotary)) made.set(rotary, anglesAt(rotary, pass));
    return made.get(rotary)!;
  };
  const norm = (at: Scope, y: Tensor) => (g.shifted ? shiftedRmsNorm : rmsNorm)(at, y, g.epsilon);
  const words = wordVectors(tables(scope, g.tables).words(), ids, { padding, training });
  let x = dropout(pass.enter(g.wordScale === undefined ? words : o.mul(words, g.wordScale)));
  g.layers.forEach(({ rotary }, i) => {
    const block = top.at(`layers.${i}`);
    const normed = (name: string, y: Tensor) => norm(block.at(name), y);
    const attended = attention(block, i, normed("input_layernorm", x), anglesOf(rotary), pass, g);
    x = o.add(x, dropout(g.normsAfter ? normed("post_attention_layernorm", attended) : attended));
    const before = g.normsAfter ? "pre_feedforward_layernorm" : "post_attention_layernorm";
    const fed = feedForward(block, normed(before, x), g);
    x = o.add(x, dropout(g.normsAfter ? normed("post_feedforward_layernorm", fed) : fed));
  });
  return norm(top.at("norm"), x);
}

interface Options {
  readonly dropout: Dropout;
  readonly training: boolean | undefined;
  readonly padding: number | undefined;
}

function network(scope: Scope, c: DecoderConfig, g: Gated, { dropout = keepAll, training }: NetworkOptions): Decoder {
  const { logits, classify } = tables(scope, g.tables);
  const { softCap } = g;
  return {
    decode: (ids, pass) => decode(scope, ids, pass, g, { dropout, training, padding: c.pad_token_id }),
    logits(hidden) {
      const plain = logits(hidden);
      return softCap === undefined ? plain : o.mul(o.tanh(o.div(plain, softCap)), softCap);
    },
    ...(classify && { classify }),
  };
}

/** The longest text with which every layer's frequencies stay as they are. */
const steadyOf = (layers: readonly Layer[]): number | undefined => {
  const lengths = layers.flatMap(({ rotary }) => steadyUpTo(rotary.scaling) ?? []);
  return lengths.length > 0 ? Math.min(...lengths) : undefined;
};

interface GatedOptions extends Partial<Names> {
  /** `max_position_embeddings`. */
  readonly positions: number;
  readonly warnings?: readonly string[];
}

/** The architecture of a relative of Llama. */
export function gatedArchitecture(
  type: string,
  c: DecoderConfig,
  g: Gated,
  { positions, warnings, ...names }: GatedOptions,
): DecoderArchitecture {
  return {
    ...commonOf(c, g.tables, { anchor: "model.norm.weight", prefixes: ["model."], ...names }, warnings),
    type,
    dropout: 0,
    steadyUpTo: steadyOf(g.layers),
    longest: longestWith(
      positions,
      g.layers.map(({ rotary }) => rotary.scaling),
    ),
    cache: { layers: g.layers.length, kvHeads: g.kvHeads, headWidth: g.headWidth },
    network: (scope, options = {}) => network(scope, c, g, options),
  };
}
