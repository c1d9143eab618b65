/** What the configurations of decoders have in common, and what follows from it: tokens, the output matrix, classes. */
import { z } from "zod";
import { fail } from "../../errors.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { linear, vocabularyLogits } from "../../nn/linear.ts";
import { type Initial, normal, type Scope, zerosInit } from "../../nn/scope.ts";
import { deviation, ends, labelled, labelsOf, padding, padOf, refuse, size, token } from "../config.ts";
import type { Decoder, DecoderArchitecture, Names, Stored } from "../family.ts";

const experts = z.number().nullish();

export const decoderSchema = labelled.extend({
  vocab_size: size,
  initializer_range: deviation.default(0.02),
  tie_word_embeddings: z.boolean().nullish(),
  bos_token_id: token.nullish(),
  eos_token_id: ends,
  pad_token_id: padding,
  architectures: z.array(z.string()).nullish(),
  num_local_experts: experts,
  num_experts: experts,
  n_routed_experts: experts,
});

export type DecoderConfig = z.infer<typeof decoderSchema>;

/** Refuse what decoders of any family may have and is not computed. */
export function refuseExperts(c: DecoderConfig): void {
  for (const key of ["num_local_experts", "num_experts", "n_routed_experts"] as const) {
    refuse((c[key] ?? 0) > 1, `a mixture of experts (${key} ${c[key]})`);
  }
}

/** The tables of a decoder: where its words are looked up, and what makes logits of its outputs. */
export interface Tables {
  readonly vocabulary: number;
  readonly width: number;
  readonly start: Initial;
  /** Name of the table of words. */
  readonly words: string;
  /** Path of the output matrix. */
  readonly head: string;
  /** The output matrix is the table of words. */
  readonly tied: boolean;
  /** They would be tied, but the file holds two that differ. */
  readonly differs: boolean;
  /** The output matrix has a bias. */
  readonly bias: boolean;
  /** Classes of a checkpoint that tells them of a text. */
  readonly classes?: number | undefined;
}

export interface TablesOf {
  readonly width: number;
  readonly words: string;
  readonly head?: string;
  readonly bias?: boolean;
  /** Of the family, where config.json is silent. */
  readonly tied: boolean;
}

const wordsOf = (scope: Scope, { words, vocabulary, width, start }: Tables) =>
  scope.param(words, [vocabulary, width], start);

/** The tables that a configuration describes. A second matrix in the file of a tied model counts where it differs. */
export function tablesOf(c: DecoderConfig, stored: Stored | undefined, given: TablesOf): Tables {
  const { width, words, head = "lm_head", bias = false } = given;
  const tie = c.tie_word_embeddings ?? given.tied;
  const matrix = `${head}.weight`;
  const differs = tie && stored?.has(matrix) === true && stored.has(words) && !stored.same(matrix, words);
  const classifies = c.architectures?.[0]?.endsWith("ForSequenceClassification");
  return {
    vocabulary: c.vocab_size,
    width,
    start: normal(c.initializer_range),
    words,
    head,
    tied: tie && !differs,
    differs,
    bias,
    ...(classifies && { classes: labelsOf(c).length }),
  };
}

/** The table of words, and what makes logits and scores of a decoder's outputs. */
export function tables(scope: Scope, t: Tables): Pick<Decoder, "logits" | "classify"> & { words(): Tensor } {
  const words = () => wordsOf(scope, t);
  const matrix = () => (t.tied ? words() : scope.at(t.head).param("weight", [t.vocabulary, t.width], t.start));
  const { classes } = t;
  return {
    words,
    logits(hidden) {
      if (classes !== undefined && !t.tied) {
        fail("unsupported", "the checkpoint tells classes of texts and has no output matrix: it cannot write");
      }
      const logits = vocabularyLogits(matrix(), hidden);
      return t.bias ? o.add(logits, scope.at(t.head).param("bias", [t.vocabulary], zerosInit)) : logits;
    },
    ...(classes !== undefined && { classify: (hidden: Tensor) => linear(scope.at("score"), hidden, classes, t.start) }),
  };
}

type Common = "kind" | "pad" | "vocabulary" | "width" | "ends" | "begin" | "names" | "warnings";

/** What of an architecture follows from the common entries and the tables. */
export function commonOf(
  c: DecoderConfig,
  t: Tables,
  { aliases = {}, ...names }: Names,
  warnings: readonly string[] = [],
): Pick<DecoderArchitecture, Common> {
  const differs = `${t.head}.weight differs from ${t.words}, though the model ties them: both are used as stored`;
  const told = [...(t.differs ? [differs] : []), ...warnings];
  return {
    kind: "decoder",
    pad: padOf(c.pad_token_id ?? c.eos_token_id[0], c.vocab_size),
    vocabulary: c.vocab_size,
    width: t.width,
    ends: c.eos_token_id,
    begin: c.bos_token_id ?? undefined,
    // Tensors that are one are stored under either name.
    names: { ...names, aliases: { ...aliases, ...(t.tied && { [t.words]: [`${t.head}.weight`] }) } },
    ...(told.length > 0 && { warnings: told }),
  };
}
