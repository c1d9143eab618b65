/** The two lists of a question, by words and by vectors, as one. */
import { reciprocalRanks, weightedScores } from "./fuse.ts";
import type { Hit } from "./lexical/bm25.ts";

export const modes = ["hybrid", "dense", "bm25"] as const;
export type Mode = (typeof modes)[number];

export interface Ranked extends Hit {
  /** What the score is made of. */
  readonly scores: { readonly bm25?: number; readonly dense?: number };
}

/**
 * Best first. Hybrid adds the reciprocals of ranks, with a weight the stretched scores.
 * @param words hits by words; of no account in the mode dense
 * @param dense hits by vectors; of no account in the mode bm25
 */
export function fused(mode: Mode, words: readonly Hit[], dense: readonly Hit[], weight?: number): Ranked[] {
  const hits = {
    hybrid: () => (weight === undefined ? reciprocalRanks([words, dense]) : weightedScores(dense, words, weight)),
    dense: () => dense,
    bm25: () => words,
  }[mode]();
  const [byWords, byVector] = [words, dense].map((list) => new Map(list.map(({ row, score }) => [row, score])));
  return hits.map(({ row, score }) => {
    const [lexical, near] = [byWords!.get(row), byVector!.get(row)];
    return {
      ...{ row, score },
      scores: { ...(lexical !== undefined && { bm25: lexical }), ...(near !== undefined && { dense: near }) },
    };
  });
}
