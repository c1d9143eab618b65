/**
 * RoBERTa (Liu et al. 2019, arXiv 1907.11692), XLM-RoBERTa (Conneau et al. 2019, arXiv 1911.02116) and CamemBERT
 * (Martin et al. 2019, arXiv 1911.03894): BERT's layers, positions that leave padding out, and other heads.
 */
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { keepAll } from "../../nn/attend.ts";
import { layerNorm } from "../../nn/norms.ts";
import type { Pass } from "../../nn/pass.ts";
import { normal, type Scope } from "../../nn/scope.ts";
import { labelsOf, needConsistent, padding, readConfig, size } from "../config.ts";
import type { Encoder, EncoderArchitecture, Family, NetworkOptions, Stored } from "../family.ts";
import { firstToken, outputMatrix, projectedClasses, wordLogits } from "./heads.ts";
import { bertNames, denseFrom, type LayerNames, postNormLayers, sumOfEmbeddings, wordTable } from "./layers.ts";
import { type BertConfig, bertSchema, checkBert, encoderArchitecture, type HeadWeights } from "./settings.ts";

/** What RoBERTa's relatives do their own way. */
export interface Relative {
  /** `model_type`, and what stands before the names of its tensors. */
  readonly type: string;
  readonly prefix: string;
  /** Row of the table of positions that is for padding, and token of padding; positions count on from it. */
  readonly padding: number;
  /** There are kinds of texts. */
  readonly typed: boolean;
  readonly names: LayerNames;
  /** Added to the scores of all layers. */
  readonly bias?: (encoder: Scope, pass: Pass) => Tensor;
}

/**
 * Rows of a table of positions whose row `pad` is for padding: the others count on from there, and tokens of padding
 * are not counted. ids [rows, length] to int64 of the same shape.
 */
function positionsPastPadding(ids: Tensor, { positions }: Pass, pad: number): Tensor {
  const isPad = o.equal(ids, pad);
  const passed = o.cumsum(o.cast(isPad, "int64"), 1);
  return o.where(isPad, pad, o.add(o.sub(positions, passed), pad + 1));
}

function network(
  scope: Scope,
  c: BertConfig,
  relative: Relative,
  hasPooler: boolean,
  { dropout = keepAll, training }: NetworkOptions,
): Encoder {
  const { padding, typed, names, bias } = relative;
  const width = c.hidden_size;
  const start = normal(c.initializer_range);
  const dense = denseFrom(start);
  const top = scope.at(relative.prefix);
  const words = { vocabulary: c.vocab_size, width, start, padding, training };
  const classifier = scope.at("classifier");
  const pooled = (hidden: Tensor) => o.tanh(dense(top.at("pooler.dense"), firstToken(hidden), width));

  return {
    encode(ids, types, pass) {
      const at = top.at("embeddings");
      const sum = sumOfEmbeddings(at, ids, pass, {
        ...words,
        ...(typed && { types: { count: c.type_vocab_size, ids: types } }),
        positions: { count: c.max_position_embeddings, ids: positionsPastPadding(ids, pass, padding) },
      });
      const x = dropout(layerNorm(at.at("LayerNorm"), sum, c.layer_norm_eps));
      const added = bias?.(top.at("encoder"), pass);
      return postNormLayers(top.at("encoder"), c.num_hidden_layers, x, pass, {
        names,
        heads: c.num_attention_heads,
        feedForward: c.intermediate_size,
        epsilon: c.layer_norm_eps,
        act: activations[c.hidden_act],
        dense,
        dropout,
        bias: () => added,
      });
    },
    ...(hasPooler && { pooled }),
    heads: {
      masked(hidden) {
        const at = scope.at("lm_head");
        return wordLogits(hidden, {
          transform: at.at("dense"),
          norm: at.at("layer_norm"),
          dense,
          act: activations.gelu,
          epsilon: c.layer_norm_eps,
          words: outputMatrix(c.tie_word_embeddings, wordTable(top.at("embeddings"), words), at.at("decoder"), start),
          bias: [at, "bias"],
        });
      },
      sequence: (hidden) =>
        projectedClasses(classifier, firstToken(hidden), labelsOf(c).length, { dense, act: o.tanh, dropout }),
      tokens: (hidden) => dense(classifier, dropout(hidden), labelsOf(c).length),
      span: (hidden) => dense(scope.at("qa_outputs"), hidden, 2),
      choice: (hidden) => dense(classifier, dropout(pooled(hidden)), 1),
    },
  };
}

const headWeights: HeadWeights = {
  masked: "lm_head.dense.weight",
  sequence: "classifier.out_proj.weight",
  tokens: "classifier.weight",
  span: "qa_outputs.weight",
  choice: "classifier.weight",
};

/** The architecture of RoBERTa or a relative of it. */
export function robertaArchitecture(
  c: BertConfig,
  relative: Relative,
  stored: Stored | undefined,
): EncoderArchitecture {
  checkBert(c);
  const { type, prefix, padding } = relative;
  const positions = c.max_position_embeddings;
  needConsistent(positions > padding + 1, `max_position_embeddings ${positions} and padding in row ${padding}`);
  const words = `${prefix}.embeddings.word_embeddings.weight`;
  return encoderArchitecture({
    type,
    c,
    vocabulary: c.vocab_size,
    width: c.hidden_size,
    longest: positions - padding - 1,
    dropout: c.hidden_dropout_prob,
    names: {
      anchor: words,
      aliases: {
        "lm_head.bias": ["lm_head.decoder.bias"],
        ...(c.tie_word_embeddings && { [words]: ["lm_head.decoder.weight"] }),
      },
      prefixes: [`${prefix}.`],
    },
    unquantized: /relative_attention_bias/,
    headWeights,
    stored,
    network: (scope, options = {}) =>
      network(scope, c, relative, stored?.has(`${prefix}.pooler.dense.weight`) ?? true, options),
  });
}

/** The row and token of padding where config.json names none. */
const usualPadding = 1;

const schema = bertSchema.extend({
  vocab_size: size.default(50265),
  pad_token_id: padding.default(usualPadding),
});

export const roberta: Family = {
  title: "RoBERTa",
  types: ["roberta", "xlm-roberta", "camembert"],
  read(json, stored) {
    const c = readConfig(schema, json, "RoBERTa");
    const padding = c.pad_token_id ?? usualPadding;
    const type = String(json.model_type);
    return robertaArchitecture(c, { type, prefix: "roberta", padding, typed: true, names: bertNames }, stored);
  },
};
