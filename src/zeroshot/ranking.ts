/** From log-likelihoods of choices to a prediction: T0's plain sum, and other ways to weigh them. */
import { fail } from "../errors.ts";
import { mean } from "./statistics.ts";

/** What the model says about one example's choices. */
export interface ChoiceScores {
  /** Sum of log-probabilities of each choice, the end token included. */
  readonly sums: readonly number[];
  /** Tokens of each choice, the end token included. */
  readonly tokens: readonly number[];
  /** The same sums after the prompt that says nothing; only for `unconditional`. */
  readonly unconditional?: readonly number[];
}

export interface Ranked extends ChoiceScores {
  readonly choices: readonly string[];
  /** Place of the right choice. */
  readonly gold: number;
}

/**
 * `sum`: T0's. `tokens`: divided by the choice's tokens. `characters`: by its characters, as lm-evaluation-harness'
 * acc_norm. `unconditional`: minus the score after a prompt that says nothing (Brown et al. 2020; Holtzman et al. 2021,
 * arXiv 2104.08315). `calibrated`: minus the log of the choice's mean probability over the evaluated examples, so that
 * no choice is favoured by its words alone (batch calibration, Zhou et al. 2024, arXiv 2309.17249).
 */
export const normalizations = ["sum", "tokens", "characters", "unconditional", "calibrated"] as const;
export type Normalization = (typeof normalizations)[number];

/** Softmax over choices. */
export function shares(scores: readonly number[]): number[] {
  const top = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - top));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

/** Place of the highest score, the first on ties. */
export const bestOf = (scores: readonly number[]): number => scores.indexOf(Math.max(...scores));

const each: Record<Exclude<Normalization, "calibrated">, (ranked: Ranked) => readonly number[]> = {
  sum: ({ sums }) => sums,
  tokens: ({ sums, tokens }) => sums.map((sum, i) => sum / tokens[i]!),
  characters: ({ sums, choices }) => sums.map((sum, i) => sum / Math.max(1, [...choices[i]!].length)),
  unconditional: ({ sums, unconditional }) => sums.map((sum, i) => sum - unconditional![i]!),
};

/** Whether every example has the same choices, which `calibrated` needs: it compares a choice with itself elsewhere. */
export const sameChoices = (examples: readonly Ranked[]): boolean =>
  new Set(examples.map(({ choices }) => JSON.stringify(choices))).size <= 1;

/**
 * Scores by which each example's choices are ranked, `[example][choice]`.
 * @param where the template, for messages
 * @throws bad_input for `calibrated` where choices differ from example to example
 */
export function normalized(examples: readonly Ranked[], how: Normalization, where?: string): (readonly number[])[] {
  if (how !== "calibrated") return examples.map(each[how]);
  if (!sameChoices(examples)) {
    fail("bad_input", "calibrated scores need the same choices for every row, here they differ", {
      ...(where === undefined ? {} : { where }),
      hint: "unconditional does the like for choices that differ",
    });
  }
  const probabilities = examples.map(({ sums }) => shares(sums));
  const offsets = examples[0]?.choices.map((_, c) => Math.log(mean(probabilities.map((row) => row[c]!))));
  return examples.map(({ sums }) => sums.map((sum, c) => sum - offsets![c]!));
}
