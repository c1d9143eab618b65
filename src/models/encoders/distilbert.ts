/** DistilBERT (Sanh et al. 2019, arXiv 1910.01108): BERT's layers under other names, without kinds of texts and pooler. */

import type { z } from "zod";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { keepAll } from "../../nn/attend.ts";
import { layerNorm } from "../../nn/norms.ts";
import { normal, type Scope } from "../../nn/scope.ts";
import { activation, deviation, labelsOf, layers, needHeads, rate, readConfig, size } from "../config.ts";
import type { Encoder, Family, NetworkOptions } from "../family.ts";
import { firstToken, outputMatrix, wordLogits } from "./heads.ts";
import { denseFrom, type LayerNames, postNormLayers, sumOfEmbeddings, wordTable } from "./layers.ts";
import { encoderArchitecture, type HeadWeights, taskSchema } from "./settings.ts";

const schema = taskSchema.extend({
  vocab_size: size.default(30522),
  dim: size.default(768),
  n_layers: layers.default(6),
  n_heads: size.default(12),
  hidden_dim: size.default(4 * 768),
  activation: activation.default("gelu"),
  dropout: rate.default(0.1),
  max_position_embeddings: size.default(512),
  initializer_range: deviation.default(0.02),
});

type Config = z.infer<typeof schema>;

/** Of every norm. */
const epsilon = 1e-12;

const names: LayerNames = {
  query: "attention.q_lin",
  key: "attention.k_lin",
  value: "attention.v_lin",
  mixed: "attention.out_lin",
  mixedNorm: "sa_layer_norm",
  inner: "ffn.lin1",
  outer: "ffn.lin2",
  outerNorm: "output_layer_norm",
};

function network(scope: Scope, c: Config, { dropout = keepAll, training }: NetworkOptions): Encoder {
  const width = c.dim;
  const start = normal(c.initializer_range);
  const act = activations[c.activation];
  const dense = denseFrom(start);
  const top = scope.at("distilbert");
  const words = { vocabulary: c.vocab_size, width, start, padding: c.pad_token_id, training };
  const classes = (x: Tensor, count: number) => dense(scope.at("classifier"), dropout(x), count);
  const summary = (hidden: Tensor) => o.relu(dense(scope.at("pre_classifier"), firstToken(hidden), width));

  return {
    encode(ids, _, pass) {
      const at = top.at("embeddings");
      const positions = { count: c.max_position_embeddings, ids: pass.positions };
      const sum = sumOfEmbeddings(at, ids, pass, { ...words, positions });
      const x = dropout(layerNorm(at.at("LayerNorm"), sum, epsilon));
      return postNormLayers(top.at("transformer"), c.n_layers, x, pass, {
        names,
        heads: c.n_heads,
        feedForward: c.hidden_dim,
        epsilon,
        act,
        dense,
        dropout,
        mixedDropout: keepAll,
      });
    },
    heads: {
      masked: (hidden) =>
        wordLogits(hidden, {
          transform: scope.at("vocab_transform"),
          norm: scope.at("vocab_layer_norm"),
          dense,
          act,
          epsilon,
          words: outputMatrix(
            c.tie_word_embeddings,
            wordTable(top.at("embeddings"), words),
            scope.at("vocab_projector"),
            start,
          ),
          bias: [scope.at("vocab_projector"), "bias"],
        }),
      sequence: (hidden) => classes(summary(hidden), labelsOf(c).length),
      tokens: (hidden) => classes(hidden, labelsOf(c).length),
      span: (hidden) => dense(scope.at("qa_outputs"), dropout(hidden), 2),
      choice: (hidden) => classes(summary(hidden), 1),
    },
  };
}

const headWeights: HeadWeights = {
  masked: "vocab_transform.weight",
  sequence: "classifier.weight",
  tokens: "classifier.weight",
  span: "qa_outputs.weight",
  choice: "classifier.weight",
};

export const distilbert: Family = {
  title: "DistilBERT",
  types: ["distilbert"],
  read(json, stored) {
    const c = readConfig(schema, json, "DistilBERT");
    needHeads("dim", c.dim, c.n_heads);
    const words = "distilbert.embeddings.word_embeddings.weight";
    return encoderArchitecture({
      type: "distilbert",
      c,
      vocabulary: c.vocab_size,
      width: c.dim,
      longest: c.max_position_embeddings,
      dropout: c.dropout,
      names: {
        anchor: words,
        aliases: c.tie_word_embeddings ? { [words]: ["vocab_projector.weight"] } : {},
        prefixes: ["distilbert."],
      },
      headWeights,
      stored,
      network: (scope, options = {}) => network(scope, c, options),
    });
  },
};
