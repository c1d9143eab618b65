/**
 * Grow the model or annotate more: which gains more for its cost at one place of the grid, as far as one's own results
 * tell. Nothing is assumed about a task beyond them.
 */
import { randomAt } from "../../base/rng.ts";
import { fail } from "../../errors.ts";
import { type Interval, quantile } from "../law/bootstrap.ts";
import { type Grid, mean } from "./cells.ts";

export type Verdict = "annotate" | "grow" | "either" | "saturated" | "not enough data";

export interface Place {
  /** Parameters of the model that is used now. */
  readonly size: number;
  /** Labelled examples that there are now. */
  readonly labels: number;
}

export interface Costs {
  /** Of one more labelled example. */
  readonly label: number;
  /** Of using the next bigger model instead, in the same money. */
  readonly growth: number;
  /** Items of the test set: scores of so few differ by chance alone. */
  readonly testItems: number;
}

export interface Gain {
  /** What is gained, in score; undefined where the cells for it were not measured. */
  readonly gain: number | undefined;
  /** Middle 90 %. */
  readonly interval: Interval | undefined;
  readonly cost: number;
}

export interface Advice {
  readonly verdict: Verdict;
  /** Twice the labels. */
  readonly annotate: Gain;
  /** The next bigger model that was measured. */
  readonly grow: Gain;
  /** Share of resamples in which annotating gains more for its cost. */
  readonly annotateBetter: number | undefined;
  /** Cells whose measurement would help. */
  readonly missing: readonly Place[];
}

const certain = 0.9;
const point = 0.01;

interface Options {
  readonly seed?: number;
  readonly resamples?: number;
}

/** Twice the labels of a model: measured, or by the slope in the logarithm to the next cell, upwards where there is one. */
function doubled(line: readonly (number | undefined)[], labels: readonly number[], at: number): number | undefined {
  const twice = labels.findIndex((n) => n === 2 * labels[at]!);
  if (twice >= 0 && line[twice] !== undefined) return line[twice]! - line[at]!;
  const measured = labels.flatMap((n, i) => (i === at || line[i] === undefined ? [] : [{ n, value: line[i]! }]));
  const near = measured.find(({ n }) => n > labels[at]!) ?? measured.at(-1);
  if (near === undefined) return undefined;
  return ((near.value - line[at]!) / Math.log(near.n / labels[at]!)) * Math.log(2);
}

/**
 * The verdict for a place of the grid.
 * @throws bad_input where that place was not measured
 */
export function advise(grid: Grid, place: Place, costs: Costs, { seed = 0, resamples = 1000 }: Options = {}): Advice {
  const [s, n] = [grid.sizes.indexOf(place.size), grid.labels.indexOf(place.labels)];
  if (s < 0 || n < 0 || grid.scores[s]![n]!.length === 0) {
    fail("bad_input", `a model of ${place.size} parameters with ${place.labels} labels was not measured`, {
      hint: `sizes are ${grid.sizes.join(", ")}, labels ${grid.labels.join(", ")}`,
    });
  }
  const gains = (scores: Grid["scores"], noise: (score: number) => number) => {
    const means = scores.map((row) => row.map((cell) => (cell.length > 0 ? noise(mean(cell)) : undefined)));
    const bigger = means.findIndex((row, i) => i > s && row[n] !== undefined);
    return {
      annotate: doubled(means[s]!, grid.labels, n),
      grow: bigger < 0 ? undefined : means[bigger]![n]! - means[s]![n]!,
    };
  };
  const found = gains(grid.scores, (score) => score);
  const drawn = { annotate: [] as number[], grow: [] as number[] };
  let [better, compared] = [0, 0];
  const cost = { annotate: place.labels * costs.label, grow: costs.growth };
  for (let r = 0; r < resamples; r++) {
    const random = randomAt(seed, r);
    const normal = () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
    // Seeds are drawn anew, and a share of right answers on so many items differs by its binomial error.
    const scores = grid.scores.map((row) => row.map((cell) => cell.map(() => cell[random.below(cell.length)]!)));
    const one = gains(scores, (score) => {
      const p = Math.min(1, Math.max(0, score));
      return score + normal() * Math.sqrt((p * (1 - p)) / costs.testItems);
    });
    if (one.annotate !== undefined) drawn.annotate.push(one.annotate);
    if (one.grow !== undefined) drawn.grow.push(one.grow);
    if (one.annotate === undefined || one.grow === undefined) continue;
    compared++;
    // For the same money: gains by what they cost, crosswise so that what is free is no division by nothing.
    if (one.annotate * cost.grow > one.grow * cost.annotate) better++;
  }
  const gain = (kind: "annotate" | "grow"): Gain => {
    const sorted = drawn[kind].sort((a, b) => a - b);
    return {
      gain: found[kind],
      interval: sorted.length > 0 ? [quantile(sorted, 0.05), quantile(sorted, 0.95)] : undefined,
      cost: cost[kind],
    };
  };
  const [annotate, grow] = [gain("annotate"), gain("grow")];
  const share = compared > 0 ? better / compared : undefined;
  const missing: Place[] = [];
  const nextSize = grid.sizes[s + 1];
  if (found.grow === undefined && nextSize !== undefined) missing.push({ size: nextSize, labels: place.labels });
  if (!grid.labels.includes(2 * place.labels) || grid.scores[s]![grid.labels.indexOf(2 * place.labels)]!.length === 0)
    missing.push({ size: place.size, labels: 2 * place.labels });
  return { verdict: verdictOf(annotate, grow, share), annotate, grow, annotateBetter: share, missing };
}

function verdictOf(annotate: Gain, grow: Gain, share: number | undefined): Verdict {
  if (annotate.interval === undefined || grow.interval === undefined || share === undefined) return "not enough data";
  if (annotate.interval[1] < point && grow.interval[1] < point) return "saturated";
  if (share >= certain) return "annotate";
  if (share <= 1 - certain) return "grow";
  // Both help for sure, and neither more than the other: it does not matter which.
  return annotate.interval[0] > 0 && grow.interval[0] > 0 ? "either" : "not enough data";
}
