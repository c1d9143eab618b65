/**
 * ELECTRA (Clark et al. 2020, arXiv 2003.10555): BERT's layers over narrower embeddings. Of the two models that are
 * trained together, the generator tells hidden words, and the discriminator which words were replaced by it.
 */
import { z } from "zod";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { keepAll } from "../../nn/attend.ts";
import { layerNorm } from "../../nn/norms.ts";
import { normal, type Scope } from "../../nn/scope.ts";
import { activation, labelsOf, readConfig, refuse, size } from "../config.ts";
import type { Encoder, Family, NetworkOptions } from "../family.ts";
import { firstToken, outputMatrix, projectedClasses, wordLogits } from "./heads.ts";
import { bertNames, denseFrom, postNormLayers, sumOfEmbeddings, wordTable } from "./layers.ts";
import { bertSchema, checkBert, encoderArchitecture, gammaAndBeta, type HeadWeights } from "./settings.ts";

const schema = bertSchema.extend({
  embedding_size: size.default(128),
  hidden_size: size.default(256),
  num_attention_heads: size.default(4),
  intermediate_size: size.default(1024),
  summary_type: z.string().default("first"),
  summary_use_proj: z.boolean().default(true),
  summary_proj_to_labels: z.boolean().nullish(),
  summary_activation: activation.nullable().default("gelu"),
});

type Config = z.infer<typeof schema>;

function network(scope: Scope, c: Config, { dropout = keepAll, training }: NetworkOptions): Encoder {
  const width = c.hidden_size;
  const start = normal(c.initializer_range);
  const act = activations[c.hidden_act];
  const dense = denseFrom(start);
  const top = scope.at("electra");
  const words = { vocabulary: c.vocab_size, width: c.embedding_size, start, padding: c.pad_token_id, training };
  const classifier = scope.at("classifier");
  const summary = (hidden: Tensor) => {
    const first = firstToken(hidden);
    const projected = c.summary_use_proj ? dense(scope.at("sequence_summary.summary"), first, width) : first;
    return dropout(c.summary_activation ? activations[c.summary_activation](projected) : projected);
  };

  return {
    encode(ids, types, pass) {
      const at = top.at("embeddings");
      const sum = sumOfEmbeddings(at, ids, pass, {
        ...words,
        types: { count: c.type_vocab_size, ids: types },
        positions: { count: c.max_position_embeddings, ids: pass.positions },
      });
      const narrow = dropout(layerNorm(at.at("LayerNorm"), sum, c.layer_norm_eps));
      const x = c.embedding_size === width ? narrow : dense(top.at("embeddings_project"), narrow, width);
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
    heads: {
      masked(hidden) {
        const at = scope.at("generator_predictions");
        const output = scope.at("generator_lm_head");
        return wordLogits(hidden, {
          transform: at.at("dense"),
          norm: at.at("LayerNorm"),
          dense,
          act: activations.gelu,
          epsilon: c.layer_norm_eps,
          words: outputMatrix(c.tie_word_embeddings, wordTable(top.at("embeddings"), words), output, start),
          bias: [output, "bias"],
        });
      },
      discriminator(hidden) {
        const at = scope.at("discriminator_predictions");
        return dense(at.at("dense_prediction"), act(dense(at.at("dense"), hidden, width)), 1);
      },
      sequence: (hidden) =>
        projectedClasses(classifier, firstToken(hidden), labelsOf(c).length, { dense, act: activations.gelu, dropout }),
      tokens: (hidden) => dense(classifier, dropout(hidden), labelsOf(c).length),
      span: (hidden) => dense(scope.at("qa_outputs"), hidden, 2),
      choice: (hidden) => dense(classifier, summary(hidden), 1),
    },
  };
}

const headWeights: HeadWeights = {
  masked: "generator_predictions.dense.weight",
  discriminator: "discriminator_predictions.dense.weight",
  sequence: "classifier.out_proj.weight",
  tokens: "classifier.weight",
  span: "qa_outputs.weight",
  choice: "classifier.weight",
};

export const electra: Family = {
  title: "ELECTRA",
  types: ["electra"],
  read(json, stored) {
    const c = readConfig(schema, json, "ELECTRA");
    checkBert(c);
    const made = encoderArchitecture({
      type: "electra",
      c,
      vocabulary: c.vocab_size,
      width: c.hidden_size,
      longest: c.max_position_embeddings,
      dropout: c.hidden_dropout_prob,
      names: {
        anchor: "electra.embeddings.word_embeddings.weight",
        aliases: c.tie_word_embeddings
          ? { "electra.embeddings.word_embeddings.weight": ["generator_lm_head.weight"] }
          : {},
        renamed: gammaAndBeta,
        prefixes: ["electra."],
      },
      headWeights,
      pretraining: "discriminator",
      stored,
      network: (scope, options = {}) => network(scope, c, options),
    });
    if (made.head === "choice") {
      refuse(c.summary_type !== "first", `summary_type ${JSON.stringify(c.summary_type)}`);
      refuse(c.summary_use_proj && (c.summary_proj_to_labels ?? false), "summary_proj_to_labels");
    }
    return made;
  },
};
