/** BERT (Devlin et al. 2018, arXiv 1810.04805) and its heads. */
import { z } from "zod";
import type { Dim } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { keepAll } from "../../nn/attend.ts";
import { embedding, linear, wordVectors } from "../../nn/linear.ts";
import { layerNorm } from "../../nn/norms.ts";
import { normal, type Scope, zerosInit } from "../../nn/scope.ts";
import {
  activation,
  deviation,
  epsilon,
  labelled,
  labelsOf,
  layers,
  needHeads,
  padding,
  padOf,
  problemOf,
  rate,
  readConfig,
  refuse,
  size,
} from "../config.ts";
import type { Encoder, EncoderArchitecture, Family, Heads, NetworkOptions, Stored } from "../family.ts";

const schema = labelled.extend({
  vocab_size: size.default(30522),
  hidden_size: size.default(768),
  num_hidden_layers: layers.default(12),
  num_attention_heads: size.default(12),
  intermediate_size: size.default(3072),
  hidden_act: activation.default("gelu"),
  hidden_dropout_prob: rate.default(0.1),
  max_position_embeddings: size.default(512),
  type_vocab_size: size.default(2),
  initializer_range: deviation.default(0.02),
  layer_norm_eps: epsilon.default(1e-12),
  pad_token_id: padding.default(0),
  position_embedding_type: z.string().nullish(),
  is_decoder: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(true),
  problem_type: z.string().nullish(),
  architectures: z.array(z.string()).nullish(),
});

type Config = z.infer<typeof schema>;

/** Which head a checkpoint has, by the class that wrote it. */
const heads: Readonly<Record<string, keyof Heads>> = {
  BertForMaskedLM: "masked",
  BertForPreTraining: "masked",
  BertForSequenceClassification: "sequence",
  BertForTokenClassification: "tokens",
  BertForQuestionAnswering: "span",
  BertForMultipleChoice: "choice",
};

function network(
  scope: Scope,
  c: Config,
  hasPooler: boolean,
  { dropout = keepAll, training }: NetworkOptions,
): Encoder {
  const width = c.hidden_size;
  const start = normal(c.initializer_range);
  const act = activations[c.hidden_act];
  const dense = (at: Scope, x: Tensor, out: number) => linear(at, x, out, start, { bias: true });
  const words = () => scope.param("bert.embeddings.word_embeddings.weight", [c.vocab_size, width], start);
  /** The output at the first place, through the pooler: [rows, width]. */
  const pooled = (hidden: Tensor) => {
    const first = o.reshape(o.slice(hidden, 1, 0, 1), [hidden.shape[0] as Dim, width]);
    return dropout(o.tanh(dense(scope.at("bert.pooler.dense"), first, width)));
  };
  const classes = (x: Tensor, count: number) => dense(scope.at("classifier"), x, count);

  return {
    encode(ids, types, pass) {
      const at = scope.at("bert.embeddings");
      const position = embedding(at.at("position_embeddings"), pass.positions, c.max_position_embeddings, width, start);
      const type = embedding(at.at("token_type_embeddings"), types, c.type_vocab_size, width, start);
      const word = wordVectors(words(), ids, { padding: c.pad_token_id, training });
      const sum = o.add(pass.enter(o.add(word, type)), position);
      let x = dropout(layerNorm(at.at("LayerNorm"), sum, c.layer_norm_eps));
      for (let i = 0; i < c.num_hidden_layers; i++) {
        const block = scope.at(`bert.encoder.layer.${i}`);
        const [q, k, v] = ["query", "key", "value"].map((name) =>
          dense(block.at(`attention.self.${name}`), x, width),
        ) as [Tensor, Tensor, Tensor];
        const scale = (width / c.num_attention_heads) ** -0.5;
        const mixed = pass.self(i, q, k, v, { heads: c.num_attention_heads, scale });
        /** Post-norm: what is added is dropped from, then the sum is normalised. */
        const added = (scope: Scope, y: Tensor) =>
          layerNorm(scope.at("LayerNorm"), o.add(x, dropout(dense(scope.at("dense"), y, width))), c.layer_norm_eps);
        x = added(block.at("attention.output"), mixed);
        x = added(block.at("output"), act(dense(block.at("intermediate.dense"), x, c.intermediate_size)));
      }
      return x;
    },
    ...(hasPooler && { pooled }),
    heads: {
      masked(hidden) {
        const at = scope.at("cls.predictions");
        const inner = act(dense(at.at("transform.dense"), hidden, width));
        const normed = layerNorm(at.at("transform.LayerNorm"), inner, c.layer_norm_eps);
        const output = c.tie_word_embeddings ? words() : at.param("decoder.weight", [c.vocab_size, width], start);
        const scores = o.matmul(normed, output, { transB: true });
        return o.add(scores, at.param("bias", [c.vocab_size], zerosInit));
      },
      sequence: (hidden) => classes(pooled(hidden), labelsOf(c).length),
      tokens: (hidden) => classes(dropout(hidden), labelsOf(c).length),
      span: (hidden) => dense(scope.at("qa_outputs"), hidden, 2),
      choice: (hidden) => classes(pooled(hidden), 1),
    },
  };
}

function architecture(c: Config, stored: Stored | undefined): EncoderArchitecture {
  const labels = labelsOf(c);
  const head = heads[c.architectures?.[0] ?? ""];
  // A folder that was cut down to its encoder says in config.json what it was.
  const present = head === undefined || !stored || stored.has(headWeights[head]);
  return {
    kind: "encoder",
    type: "bert",
    names: {
      anchor: "bert.embeddings.word_embeddings.weight",
      aliases: {
        "cls.predictions.bias": ["cls.predictions.decoder.bias"],
        ...(c.tie_word_embeddings && {
          "bert.embeddings.word_embeddings.weight": ["cls.predictions.decoder.weight"],
        }),
      },
      renamed: [
        [/LayerNorm\.gamma$/, "LayerNorm.weight"],
        [/LayerNorm\.beta$/, "LayerNorm.bias"],
      ],
      prefixes: ["bert."],
    },
    pad: padOf(c.pad_token_id, c.vocab_size),
    dropout: c.hidden_dropout_prob,
    vocabulary: c.vocab_size,
    width: c.hidden_size,
    longest: c.max_position_embeddings,
    labels,
    problem: problemOf(c.problem_type, labels),
    head: present ? head : undefined,
    network: (scope, options = {}) => network(scope, c, stored?.has("bert.pooler.dense.weight") ?? true, options),
  };
}

const headWeights: Readonly<Record<keyof Heads, string>> = {
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
    const c = readConfig(schema, json, "BERT");
    const position = c.position_embedding_type ?? "absolute";
    refuse(position !== "absolute", `position_embedding_type ${JSON.stringify(position)}`);
    refuse(c.is_decoder, "is_decoder");
    needHeads("hidden_size", c.hidden_size, c.num_attention_heads);
    return architecture(c, stored);
  },
};
