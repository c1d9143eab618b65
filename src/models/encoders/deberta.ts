/**
 * DeBERTa v2 and v3 (He et al. 2020, arXiv 2006.03654; 2021, arXiv 2111.09543): BERT's layers with disentangled
 * attention. The score of two tokens is the product of their contents, plus that of the query with the position of the
 * key, plus that of the key with the position of the query, where positions are distances in buckets.
 */
import { z } from "zod";
import { type Dim, mulDims } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { keepAll } from "../../nn/attend.ts";
import { linear } from "../../nn/linear.ts";
import { layerNorm } from "../../nn/norms.ts";
import type { Pass } from "../../nn/pass.ts";
import { byDistance } from "../../nn/relative.ts";
import { normal, type Scope } from "../../nn/scope.ts";
import { activation, epsilon, labelsOf, needConsistent, readConfig, refuse, size } from "../config.ts";
import type { Encoder, Family, NetworkOptions, Stored } from "../family.ts";
import { firstToken, outputMatrix, wordLogits } from "./heads.ts";
import { bertNames, denseFrom, type LayerNames, postNormLayers, sumOfEmbeddings, wordTable } from "./layers.ts";
import { bertSchema, checkBert, encoderArchitecture, type HeadWeights } from "./settings.ts";

/** There is a table of all distances. */
const mostDistances = 2 ** 16;
const distances = z.number().int().max(mostDistances).default(-1);

const words = (text: string) =>
  text
    .toLowerCase()
    .split("|")
    .map((word) => word.trim());

const schema = bertSchema.extend({
  vocab_size: size.default(128100),
  hidden_size: size.default(1536),
  embedding_size: size.nullish(),
  num_hidden_layers: bertSchema.shape.num_hidden_layers.unwrap().default(24),
  num_attention_heads: size.default(24),
  attention_head_size: size.nullish(),
  intermediate_size: size.default(6144),
  type_vocab_size: z
    .number()
    .int()
    .nonnegative()
    .max(2 ** 24)
    .default(0),
  layer_norm_eps: epsilon.default(1e-7),
  position_biased_input: z.boolean().default(true),
  relative_attention: z.boolean().default(false),
  max_relative_positions: distances,
  position_buckets: distances,
  pos_att_type: z.union([z.string().transform(words), z.array(z.string())]).nullish(),
  share_att_key: z.boolean().nullish(),
  norm_rel_ebd: z.string().nullish(),
  pooler_hidden_size: size.nullish(),
  pooler_hidden_act: activation.default("gelu"),
  conv_kernel_size: z.number().nullish(),
  legacy: z.boolean().default(true),
});

type Config = z.infer<typeof schema>;

/** Positions as attention has them. */
interface Distances {
  /** Rows of the table on either side of distance 0. */
  readonly span: number;
  /** Row of each distance, key minus query, −limit … limit. */
  readonly rows: readonly number[];
  /** The layers' own products make queries and keys of positions too. */
  readonly shared: boolean;
  /** Rows are normalised. */
  readonly normed: boolean;
}

/**
 * The row of each distance of a key from a query. Distances of up to half of the buckets have one each, further ones
 * share them on a logarithmic scale up to `furthest`; the reference computes it in float32.
 * @param buckets none where it is not positive: each distance has a row
 */
export function distanceRows(buckets: number, furthest: number): number[] {
  const span = buckets > 0 ? buckets : furthest;
  const middle = Math.floor(buckets / 2);
  const f = Math.fround;
  const bucketOf = (distance: number): number => {
    const size = Math.abs(distance);
    if (buckets <= 0 || size <= middle) return distance;
    const scaled = f(f(Math.log(f(size / middle))) / f(Math.log(f((furthest - 1) / middle))));
    return Math.sign(distance) * (Math.ceil(f(scaled * (middle - 1))) + middle);
  };
  return Array.from({ length: 2 * furthest + 1 }, (_, i) => {
    const queryMinusKey = furthest - i;
    return Math.min(Math.max(bucketOf(queryMinusKey) + span, 0), 2 * span - 1);
  });
}

/** x [rows, heads, length, k] by position vectors [1, heads, vectors, k], at the vectors [query, key] that count. */
function scoresAt(x: Tensor, positions: Tensor, vectors: Tensor, own: Tensor, scale: number): Tensor {
  const [batch, heads, length] = x.shape as [Dim, Dim, Dim];
  const width = positions.shape[2]!;
  const all = o.reshape(o.matmul(x, positions, { transB: true, alpha: scale }), [batch, heads, mulDims(length, width)]);
  return o.gather(all, o.add(o.mul(own, o.sizeValue(width, "int64")), vectors), 2);
}

const names: LayerNames = {
  ...bertNames,
  query: "attention.self.query_proj",
  key: "attention.self.key_proj",
  value: "attention.self.value_proj",
};

function network(
  scope: Scope,
  c: Config,
  distances: Distances | undefined,
  { dropout = keepAll, training }: NetworkOptions,
): Encoder {
  const width = c.hidden_size;
  const heads = c.num_attention_heads;
  const start = normal(c.initializer_range);
  const act = activations[c.hidden_act];
  const dense = denseFrom(start);
  const top = scope.at("deberta");
  const narrow = c.embedding_size ?? width;
  const words = { vocabulary: c.vocab_size, width: narrow, start, padding: c.pad_token_id, training };
  const types = c.pos_att_type ?? [];
  const byKey = types.includes("c2p");
  const byQuery = types.includes("p2c");
  const scale = ((width / heads) * (1 + Number(byKey) + Number(byQuery))) ** -0.5;
  const classes = (x: Tensor, count: number) => dense(scope.at("classifier"), dropout(x), count);
  const pooled = (hidden: Tensor) =>
    activations[c.pooler_hidden_act](dense(scope.at("pooler.dense"), firstToken(hidden), width));

  /**
   * The vectors of the distances that there are in these rows, [1, vectors, width], and which of them each pair of
   * tokens takes, [query, key]. A short text has few distances, and the products of their vectors are most of its work.
   */
  function positionVectors({ span, normed, rows }: Distances, pass: Pass) {
    const encoder = top.at("encoder");
    const table = encoder.param("rel_embeddings.weight", [2 * span, width], start);
    const all = normed ? layerNorm(encoder.at("LayerNorm"), table, c.layer_norm_eps) : table;
    const each = byDistance(rows, pass);
    const [first, last] = [o.min(each, [0, 1]), o.max(each, [0, 1])];
    const index = o.iota(2 * span);
    const count = "distance_vectors";
    const there = o.nonZero(o.and(o.greaterOrEqual(index, first), o.lessOrEqual(index, last)), count);
    const picked = dropout(o.gather(all, o.reshape(there, [count])));
    return { vectors: o.reshape(picked, [1, count, width]), which: o.sub(each, first) };
  }

  return {
    encode(ids, kinds, pass) {
      const at = top.at("embeddings");
      const sum = sumOfEmbeddings(at, ids, pass, {
        ...words,
        ...(c.type_vocab_size > 0 && { types: { count: c.type_vocab_size, ids: kinds } }),
        ...(c.position_biased_input && { positions: { count: c.max_position_embeddings, ids: pass.positions } }),
      });
      const wide = narrow === width ? sum : linear(at.at("embed_proj"), sum, width, start);
      const x = dropout(layerNorm(at.at("LayerNorm"), wide, c.layer_norm_eps));
      const positions = distances && (byKey || byQuery) ? positionVectors(distances, pass) : undefined;
      const [queries, keys] = [pass.queries.shape[0]!, pass.keys.shape[0]!];
      const ofQuery = o.reshape(o.iota(queries), [queries, 1]);
      const ofKey = o.reshape(o.iota(keys), [1, keys]);

      const bias = (block: Scope, q: Tensor, k: Tensor): Tensor | undefined => {
        if (!distances || !positions) return undefined;
        const { vectors, which } = positions;
        const self = block.at("attention.self");
        const project = (shared: string, own: string) =>
          o.splitHeads(dense(self.at(distances.shared ? shared : own), vectors, width), heads);
        const parts = [
          ...(byKey
            ? [scoresAt(o.splitHeads(q, heads), project("key_proj", "pos_key_proj"), which, ofQuery, scale)]
            : []),
          ...(byQuery
            ? [scoresAt(o.splitHeads(k, heads), project("query_proj", "pos_query_proj"), which, ofKey, scale)]
            : []),
        ];
        return parts.reduce((a, b) => o.add(a, b));
      };
      return postNormLayers(top.at("encoder"), c.num_hidden_layers, x, pass, {
        names,
        heads,
        scale,
        feedForward: c.intermediate_size,
        epsilon: c.layer_norm_eps,
        act,
        dense,
        dropout,
        bias,
      });
    },
    heads: {
      masked(hidden) {
        const [at, transform, norm] = c.legacy
          ? [scope.at("cls.predictions"), "transform.dense", "transform.LayerNorm"]
          : [scope.at("lm_predictions.lm_head"), "dense", "LayerNorm"];
        const table = wordTable(top.at("embeddings"), words);
        return wordLogits(hidden, {
          transform: at.at(transform),
          norm: at.at(norm),
          dense,
          act,
          epsilon: c.layer_norm_eps,
          words: c.legacy ? outputMatrix(c.tie_word_embeddings, table, at.at("decoder"), start) : table,
          bias: [at, "bias"],
        });
      },
      sequence: (hidden) => classes(pooled(hidden), labelsOf(c).length),
      tokens: (hidden) => classes(hidden, labelsOf(c).length),
      span: (hidden) => dense(scope.at("qa_outputs"), hidden, 2),
      choice: (hidden) => classes(pooled(hidden), 1),
    },
  };
}

/** @throws corrupt_file for buckets that do not fit the distances */
function distancesOf(c: Config, stored: Stored | undefined): Distances | undefined {
  if (!c.relative_attention) return undefined;
  const furthest = c.max_relative_positions < 1 ? c.max_position_embeddings : c.max_relative_positions;
  needConsistent(furthest <= mostDistances, `max_relative_positions ${furthest} and a table of all distances`);
  const buckets = c.position_buckets;
  const middle = Math.floor(buckets / 2);
  needConsistent(
    buckets <= 0 || (middle >= 1 && furthest - 1 > middle),
    `position_buckets ${buckets} and max_relative_positions ${furthest}`,
  );
  // A released config.json may leave it out: the names of the tensors tell.
  const own = ["pos_key_proj", "pos_query_proj"].some((name) =>
    stored?.has(`deberta.encoder.layer.0.attention.self.${name}.weight`),
  );
  return {
    span: buckets > 0 ? buckets : furthest,
    rows: distanceRows(buckets, furthest),
    shared: c.share_att_key ?? (stored !== undefined && !own),
    normed: words(c.norm_rel_ebd ?? "none").includes("layer_norm"),
  };
}

const headWeights = (legacy: boolean): HeadWeights => ({
  masked: legacy ? "cls.predictions.transform.dense.weight" : "lm_predictions.lm_head.dense.weight",
  sequence: "classifier.weight",
  tokens: "classifier.weight",
  span: "qa_outputs.weight",
  choice: "classifier.weight",
});

export const deberta: Family = {
  title: "DeBERTa",
  types: ["deberta-v2"],
  read(json, stored) {
    const c = readConfig(schema, json, "DeBERTa");
    checkBert(c);
    refuse((c.conv_kernel_size ?? 0) > 0, `conv_kernel_size ${c.conv_kernel_size}`);
    const unknown = (c.pos_att_type ?? []).find((type) => !["c2p", "p2c"].includes(type));
    refuse(unknown !== undefined, `pos_att_type ${JSON.stringify(unknown)}`);
    const size = c.hidden_size / c.num_attention_heads;
    for (const [name, given, wanted] of [
      ["attention_head_size", c.attention_head_size, size],
      ["pooler_hidden_size", c.pooler_hidden_size, c.hidden_size],
    ] as const) {
      refuse((given ?? wanted) !== wanted, `${name} ${given} beside hidden_size ${c.hidden_size}`);
    }
    const distances = distancesOf(c, stored);
    const table = "deberta.embeddings.word_embeddings.weight";
    return encoderArchitecture({
      type: "deberta-v2",
      c,
      vocabulary: c.vocab_size,
      width: c.hidden_size,
      longest: c.position_biased_input ? c.max_position_embeddings : undefined,
      dropout: c.hidden_dropout_prob,
      names: {
        anchor: table,
        aliases: {
          "cls.predictions.bias": ["cls.predictions.decoder.bias"],
          ...(c.tie_word_embeddings && { [table]: ["cls.predictions.decoder.weight"] }),
        },
        prefixes: ["deberta."],
      },
      headWeights: headWeights(c.legacy),
      stored,
      network: (scope, options = {}) => network(scope, c, distances, options),
    });
  },
};
