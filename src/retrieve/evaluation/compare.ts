/** Two runs on the same questions: by how much one is better, and how sure that is. */
import { randomAt } from "../../base/rng.ts";

export interface Difference {
  /** Mean of second − first. */
  readonly mean: number;
  /** 95 % of resampled means lie between. */
  readonly low: number;
  readonly high: number;
  /** Share of random exchanges of the two whose mean differs as much or more (two-sided). */
  readonly p: number;
}

/** Paired bootstrap (percentiles) and randomisation test over questions. The same seed draws the same. */
export function compare(
  first: readonly number[],
  second: readonly number[],
  { resamples = 2000, seed = 0 } = {},
): Difference {
  const differences = second.map((value, i) => value - first[i]!);
  const count = differences.length;
  const mean = count > 0 ? differences.reduce((a, b) => a + b, 0) / count : 0;
  const means = new Float64Array(resamples);
  let extreme = 0;
  for (let r = 0; r < resamples; r++) {
    const random = randomAt(seed, r);
    let [drawn, flipped] = [0, 0];
    for (let i = 0; i < count; i++) {
      drawn += differences[random.below(count)]!;
      flipped += random.next() < 0.5 ? differences[i]! : -differences[i]!;
    }
    means[r] = count > 0 ? drawn / count : 0;
    if (Math.abs(flipped / Math.max(1, count)) >= Math.abs(mean) - 1e-12) extreme++;
  }
  means.sort();
  const at = (share: number) => means[Math.min(resamples - 1, Math.floor(share * resamples))]!;
  return { mean, low: at(0.025), high: at(0.975), p: (extreme + 1) / (resamples + 1) };
}
