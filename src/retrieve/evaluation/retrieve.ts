/** A corpus in memory and all questions asked of it: by words, by vectors, by both. */

import { throwIfAborted } from "../../errors.ts";
import { type CompileOver, exactSearch, laidOut, type Metric, needVector } from "../dense/exact.ts";
import { reciprocalRanks } from "../fuse.ts";
import { type Stemming, termsOf } from "../lexical/analyse.ts";
import { type Bm25Options, bm25, type Hit, lexiconOf } from "../lexical/bm25.ts";
import type { Run } from "./metrics.ts";

/** Hits of each question as a run; a passage whose id is the question's own is none. */
export function runOf(questions: readonly string[], ids: readonly string[], hits: readonly (readonly Hit[])[]): Run {
  return new Map(
    questions.map((question, i) => [
      question,
      new Map(hits[i]!.flatMap(({ row, score }) => (ids[row] === question ? [] : [[ids[row]!, score] as const]))),
    ]),
  );
}

export interface LexicalOptions extends Bm25Options {
  readonly stemming?: Stemming | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The k best texts of each question by words. */
export function lexicalHits(
  texts: readonly string[],
  questions: readonly string[],
  k: number,
  o: LexicalOptions = {},
): Hit[][] {
  const lexicon = lexiconOf(texts, o.stemming);
  return questions.map((question) => {
    throwIfAborted(o.signal);
    return bm25(lexicon, termsOf(question, o.stemming), k, o);
  });
}

/** Vectors as the matrix of a search. @throws bad_input naming what cannot be compared */
export function matrixOf(vectors: readonly Float32Array[], metric: Metric, names: (row: number) => string) {
  const width = vectors[0]?.length ?? 0;
  const values = new Float32Array(vectors.length * width);
  for (const [row, vector] of vectors.entries()) {
    needVector(vector, width, metric, names(row));
    values.set(laidOut(vector, metric), row * width);
  }
  return { width, values };
}

/** The k nearest passages of each question. */
export async function denseHits(
  passages: readonly Float32Array[],
  questions: readonly Float32Array[],
  k: number,
  { metric, compile }: { readonly metric: Metric; readonly compile: CompileOver },
): Promise<Hit[][]> {
  const search = exactSearch(
    matrixOf(passages, metric, (row) => `passage ${row}`),
    { metric, compile },
  );
  try {
    return await search.search(questions, k);
  } finally {
    await search.close();
  }
}

export const hybridHits = (first: readonly (readonly Hit[])[], second: readonly (readonly Hit[])[]): Hit[][] =>
  first.map((hits, i) => reciprocalRanks([hits, second[i]!]));
