/**
 * A grid of results: model sizes by numbers of labelled examples, each cell with a score for every seed (Kirstain et al.
 * 2021, "A few more examples may be worth billions of parameters").
 */
import { fail } from "../../errors.ts";

/** One run's score on the test set, higher is better. */
export interface Result {
  /** Parameters of the model. */
  readonly size: number;
  /** Labelled examples. */
  readonly labels: number;
  readonly score: number;
}

export interface Grid {
  /** Rising. */
  readonly sizes: readonly number[];
  /** Rising. */
  readonly labels: readonly number[];
  /** Scores by [size, labels], one a seed; none where the cell was not measured. */
  readonly scores: readonly (readonly (readonly number[])[])[];
}

const rising = (values: readonly number[]): number[] => [...new Set(values)].sort((a, b) => a - b);

/**
 * The grid of results.
 * @throws bad_input for sizes and numbers of labels that are not above 0, and for scores that are no numbers
 */
export function gridOf(results: readonly Result[]): Grid {
  for (const { size, labels, score } of results) {
    if (!(size > 0 && Number.isFinite(size))) fail("bad_input", `a model of ${size} parameters: expected more than 0`);
    if (!(labels > 0 && Number.isFinite(labels)))
      fail("bad_input", `${labels} labelled examples: expected more than 0`);
    if (!Number.isFinite(score)) fail("bad_input", `a score of ${score}: expected a number`);
  }
  const [sizes, labels] = [rising(results.map(({ size }) => size)), rising(results.map((result) => result.labels))];
  const scores = sizes.map((size) =>
    labels.map((n) => results.filter((one) => one.size === size && one.labels === n).map(({ score }) => score)),
  );
  return { sizes, labels, scores };
}

export const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
