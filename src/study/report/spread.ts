/** Mean and spread of what was measured more than once. */

export interface Spread {
  readonly mean: number;
  /** Of the sample (n − 1); 0 of one. */
  readonly sd: number;
  readonly n: number;
}

export const meanOf = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

export function spreadOf(values: readonly number[]): Spread {
  const mean = meanOf(values);
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return { mean, sd: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0, n: values.length };
}

/** Places in rising order from 0, equal values sharing the mean of theirs. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const rank = new Array<number>(values.length);
  for (let i = 0; i < order.length; ) {
    let end = i;
    while (end < order.length && values[order[end]!] === values[order[i]!]) end++;
    for (let k = i; k < end; k++) rank[order[k]!] = (i + end - 1) / 2;
    i = end;
  }
  return rank;
}

/** Pearson's correlation; undefined where either side is constant. */
export function correlation(a: readonly number[], b: readonly number[]): number | undefined {
  const [ma, mb] = [meanOf(a), meanOf(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i]! - ma) * (b[i]! - mb);
    aa += (a[i]! - ma) ** 2;
    bb += (b[i]! - mb) ** 2;
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : undefined;
}

/** Spearman's correlation of ranks; undefined where either side is constant. */
export const rankCorrelation = (a: readonly number[], b: readonly number[]): number | undefined =>
  correlation(ranks(a), ranks(b));
