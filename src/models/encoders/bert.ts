/** BERT (Devlin et al. 2018, arXiv 1810.04805) and its heads. */
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { keepAll } from "../../nn/attend.ts";
import { layerNorm } from "../../nn/norms.ts";
import { normal, type Scope } from "../../nn/scope.ts";
import { labelsOf, readConfig } from "../config.ts";
import type { Encoder, Family, NetworkOptions } from "../family.ts";
import { firstToken, outputMatrix, wordLogits } from "./heads.ts";
import { bertNames, denseFrom, postNormLayers, sumOfEmbeddings, wordTable } from "./layers.ts";
import {
  type BertConfig,
  bertSchema,
  checkBert,
  encoderArchitecture,
  gammaAndBeta,
  type HeadWeights,
} from "./settings.ts";

export function bertNetwork(
  scope: Scope,
  c: BertConfig,
  hasPooler: boolean,
  { dropout = keepAll, training }: NetworkOptions,
): Encoder {
  const width = c.hidden_size;
  const start = normal(c.initializer_range);
  const act = activations[c.hidden_act];
  const dense = denseFrom(start);
  const top = scope.at("bert");
  const words = { vocabulary: c.vocab_size, width, start, padding: c.pad_token_id, training };
  /** The output at the first place, through the pooler: [rows, width]. */
  const pooled = (hidden: Tensor) => dropout(o.tanh(dense(top.at("pooler.dense"), firstToken(hidden), width)));
  const classes = (x: Tensor, count: number) => dense(scope.at("classifier"), x, count);

  return {
    encode(ids, types, pass) {
      const at = top.at("embeddings");
      const sum = sumOfEmbeddings(at, ids, pass, {
        ...words,
        types: { count: c.type_vocab_size, ids: types },
        positions: { count: c.max_position_embeddings, ids: pass.positions },
      });
      const x = dropout(layerNorm(at.at("LayerNorm"), sum, c.layer_norm_eps));
      return postNormLayers(top.at("encoder"), c.num_hidden_layers, x, pass, {
        names: bertNames,
        heads: c.num_attention_heads,
        feedForward: c.intermediate_size,
        epsilon: c.layer_norm_eps,
        act,
        dense,
        dropout,
      });
    },
    ...(hasPooler && { pooled }),
    heads: {
      masked(hidden) {
        const at = scope.at("cls.predictions");
        return wordLogits(hidden, {
          transform: at.at("transform.dense"),
          norm: at.at("transform.LayerNorm"),
          dense,
          act,
          epsilon: c.layer_norm_eps,
          words: outputMatrix(c.tie_word_embeddings, wordTable(top.at("embeddings"), words), at.at("decoder"), start),
          bias: [at, "bias"],
        });
      },
      sequence: (hidden) => classes(pooled(hidden), labelsOf(c).length),
      tokens: (hidden) => classes(dropout(hidden), labelsOf(c).length),
      span: (hidden) => dense(scope.at("qa_outputs"), hidden, 2),
      choice: (hidden) => classes(pooled(hidden), 1),
    },
  };
}

const headWeights: HeadWeights = {
  masked: "cls.predictions.transform.dense.weight",
  sequence: "classifier.weight",
  tokens: "classifier.weight",
  span: "qa_outputs.weight",
  choice: "classifier.weight",
};

export const bert: Family = {
  title: "BERT",
  types: ["bert"],
  read(json, stored) {
    const c = readConfig(bertSchema, json, "BERT");
    checkBert(c);
    return encoderArchitecture({
      type: "bert",
      c,
      vocabulary: c.vocab_size,
      width: c.hidden_size,
      longest: c.max_position_embeddings,
      dropout: c.hidden_dropout_prob,
      names: {
        anchor: "bert.embeddings.word_embeddings.weight",
        aliases: {
          "cls.predictions.bias": ["cls.predictions.decoder.bias"],
          ...(c.tie_word_embeddings && {
            "bert.embeddings.word_embeddings.weight": ["cls.predictions.decoder.weight"],
          }),
        },
        renamed: gammaAndBeta,
        prefixes: ["bert."],
      },
      headWeights,
      pretraining: "masked",
      stored,
      network: (scope, options = {}) => bertNetwork(scope, c, stored?.has("bert.pooler.dense.weight") ?? true, options),
    });
  },
};
