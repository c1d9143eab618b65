/**
 * The tensors of a shape. Of T5 and Switch Transformers they are those that the model's own graph asks for, so that the
 * count is exact by construction; of families that are not run here they are written down as tables.
 */

import { parseT5Config } from "../models/encoder-decoders/t5/config.ts";
import { t5Architecture } from "../models/encoder-decoders/t5/family.ts";
import { familyOf } from "../models/families.ts";
import { wholeGraph } from "../models/kinds/whole.ts";
import type { Weights } from "../weights/weights.ts";
import { networkTensors } from "./network.ts";
import { type BartShape, imageTokens, type Shape, type T5Shape, type WrittenShape } from "./shapes.ts";
import { type Part, parts, type TensorGroup, type Use } from "./tensor-groups.ts";

export const elementsOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

function t5Config({ experts, ...shape }: T5Shape) {
  return parseT5Config({
    model_type: experts ? "switch_transformers" : shape.everyLayer ? "umt5" : "t5",
    d_model: shape.width,
    d_kv: shape.headSize,
    d_ff: shape.feedForward,
    num_heads: shape.heads,
    num_layers: shape.encoderLayers,
    num_decoder_layers: shape.decoderLayers,
    vocab_size: shape.vocabulary,
    feed_forward_proj: shape.gated ? "gated-gelu" : "relu",
    dense_act_fn: shape.gated ? "gated-gelu" : "relu",
    relative_attention_num_buckets: shape.buckets,
    tie_word_embeddings: shape.tied,
    // A graph of one expert a layer; the others are like it.
    ...(experts && {
      num_experts: 1,
      num_sparse_encoder_layers: experts.sparseEncoder,
      num_sparse_decoder_layers: experts.sparseDecoder,
      router_bias: experts.bias,
    }),
  });
}

function t5Role(name: string, tied: boolean): Pick<TensorGroup, "part" | "use"> {
  if (name === "shared.weight") return tied ? { part: "head", use: "tied" } : { part: "embedding", use: "lookup" };
  if (name === "lm_head.weight") return { part: "head", use: "product" };
  const part = /EncDecAttention\.[kv]\./.test(name) ? "memory" : name.startsWith("encoder.") ? "encoder" : "decoder";
  if (name.includes("router.")) return { part, use: "router" };
  return { part, use: /layer_norm|relative_attention_bias/.test(name) ? "other" : "product" };
}

function t5Tensors(shape: T5Shape): TensorGroup[] {
  const groups = new Map<string, TensorGroup>();
  const count = shape.experts?.count ?? 1;
  for (const {
    name,
    shape: [first = 1, ...rest],
  } of wholeGraph(t5Architecture(t5Config(shape))).parameters.map(({ name, outputs: [tensor] }) => ({
    name,
    shape: tensor!.shape as number[],
  }))) {
    const role = t5Role(name, shape.tied);
    const expert = name.includes(".expert_0.");
    const sizes = [role.use === "router" ? first * count : first, ...rest];
    const alike = name.replace(/block\.\d+/, "block.*").replace("expert_0", "expert_*");
    const before = groups.get(alike)?.times ?? 0;
    const times = before + (expert ? count : 1);
    groups.set(alike, { name: alike, shape: sizes, times, ...role, ...(expert && { experts: count }) });
  }
  return [...groups.values()];
}

/** A BART's, from the network of its family. */
const bartTensors = (shape: BartShape): readonly TensorGroup[] => {
  const { width, heads, feedForward, encoderLayers, decoderLayers, vocabulary, positions, type } = shape;
  const json = {
    ...{ model_type: type, d_model: width, vocab_size: vocabulary, max_position_embeddings: positions },
    ...{ encoder_layers: encoderLayers, encoder_attention_heads: heads, encoder_ffn_dim: feedForward },
    ...{ decoder_layers: decoderLayers, decoder_attention_heads: heads, decoder_ffn_dim: feedForward },
  };
  return networkTensors(familyOf(json, type).read(json));
};

type Row = readonly [name: string, shape: readonly number[], part: Part, use: Use, times?: number];
const groupsOf = (rows: readonly Row[]): TensorGroup[] =>
  rows.map(([name, shape, part, use, times = 1]) => ({ name, shape, times, part, use }));

/** Rows of one layer, for all of them. */
const each = (layers: number, rows: readonly Row[]): Row[] =>
  rows.map(([name, shape, part, use]) => [name, shape, part, use, layers]);

/** A product with its bias. */
const affine = (name: string, out: number, width: number, part: Part): Row[] => [
  [`${name}.weight`, [out, width], part, "product"],
  [`${name}.bias`, [out], part, "other"],
];
const norm = (name: string, width: number, part: Part): Row[] => [
  [`${name}.weight`, [width], part, "other"],
  [`${name}.bias`, [width], part, "other"],
];

/** Bidirectional layers as BERT and ViT name them. */
function encoderLayers({
  layers,
  width: d,
  feedForward: f,
  heads,
  headSize,
}: Pick<Extract<Shape, { layers: number }>, "layers" | "width" | "feedForward" | "heads" | "headSize">): Row[] {
  const a = heads * headSize;
  const at = "encoder.layer.*";
  return each(layers, [
    ...["query", "key", "value"].flatMap((name) => affine(`${at}.attention.${name}`, a, d, "encoder")),
    ...affine(`${at}.attention.output`, d, a, "encoder"),
    ...affine(`${at}.intermediate`, f, d, "encoder"),
    ...affine(`${at}.output`, d, f, "encoder"),
    ...norm(`${at}.norm_1`, d, "encoder"),
    ...norm(`${at}.norm_2`, d, "encoder"),
  ]);
}

function tableOf(shape: Exclude<WrittenShape, T5Shape | BartShape>): Row[] {
  const { width: d, feedForward: f, heads, headSize, layers } = shape;
  const a = heads * headSize;
  switch (shape.family) {
    case "gpt":
      return [
        ["wte.weight", [shape.vocabulary, d], "head", "tied"],
        ["wpe.weight", [shape.positions, d], "embedding", "lookup"],
        ...each(layers, [
          ...norm("h.*.ln_1", d, "decoder"),
          ...affine("h.*.attn.c_attn", 3 * a, d, "decoder"),
          ...affine("h.*.attn.c_proj", d, a, "decoder"),
          ...norm("h.*.ln_2", d, "decoder"),
          ...affine("h.*.mlp.c_fc", f, d, "decoder"),
          ...affine("h.*.mlp.c_proj", d, f, "decoder"),
        ]),
        ...norm("ln_f", d, "decoder"),
      ];
    case "llama": {
      const keys = shape.keyHeads * headSize;
      return [
        [
          "embed_tokens.weight",
          [shape.vocabulary, d],
          shape.tied ? "head" : "embedding",
          shape.tied ? "tied" : "lookup",
        ],
        ...each(layers, [
          ["layers.*.self_attn.q_proj.weight", [a, d], "decoder", "product"],
          ["layers.*.self_attn.k_proj.weight", [keys, d], "decoder", "product"],
          ["layers.*.self_attn.v_proj.weight", [keys, d], "decoder", "product"],
          ["layers.*.self_attn.o_proj.weight", [d, a], "decoder", "product"],
          ["layers.*.mlp.gate_proj.weight", [f, d], "decoder", "product"],
          ["layers.*.mlp.up_proj.weight", [f, d], "decoder", "product"],
          ["layers.*.mlp.down_proj.weight", [d, f], "decoder", "product"],
          ["layers.*.input_layernorm.weight", [d], "decoder", "other"],
          ["layers.*.post_attention_layernorm.weight", [d], "decoder", "other"],
        ]),
        ["norm.weight", [d], "decoder", "other"],
        ...(shape.tied ? [] : [["lm_head.weight", [shape.vocabulary, d], "head", "product"] as const]),
      ];
    }
    case "lamda":
      return each(layers, [
        ...["q", "k", "v"].map((name): Row => [`layers.*.${name}.weight`, [a, d], "decoder", "product"]),
        ["layers.*.o.weight", [d, a], "decoder", "product"],
        ["layers.*.wi_0.weight", [f, d], "decoder", "product"],
        ["layers.*.wi_1.weight", [f, d], "decoder", "product"],
        ["layers.*.wo.weight", [d, f], "decoder", "product"],
      ]);
    case "bert":
      return [
        ["embeddings.word.weight", [shape.vocabulary, d], "embedding", "lookup"],
        ["embeddings.position.weight", [shape.positions, d], "embedding", "lookup"],
        ["embeddings.type.weight", [shape.types, d], "embedding", "lookup"],
        ...norm("embeddings.norm", d, "embedding"),
        ...encoderLayers(shape),
        ...affine("pooler", d, d, "head"),
      ];
    case "vit":
      return [
        ...affine("embeddings.patch", d, 3 * shape.patch ** 2, "encoder"),
        ...(shape.classToken ? [["embeddings.cls_token", [d], "embedding", "other"] as const] : []),
        ["embeddings.position", [imageTokens(shape), d], "embedding", "other"],
        ...encoderLayers(shape),
        ...norm("norm", d, "encoder"),
        ...(shape.classes > 0 ? affine("classifier", shape.classes, d, "head") : []),
      ];
  }
}

/** Graphs are not built twice for one shape. */
const built = new WeakMap<T5Shape | BartShape, readonly TensorGroup[]>();

/** Every tensor of a model of this shape. */
export function tensorsOf(shape: Shape): readonly TensorGroup[] {
  if (shape.family === "network") return shape.tensors;
  if (shape.family !== "t5" && shape.family !== "bart") return groupsOf(tableOf(shape));
  const tensors = built.get(shape) ?? (shape.family === "t5" ? t5Tensors(shape) : bartTensors(shape));
  built.set(shape, tensors);
  return tensors;
}

/** Tensors that a file holds, of a family that is not known: they can be counted, not placed. */
export const tensorsOfFile = (weights: Weights): readonly TensorGroup[] =>
  [...weights].map(([name, { shape }]) => ({
    name,
    shape,
    times: 1,
    part: "decoder",
    use: shape.length === 2 ? "product" : "other",
  }));

export interface Counts {
  readonly total: number;
  readonly active: number;
  readonly parts: Readonly<Record<Part, { readonly total: number; readonly active: number }>>;
}

export function count(tensors: readonly TensorGroup[]): Counts {
  const byPart = Object.fromEntries(parts.map((part) => [part, { total: 0, active: 0 }])) as Record<
    Part,
    { total: number; active: number }
  >;
  for (const { shape, times, part, experts = 1 } of tensors) {
    byPart[part].total += elementsOf(shape) * times;
    byPart[part].active += (elementsOf(shape) * times) / experts;
  }
  const sum = (which: "total" | "active") => parts.reduce((all, part) => all + byPart[part][which], 0);
  return { total: sum("total"), active: sum("active"), parts: byPart };
}
