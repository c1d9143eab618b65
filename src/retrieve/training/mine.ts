/** Hard negatives: passages that are found for a question and do not answer it. */
import { randomAt, shuffle } from "../../base/rng.ts";
import { fail } from "../../errors.ts";
import { holdsAnswer } from "../evaluation/answers.ts";
import type { Beir } from "../evaluation/beir-node.ts";
import type { Hit } from "../lexical/bm25.ts";
import type { MiningConfig } from "./config.ts";

/** A question with its passages, as rows of the corpus. */
export interface Mined {
  readonly question: string;
  readonly text: string;
  /** Every passage that answers it; training takes the first. */
  readonly positives: readonly number[];
  readonly negatives: readonly number[];
}

export interface MineReport {
  /** Questions without a positive in the corpus, or without any negative. */
  readonly skipped: number;
  /** Questions with fewer negatives than asked for, which are repeated. */
  readonly repeated: number;
}

/** Questions that may fall short, as a share of all. */
const mostShort = 0.2;

/**
 * Negatives of each question from its hits, best first, up to `count`. Those that are judged relevant are none, nor what
 * holds an answer; margins are against the score of the best positive that was found.
 * @throws bad_input where more than a fifth of the questions have fewer than `count`
 */
export function mineNegatives(
  { corpus, questions, judgements }: Beir,
  ids: readonly string[],
  hits: readonly (readonly Hit[])[],
  count: number,
  o: MiningConfig,
  seed: number,
): { readonly mined: readonly Mined[]; readonly report: MineReport } {
  const rowOf = new Map(corpus.map(({ id }, row) => [id, row]));
  const mined: Mined[] = [];
  let [skipped, repeated] = [0, 0];
  ids.forEach((id, q) => {
    const { text, answers } = questions.get(id)!;
    const judged = judgements.get(id) ?? new Map<string, number>();
    const positives = [...judged].filter(([, grade]) => grade > 0).flatMap(([passage]) => rowOf.get(passage) ?? []);
    const right = new Set(positives);
    const list = hits[q]!;
    const best = list.find(({ row }) => right.has(row))?.score;
    const limits = [
      o.max_score,
      best !== undefined && o.absolute_margin !== undefined ? best - o.absolute_margin : undefined,
      best !== undefined && o.relative_margin !== undefined ? best - Math.abs(best) * o.relative_margin : undefined,
    ].filter((limit) => limit !== undefined);
    const fits = ({ row, score }: Hit, rank: number) =>
      rank >= o.range_min &&
      !right.has(row) &&
      limits.every((limit) => score <= limit) &&
      !(o.exclude_answers && answers && holdsAnswer(corpus[row]!.text, answers));
    const found = list
      .slice(0, o.depth)
      .filter(fits)
      .map(({ row }) => row);
    const negatives = (o.sampling === "random" ? shuffle(found, randomAt(seed, q, 11)) : found).slice(0, count);
    if (positives.length === 0 || (negatives.length === 0 && count > 0)) {
      skipped++;
      return;
    }
    if (negatives.length < count) repeated++;
    mined.push({ question: id, text, positives, negatives });
  });
  if (mined.length === 0 || repeated + skipped > mostShort * ids.length) {
    fail(
      "bad_input",
      `of ${ids.length} questions ${skipped} have no negatives at all and ${repeated} fewer than ${count}`,
      {
        hint: "ask for fewer negatives, look at more hits (mining.depth), or loosen the margins",
      },
    );
  }
  return { mined, report: { skipped, repeated } };
}

/** The n-th negative; lists that are shorter are repeated. */
export const negativeAt = ({ negatives }: Mined, n: number): number => negatives[n % negatives.length]!;
