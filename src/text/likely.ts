/** Whether any of some choices is likely at all: the one rule of the command line, the server and the page. */

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
