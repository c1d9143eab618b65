/** Log-probabilities of given answers, in pieces that fit in memory. */
import { throwIfAborted } from "../errors.ts";
import { type LanguageModel, needNumbers } from "../models/kinds/language.ts";

/** Floats of one [positions, vocabulary] tensor: 256 MiB. */
const mostLogits = 2 ** 26;

interface Row {
  readonly ids: readonly number[];
  readonly targets: readonly (readonly number[])[];
}

/**
 * Log-probability of every token of every target, `[row][target][token]`. A row is read once, whatever its number
 * of targets; rows and targets are taken in such numbers that the logits of one run stay within bounds.
 */
export async function scoreTargets(
  model: LanguageModel,
  rows: readonly Row[],
  signal?: AbortSignal,
  limit = mostLogits,
): Promise<number[][][]> {
  throwIfAborted(signal);
  const longest = Math.max(1, ...rows.flatMap(({ targets }) => targets.map(({ length }) => length)));
  const most = Math.floor(limit / (model.vocabulary * longest));
  if (rows.length > 1 && rows.length > most) {
    const half = rows.length >> 1;
    const first = await scoreTargets(model, rows.slice(0, half), signal, limit);
    return [...first, ...(await scoreTargets(model, rows.slice(half), signal, limit))];
  }
  const reading = await model.read(rows.map(({ ids }) => ids));
  const results = rows.map((): number[][] => []);
  const choices = Math.max(...rows.map(({ targets }) => targets.length));
  const step = Math.max(1, Math.floor(most / rows.length));
  for (let at = 0; at < choices; at += step) {
    throwIfAborted(signal);
    const part = await reading.score(rows.map(({ targets }) => targets.slice(at, at + step)));
    part.forEach((scores, row) => {
      results[row]!.push(...scores);
    });
  }
  return results;
}

/** Below this a choice, or all of them together, are answers that the model would hardly give. */
const hardly = 0.01;
/** The least geometric mean of a long answer's token probabilities: 1 in 10. */
const perToken = 0.1;

/**
 * Whether the best choice is an answer that the model could have given by itself. Shares among choices say nothing of
 * that: one of two is always ahead, and a single one has all.
 *
 * It is where all choices together have 1 in 100 of the probability of every answer there is. A sentence among many ways
 * to say the same has less, and still each of its tokens follows well from those before: so a choice is also likely
 * where its tokens have 1 in 10 each, on (geometric) average. Both are needed: the end token, almost certain after any
 * word, lifts the average of a short answer whose only word is not.
 */
export function anyLikely(scores: readonly number[], lengths: readonly number[]): boolean {
  const together = scores.reduce((sum, score) => sum + Math.exp(score), 0);
  return together >= hardly || scores.some((score, i) => score / lengths[i]! >= Math.log(perToken));
}

/** Index of the highest score, the first on ties. */
export function bestOf(scores: readonly number[]): number {
  needNumbers(scores);
  return scores.indexOf(Math.max(...scores));
}
