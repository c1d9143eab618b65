/** What a bigger model is worth in labelled examples: how many more the smaller one needs to be as good. */
import { randomAt } from "../../base/rng.ts";
import { type Interval, quantile } from "../law/bootstrap.ts";
import type { Grid } from "./cells.ts";
import { isotonicGrid } from "./isotonic.ts";

/**
 * So many examples: "more" than were measured where the smaller model never gets as far, "none" where its fewest
 * are enough.
 */
export type Labels = number | "more" | "none";

/** The number of labels at which a line of scores first reaches a score, straight in the logarithm of labels. */
export function labelsFor(score: number, line: readonly (number | undefined)[], labels: readonly number[]): Labels {
  const cells = line.flatMap((value, i) => (value === undefined ? [] : [{ value, n: labels[i]! }]));
  const [first] = cells;
  if (first === undefined) return "more";
  if (first.value >= score) return "none";
  for (let i = 1; i < cells.length; i++) {
    const [a, b] = [cells[i - 1]!, cells[i]!];
    if (b.value < score) continue;
    const share = (score - a.value) / (b.value - a.value);
    return Math.exp(Math.log(a.n) + share * (Math.log(b.n) - Math.log(a.n)));
  }
  return "more";
}

export interface Worth {
  readonly from: number;
  readonly to: number;
  /** Examples that the bigger model had. */
  readonly labels: number;
  readonly score: number;
  /** Examples with which the smaller one is as good. */
  readonly needed: Labels;
  /** Middle 90 % of `needed` over resampled seeds, of those in which it lies on the grid. */
  readonly interval: Interval | undefined;
  /** Share of resamples in which the smaller model never gets there. */
  readonly never: number;
}

export interface WorthOptions {
  readonly seed?: number;
  /** Resamples of seeds; 500 by default. */
  readonly resamples?: number;
}

/** Every pair of neighbouring sizes at every number of labels that both have. */
export function worth(grid: Grid, { seed = 0, resamples = 500 }: WorthOptions = {}): Worth[] {
  const pairs = grid.sizes.slice(1).flatMap((_, i) => grid.labels.map((_, n) => ({ small: i, big: i + 1, n })));
  const measure = (scores: Grid["scores"]) => {
    const smooth = isotonicGrid({ scores });
    return pairs.map(({ small, big, n }) => {
      const score = smooth[big]![n];
      return score === undefined ? undefined : { score, needed: labelsFor(score, smooth[small]!, grid.labels) };
    });
  };
  const found = measure(grid.scores);
  const drawn = pairs.map((): Labels[] => []);
  for (let r = 0; r < resamples; r++) {
    const random = randomAt(seed, r);
    const scores = grid.scores.map((row) => row.map((cell) => cell.map(() => cell[random.below(cell.length)]!)));
    measure(scores).forEach((one, i) => {
      if (one) drawn[i]!.push(one.needed);
    });
  }
  return pairs.flatMap(({ small, big, n }, i): Worth[] => {
    const one = found[i];
    if (!one) return [];
    const numbers = drawn[i]!.filter((needed) => typeof needed === "number").sort((a, b) => a - b);
    return [
      {
        from: grid.sizes[small]!,
        to: grid.sizes[big]!,
        labels: grid.labels[n]!,
        ...one,
        interval: numbers.length > resamples / 2 ? [quantile(numbers, 0.05), quantile(numbers, 0.95)] : undefined,
        never: drawn[i]!.filter((needed) => needed === "more").length / Math.max(1, drawn[i]!.length),
      },
    ];
  });
}
