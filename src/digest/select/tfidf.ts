/**
 * TF-IDF vectors of texts as scikit-learn makes them: words of two characters and more, one and two in a row, in at
 * least `minDf` texts; (1 + ln tf) · (ln((1 + n) / (1 + df)) + 1), of length 1.
 */

/** A sparse vector: numbers of terms, ascending, and their values. */
export interface Sparse {
  readonly terms: Uint32Array;
  readonly values: Float64Array;
}

export interface Tfidf {
  readonly terms: readonly string[];
  readonly rows: readonly Sparse[];
}

const wordPattern = /[\p{L}\p{N}_]{2,}/gu;

const none: ReadonlySet<string> = new Set();

/** Words and pairs of words of a text, in its order; at most so many characters are looked at. */
export function termsOf(text: string, without: ReadonlySet<string> = none): string[] {
  const words = (text.slice(0, 100_000).toLowerCase().match(wordPattern) ?? []).filter((word) => !without.has(word));
  const terms: string[] = words.slice();
  for (let i = 1; i < words.length; i++) terms.push(`${words[i - 1]} ${words[i]}`);
  return terms;
}

function countsOf(text: string, without: ReadonlySet<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const term of termsOf(text, without)) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
}

export interface TfidfOptions {
  /** Terms of fewer texts are left out. */
  readonly minDf?: number;
  /** Words that are left out before pairs are made. */
  readonly without?: ReadonlySet<string>;
}

export function tfidf(texts: readonly string[], { minDf = 3, without = none }: TfidfOptions = {}): Tfidf {
  const found = new Map<string, number>();
  // Counted twice rather than kept: the counts of all texts take more memory than the vectors.
  for (const text of texts)
    for (const term of new Set(termsOf(text, without))) found.set(term, (found.get(term) ?? 0) + 1);
  const terms: string[] = [];
  const numbers = new Map<string, number>();
  const idf: number[] = [];
  for (const [term, df] of found) {
    if (df < minDf) continue;
    numbers.set(term, terms.length);
    terms.push(term);
    idf.push(Math.log((1 + texts.length) / (1 + df)) + 1);
  }
  found.clear();
  const rows = texts.map((text) => {
    const pairs: [number, number][] = [];
    let square = 0;
    for (const [term, count] of countsOf(text, without)) {
      const number = numbers.get(term);
      if (number === undefined) continue;
      const value = (1 + Math.log(count)) * idf[number]!;
      pairs.push([number, value]);
      square += value * value;
    }
    pairs.sort(([a], [b]) => a - b);
    const length = Math.sqrt(square) || 1;
    return {
      terms: Uint32Array.from(pairs, ([number]) => number),
      values: Float64Array.from(pairs, ([, value]) => value / length),
    };
  });
  return { terms, rows };
}

/** The product of two sparse vectors; of vectors of length 1 their cosine. */
export function dot(a: Sparse, b: Sparse): number {
  let [i, j, sum] = [0, 0, 0];
  while (i < a.terms.length && j < b.terms.length) {
    const difference = a.terms[i]! - b.terms[j]!;
    if (difference === 0) sum += a.values[i++]! * b.values[j++]!;
    else if (difference < 0) i++;
    else j++;
  }
  return sum;
}

/** The product with a dense vector. */
export function dotDense(a: Sparse, dense: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.terms.length; i++) sum += a.values[i]! * dense[a.terms[i]!]!;
  return sum;
}

/** dense += scale · a */
export function addTo(dense: Float64Array, a: Sparse, scale = 1): void {
  for (let i = 0; i < a.terms.length; i++) dense[a.terms[i]!]! += scale * a.values[i]!;
}
