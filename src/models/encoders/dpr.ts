/**
 * The encoders of DPR (Karpukhin et al. 2020, arXiv 2004.04906), of questions and of passages: BERT, whose first token's
 * output is the vector, perhaps through a projection. Vectors are compared by their products.
 */
import { z } from "zod";
import * as o from "../../graph/operators.ts";
import { normal } from "../../nn/scope.ts";
import { readConfig, refuse } from "../config.ts";
import type { Family } from "../family.ts";
import { bertNetwork } from "./bert.ts";
import { denseFrom } from "./layers.ts";
import { bertSchema, checkBert, encoderArchitecture, gammaAndBeta } from "./settings.ts";

const schema = bertSchema.extend({
  /** 0: none. */
  projection_dim: z
    .number()
    .int()
    .nonnegative()
    .max(1 << 20)
    .default(0),
});

export const dpr: Family = {
  title: "DPR",
  types: ["dpr"],
  read(json, stored) {
    const c = readConfig(schema, json, "DPR");
    checkBert(c);
    refuse(c.architectures?.[0] === "DPRReader", "a DPRReader, which marks answers in passages");
    return {
      ...encoderArchitecture({
        type: "dpr",
        c,
        vocabulary: c.vocab_size,
        width: c.projection_dim || c.hidden_size,
        longest: c.max_position_embeddings,
        dropout: c.hidden_dropout_prob,
        names: {
          anchor: "bert.embeddings.word_embeddings.weight",
          renamed: [
            [/^(?:question_encoder|ctx_encoder)\.(?:bert_model\.)?/, ""],
            [/^(?=embeddings\.|encoder\.layer\.)/, "bert."],
            ...gammaAndBeta,
          ],
          // transformers writes BERT's own pooler and does not use it.
          ignored: [/^pooler\./],
          prefixes: ["bert."],
        },
        headWeights: {},
        stored,
        network(scope, options = {}) {
          const { encode } = bertNetwork(scope, c, false, options);
          const dense = denseFrom(normal(c.initializer_range));
          return {
            encode(ids, types, pass) {
              // It was trained with one kind of token alone, whatever tokenizers say of a title and its text.
              const hidden = encode(ids, o.mul(types, 0), pass);
              return c.projection_dim > 0 ? dense(scope.at("encode_proj"), hidden, c.projection_dim) : hidden;
            },
            heads: {},
          };
        },
      }),
      vectors: { pooling: "cls", similarity: "dot" },
    };
  },
};
