/**
 * Intervals of what a fit says. The ordinary bootstrap is no good for hulls, as the hull of a resample lies inside of
 * the sample's: fewer are drawn than there are (m of n, m = n^0.75), and the interval is the pivot one, [2 est − q_97.5,
 * 2 est − q_2.5]. Clusters are drawn, not points: checkpoints of one run move together.
 */
import { randomAt } from "../../base/rng.ts";

export interface BootstrapOptions {
  readonly seed: number;
  /** Resamples; 300 by default. */
  readonly resamples?: number;
  /** Clusters drawn in each: "all" for statistics of all points, "fewer" for those of a hull. */
  readonly draw: "all" | "fewer";
  /** Share of the middle; 0.95 by default. */
  readonly level?: number;
}

export type Interval = readonly [number, number];

/** The p-quantile of sorted numbers, by straight lines between them. */
export function quantile(sorted: readonly number[], p: number): number {
  const place = (sorted.length - 1) * p;
  const below = Math.floor(place);
  const [a, b] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return a + (place - below) * (b - a);
}

/**
 * An interval for each number that `statistic` makes of clusters, undefined where it makes none of enough resamples.
 * `clip` bounds it to what is possible.
 */
export function clusterBootstrap<T, K extends string>(
  clusters: readonly (readonly T[])[],
  statistic: (points: readonly T[]) => Readonly<Record<K, number>> | undefined,
  { seed, resamples = 300, draw, level = 0.95 }: BootstrapOptions,
  clip: Partial<Record<K, Interval>> = {},
): Record<K, Interval> | undefined {
  const estimate = statistic(clusters.flat());
  if (!estimate) return undefined;
  const n = clusters.length;
  const m = draw === "all" ? n : Math.max(1, Math.round(n ** 0.75));
  const names = Object.keys(estimate) as K[];
  const found = new Map<K, number[]>(names.map((name) => [name, []]));
  for (let r = 0; r < resamples; r++) {
    const random = randomAt(seed, r);
    const drawn = Array.from({ length: m }, () => clusters[random.below(n)]!);
    const made = statistic(drawn.flat());
    if (made) for (const name of names) found.get(name)!.push(made[name]);
  }
  if (found.get(names[0]!)!.length < resamples / 2) return undefined;
  const tail = (1 - level) / 2;
  return Object.fromEntries(
    names.map((name) => {
      const sorted = found.get(name)!.sort((a, b) => a - b);
      const [low, high] = clip[name] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
      const bounded = (value: number) => Math.min(high, Math.max(low, value));
      const pivot = (p: number) => bounded(2 * estimate[name] - quantile(sorted, p));
      return [name, [pivot(1 - tail), pivot(tail)]];
    }),
  ) as unknown as Record<K, Interval>;
}
