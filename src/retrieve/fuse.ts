/** Several lists of hits as one. */
import { byScore, type Hit } from "./lexical/bm25.ts";

/** How fast a rank's worth falls: Cormack, Clarke and Büttcher 2009. */
const rankConstant = 60;

/** Reciprocal rank fusion: the sum over lists of 1 / (60 + rank), ranks from 1. Best first. */
export function reciprocalRanks(lists: readonly (readonly Hit[])[]): Hit[] {
  const scores = new Map<number, number>();
  for (const list of lists) {
    list.forEach(({ row }, i) => {
      scores.set(row, (scores.get(row) ?? 0) + 1 / (rankConstant + i + 1));
    });
  }
  return Array.from(scores, ([row, score]): Hit => ({ row, score })).sort(byScore);
}

/** Scores of a list from 0 for its worst to 1 for its best. */
function stretched(list: readonly Hit[]): ReadonlyMap<number, number> {
  const [best, worst] = [list[0]?.score ?? 0, list.at(-1)?.score ?? 0];
  return new Map(list.map(({ row, score }) => [row, best > worst ? (score - worst) / (best - worst) : 1]));
}

/** weight · first + (1 − weight) · second, each stretched to 0…1; what a list lacks has 0 in it. Best first. */
export function weightedScores(first: readonly Hit[], second: readonly Hit[], weight: number): Hit[] {
  const [a, b] = [stretched(first), stretched(second)];
  return [...new Set([...a.keys(), ...b.keys()])]
    .map((row): Hit => ({ row, score: weight * (a.get(row) ?? 0) + (1 - weight) * (b.get(row) ?? 0) }))
    .sort(byScore);
}
