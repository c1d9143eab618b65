/**
 * How near a written answer is to the reference: exact match and token F1 as SQuAD's evaluation, ROUGE as rouge-score
 * without stemming, BLEU as sacrebleu (13a tokens, exponential smoothing). test/fixtures/metrics.json holds their own
 * numbers.
 */
import { countsOf, ngrams, overlap, rouge } from "./rouge.ts";

const articles = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;
const punctuation = /[!-/:-@[-`{-~]/g;

/** SQuAD's normal form: lower case, no punctuation of ASCII, no articles, single spaces. */
export const normalAnswer = (text: string): string =>
  text.toLowerCase().replace(punctuation, "").replace(articles, " ").split(/\s+/).filter(Boolean).join(" ");

export const exactMatch = (text: string, reference: string): number =>
  Number(normalAnswer(text) === normalAnswer(reference));

const harmonic = (shared: number, a: number, b: number): number => (shared === 0 ? 0 : (2 * shared) / (a + b));

/** F1 of the words of the normal forms; two empty answers agree. */
export function tokenF1(text: string, reference: string): number {
  const [a, b] = [text, reference].map((part) => normalAnswer(part).split(" ").filter(Boolean)) as [string[], string[]];
  if (a.length === 0 || b.length === 0) return Number(a.length === b.length);
  return harmonic(overlap(a, b), a.length, b.length);
}

/** F-measure of shared n-grams (Lin 2004). */
export const rougeN = (text: string, reference: string, n: number): number => rouge(text, reference, `rouge${n}`).f;

/** F-measure of the longest common subsequence of words (Lin 2004). */
export const rougeL = (text: string, reference: string): number => rouge(text, reference, "rougeL").f;

/** The tokens of NIST's mteval-v13a. */
function bleuTokens(text: string): string[] {
  return ` ${text
    .replaceAll("<skipped>", "")
    .replaceAll("-\n", "")
    .replaceAll("\n", " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")} `
    .replace(/[{-~[-` -&(-+:-@/]/g, " $& ")
    .replace(/([^0-9])([.,])/gu, "$1 $2 ")
    .replace(/([.,])([^0-9])/gu, " $1 $2")
    .replace(/([0-9])(-)/g, "$1 $2 ")
    .split(/\s+/)
    .filter(Boolean);
}

/** What BLEU counts of one pair; sums of these give the score of many. */
export interface BleuCounts {
  readonly right: readonly number[];
  readonly total: readonly number[];
  readonly length: number;
  readonly reference: number;
}

const orders = [1, 2, 3, 4] as const;

/**
 * Against several references as one: an n-gram counts as often as the reference that has most of it, and the length is
 * that of the reference nearest to the text, the shorter of two (as sacrebleu).
 */
export function bleuCounts(text: string, references: string | readonly string[]): BleuCounts {
  const a = bleuTokens(text);
  const others = [references].flat().map(bleuTokens);
  const far = (length: number) => Math.abs(length - a.length);
  return {
    right: orders.map((n) => {
      const counts = others.map((b) => countsOf(ngrams(b, n)));
      let right = 0;
      for (const [gram, count] of countsOf(ngrams(a, n))) {
        right += Math.min(count, Math.max(0, ...counts.map((known) => known.get(gram) ?? 0)));
      }
      return right;
    }),
    total: orders.map((n) => Math.max(0, a.length - n + 1)),
    length: a.length,
    reference: others.map((b) => b.length).sort((x, y) => far(x) - far(y) || x - y)[0] ?? 0,
  };
}

/** BLEU of a corpus, 0 … 100 (Papineni et al. 2002). */
export function bleu(pairs: readonly BleuCounts[]): number {
  const sum = (pick: (counts: BleuCounts) => number) => pairs.reduce((total, counts) => total + pick(counts), 0);
  const [length, reference] = [sum((counts) => counts.length), sum((counts) => counts.reference)];
  const right = orders.map((_, n) => sum((counts) => counts.right[n]!));
  const total = orders.map((_, n) => sum((counts) => counts.total[n]!));
  if (right.every((count) => count === 0) || total.some((count) => count === 0)) return 0;
  let smoothing = 1;
  const logs = right.map((count, n) => {
    if (count > 0) return Math.log(count / total[n]!);
    smoothing *= 2;
    return Math.log(1 / (smoothing * total[n]!));
  });
  const brevity = length < reference ? Math.exp(1 - reference / length) : 1;
  return 100 * brevity * Math.exp(logs.reduce((a, b) => a + b, 0) / orders.length);
}
