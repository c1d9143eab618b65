/** Middles, spreads and intervals of measured values. */
import { siteSeed } from "../graph/random.ts";

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** The value below which the share `p` lies, linear between neighbours as numpy's default. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = p * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return low + (high - low) * (at - Math.floor(at));
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Standard deviation of a sample; 0 of a single value. */
export function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

/** Uniform in [0, 1), mulberry32: a bootstrap draws millions. */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Interval {
  readonly low: number;
  readonly high: number;
  /** Standard deviation of the statistic over the resamples. */
  readonly stderr: number;
}

export interface BootstrapOptions {
  readonly resamples?: number;
  readonly seed?: number;
  /** The share of resamples inside (0.95). */
  readonly confidence?: number;
}

/**
 * Percentile bootstrap (Efron 1979): the statistic of `resamples` draws with replacement of `count` examples. The
 * same seed draws the same examples.
 * @param statistic of the examples at these places
 */
export function bootstrap(
  count: number,
  statistic: (places: readonly number[]) => number,
  { resamples = 1000, seed = 0, confidence = 0.95 }: BootstrapOptions = {},
): Interval {
  const places = new Array<number>(count).fill(0);
  const found = Array.from({ length: resamples }, (_, i) => {
    const next = uniform(siteSeed(seed, i, 0));
    for (let k = 0; k < count; k++) places[k] = Math.floor(next() * count);
    return statistic(places);
  });
  const tail = (1 - confidence) / 2;
  return { low: quantile(found, tail), high: quantile(found, 1 - tail), stderr: deviation(found) };
}

export interface CalibrationBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Mean of the confidences that fall here, and how often they were right; 0 where none fall. */
  readonly confidence: number;
  readonly accuracy: number;
}

/**
 * How often the model is right when it is so sure: equal bins of confidence and the expected calibration error, the
 * mean distance of the two weighted by the bins' counts (Guo et al. 2017, arXiv 1706.04599).
 */
export function calibration(
  confidences: readonly number[],
  right: readonly boolean[],
  bins = 10,
): { bins: CalibrationBin[]; ece: number } {
  const places: number[][] = Array.from({ length: bins }, () => []);
  confidences.forEach((value, i) => {
    places[Math.min(bins - 1, Math.floor(value * bins))]!.push(i);
  });
  const made = places.map((inside, b): CalibrationBin => {
    const share = (pick: (i: number) => number) => (inside.length === 0 ? 0 : mean(inside.map(pick)));
    return {
      from: b / bins,
      to: (b + 1) / bins,
      count: inside.length,
      confidence: share((i) => confidences[i]!),
      accuracy: share((i) => Number(right[i])),
    };
  });
  const gap = made.reduce((sum, bin) => sum + bin.count * Math.abs(bin.confidence - bin.accuracy), 0);
  return { bins: made, ece: confidences.length === 0 ? 0 : gap / confidences.length };
}

/** F1 of each class that occurs as truth or prediction, averaged: scikit-learn's macro average. */
export function macroF1(truth: readonly number[], predicted: readonly number[]): number {
  return mean([...new Set([...truth, ...predicted])].map((kind) => f1Of(truth, predicted, kind)));
}

/** F1 of one class; 0 where it is neither there nor predicted. */
export function f1Of(truth: readonly number[], predicted: readonly number[], kind: number): number {
  let [both, either] = [0, 0];
  truth.forEach((value, i) => {
    const [is, said] = [value === kind, predicted[i] === kind];
    if (is && said) both++;
    either += Number(is) + Number(said);
  });
  return either === 0 ? 0 : (2 * both) / either;
}

/** A number as tables show it: three decimals, one from ten on. */
export const figure = (value: number): string => (Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(3));
