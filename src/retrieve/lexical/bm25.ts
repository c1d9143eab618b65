/**
 * BM25 as Lucene has it (Robertson and Zaragoza 2009): the sum over the query's terms of
 * ln(1 + (N − df + ½) / (df + ½)) · tf · (k1 + 1) / (tf + k1 · (1 − b + b · length / mean length)).
 */
import { fail } from "../../errors.ts";
import { type Stemming, termsOf } from "./analyse.ts";

/** The texts that have a term, by ascending number, and how often each has it. */
export interface Postings {
  readonly texts: ArrayLike<number>;
  readonly counts: ArrayLike<number>;
}

/** What is counted of a set of texts, numbered from 0. */
export interface Lexicon {
  /** Terms of each text. */
  readonly lengths: ArrayLike<number>;
  postings(term: string): Postings;
}

export interface Bm25Options {
  /** How soon a repeated term adds no more. Default 1.2. */
  readonly k1?: number | undefined;
  /** How much a long text is held back, from 0 to 1. Default 0.75. */
  readonly b?: number | undefined;
}

export interface Hit {
  /** Number of the text. */
  readonly row: number;
  readonly score: number;
}

/** @throws bad_input for parameters outside of their range */
export function needBm25({ k1 = 1.2, b = 0.75 }: Bm25Options): void {
  if (!(k1 >= 0 && Number.isFinite(k1))) fail("bad_input", `k1 is ${k1}; expected 0 or more`);
  if (!(b >= 0 && b <= 1)) fail("bad_input", `b is ${b}; expected a number from 0 to 1`);
}

/** Best first, of equal ones the lower number first. */
export const byScore = (a: Hit, b: Hit): number => b.score - a.score || a.row - b.row;

/**
 * The k best texts for the terms of a query, best first; texts with none of them are none. A term that is asked twice
 * counts twice.
 * @param allowed which texts may be found; all by default
 */
export function bm25(
  lexicon: Lexicon,
  terms: readonly string[],
  k: number,
  { k1 = 1.2, b = 0.75 }: Bm25Options = {},
  allowed?: (row: number) => boolean,
): Hit[] {
  const { lengths } = lexicon;
  const count = lengths.length;
  let total = 0;
  for (let i = 0; i < count; i++) total += lengths[i]!;
  const mean = count > 0 ? total / count : 0;
  const asked = new Map<string, number>();
  for (const term of terms) asked.set(term, (asked.get(term) ?? 0) + 1);
  const scores = new Map<number, number>();
  for (const [term, times] of asked) {
    const { texts, counts } = lexicon.postings(term);
    const idf = Math.log(1 + (count - texts.length + 0.5) / (texts.length + 0.5));
    for (let i = 0; i < texts.length; i++) {
      const [row, tf] = [texts[i]!, counts[i]!];
      if (allowed && !allowed(row)) continue;
      const norm = k1 * (1 - b + (mean > 0 ? (b * lengths[row]!) / mean : 0));
      scores.set(row, (scores.get(row) ?? 0) + (times * idf * tf * (k1 + 1)) / (tf + norm));
    }
  }
  return Array.from(scores, ([row, score]): Hit => ({ row, score }))
    .sort(byScore)
    .slice(0, k);
}

/** A lexicon in memory to which texts can be added; the next one has the next number. */
export interface GrowingLexicon extends Lexicon {
  add(text: string): void;
}

export function growingLexicon(stemming: Stemming = "none"): GrowingLexicon {
  const lengths: number[] = [];
  const lists = new Map<string, { texts: number[]; counts: number[] }>();
  const none: Postings = { texts: [], counts: [] };
  return {
    lengths,
    postings: (term) => lists.get(term) ?? none,
    add(text) {
      const row = lengths.length;
      const terms = termsOf(text, stemming);
      lengths.push(terms.length);
      for (const term of terms) {
        let list = lists.get(term);
        if (!list) {
          list = { texts: [], counts: [] };
          lists.set(term, list);
        }
        if (list.texts.at(-1) === row) list.counts[list.counts.length - 1]!++;
        else {
          list.texts.push(row);
          list.counts.push(1);
        }
      }
    },
  };
}

/** The lexicon of texts in memory. */
export function lexiconOf(texts: Iterable<string>, stemming: Stemming = "none"): Lexicon {
  const lexicon = growingLexicon(stemming);
  for (const text of texts) lexicon.add(text);
  return lexicon;
}
