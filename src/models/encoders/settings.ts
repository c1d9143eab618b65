/** What BERT and its relatives have in common beside their layers: entries of config.json, and which head is there. */
import { z } from "zod";
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
  refuse,
  size,
} from "../config.ts";
import type { EncoderArchitecture, Heads, Names, Stored } from "../family.ts";

/** Entries about the task, whatever the layers are. */
export const taskSchema = labelled.extend({
  pad_token_id: padding.default(0),
  tie_word_embeddings: z.boolean().default(true),
  problem_type: z.string().nullish(),
  architectures: z.array(z.string()).nullish(),
});

/** BERT's entries with BERT's defaults; a relative overrides those that differ. */
export const bertSchema = taskSchema.extend({
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
  position_embedding_type: z.string().nullish(),
  is_decoder: z.boolean().default(false),
});

export type BertConfig = z.infer<typeof bertSchema>;

/** Refuse what no relative of BERT computes here. */
export function checkBert(
  c: Pick<BertConfig, "position_embedding_type" | "is_decoder" | "hidden_size" | "num_attention_heads">,
): void {
  const position = c.position_embedding_type ?? "absolute";
  refuse(position !== "absolute", `position_embedding_type ${JSON.stringify(position)}`);
  refuse(c.is_decoder, "is_decoder");
  needHeads("hidden_size", c.hidden_size, c.num_attention_heads);
}

/** Heads by the end of the name of the class that wrote the checkpoint. */
const heads: Readonly<Record<string, keyof Heads>> = {
  MaskedLM: "masked",
  SequenceClassification: "sequence",
  TokenClassification: "tokens",
  QuestionAnswering: "span",
  MultipleChoice: "choice",
};

/** How the first checkpoints spelled the parts of a norm. */
export const gammaAndBeta: NonNullable<Names["renamed"]> = [
  [/LayerNorm\.gamma$/, "LayerNorm.weight"],
  [/LayerNorm\.beta$/, "LayerNorm.bias"],
];

/** Of each head of a family, a tensor that a checkpoint with the head has. */
export type HeadWeights = Readonly<Partial<Record<keyof Heads, string>>>;

export interface Described extends Pick<EncoderArchitecture, "type" | "names" | "dropout" | "longest" | "network"> {
  readonly c: z.infer<typeof taskSchema>;
  readonly vocabulary: number;
  readonly width: number;
  readonly headWeights: HeadWeights;
  /** The head of the class `…ForPreTraining`. */
  readonly pretraining?: keyof Heads;
  readonly stored: Stored | undefined;
  readonly unquantized?: RegExp;
}

/** The architecture of an encoder, with the head that its config.json names and its checkpoint holds. */
export function encoderArchitecture(described: Described): EncoderArchitecture {
  const { c, stored, headWeights, pretraining, ...architecture } = described;
  const task = /For([A-Za-z]+)$/.exec(c.architectures?.[0] ?? "")?.[1] ?? "";
  const named = task === "PreTraining" ? pretraining : Object.hasOwn(heads, task) ? heads[task] : undefined;
  const weight = named && headWeights[named];
  // A folder that was cut down to its encoder says in config.json what it was.
  const head = weight !== undefined && (!stored || stored.has(weight)) ? named : undefined;
  const labels = head === "discriminator" ? ["original", "replaced"] : labelsOf(c);
  return {
    kind: "encoder",
    ...architecture,
    pad: padOf(c.pad_token_id, architecture.vocabulary),
    labels,
    problem: problemOf(c.problem_type, labels),
    head,
  };
}
