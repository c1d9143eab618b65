/** Best of n: several answers are drawn, each is scored, and the best is kept. */
import { fail } from "../errors.ts";

export interface Scorer {
  /** What decides its scores. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** Scores of answers to an input; the higher, the better. */
  score(text: string, answers: readonly string[]): Promise<readonly number[]>;
}

export interface Best<T> {
  readonly best: T;
  /** All of them, in their order, with their scores. */
  readonly drawn: readonly { readonly value: T; readonly score: number }[];
}

/** Place of the highest score; of equal ones the first. */
export const bestPlace = (scores: readonly number[]): number =>
  scores.reduce((best, score, i) => (score > scores[best]! ? i : best), 0);

/**
 * The best of `n` draws.
 * @param draw the draw of this number, from 0: the same number gives the same answer
 * @param textOf what is scored of a draw
 */
export async function bestOf<T>(
  n: number,
  draw: (i: number) => Promise<T>,
  textOf: (value: T) => string,
  scorer: Scorer,
  text: string,
): Promise<Best<T>> {
  if (!(Number.isInteger(n) && n >= 1)) fail("wrong_use", `best of ${n}: expected a whole number from 1`);
  const values = await Promise.all(Array.from({ length: n }, (_, i) => draw(i)));
  const scores = await scorer.score(text, values.map(textOf));
  return {
    best: values[bestPlace(scores)]!,
    drawn: values.map((value, i) => ({ value, score: scores[i]! })),
  };
}

/** How far the best of n is from a draw of the model itself at most, in nats: ln n − (n − 1)/n. */
export const divergenceOf = (n: number): number => Math.log(n) - (n - 1) / n;
