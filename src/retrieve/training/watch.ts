/** What tells that a training learns nothing: a loss that stays that of guessing, and vectors that are all alike. */
import { fail } from "../../errors.ts";

/** Steps over which a loss is looked at, and how near to that of guessing it may stay. */
const flatSteps = 100;
const flatShare = 0.005;
/** Vectors that are nearer to each other than this on average say nothing. */
const collapsed = 0.99;

const advice = "lower lr, look for repeated passages, or raise scale";

/** A loss that stays that of guessing is no learning. */
export function flatWatch(candidates: number) {
  const losses: number[] = [];
  const chance = Math.log(candidates);
  return (loss: number, step: number) => {
    if (!Number.isFinite(loss)) fail("bad_input", `the loss of step ${step} is ${loss}`, { hint: advice });
    losses.push(loss);
    if (losses.length < 2 * flatSteps || candidates < 2) return;
    const mean = losses.slice(-flatSteps).reduce((a, b) => a + b, 0) / flatSteps;
    if (Math.abs(mean - chance) < flatShare * chance) {
      fail(
        "bad_input",
        `the loss stays at ${mean.toFixed(3)}, that of guessing among ${candidates}: nothing is learnt`,
        { hint: advice },
      );
    }
  };
}

/**
 * @param likeness mean cosine of different texts' vectors
 * @throws bad_input where they say nothing
 */
export function needApart(likeness: number): void {
  if (likeness > collapsed) {
    const what = `all vectors have become alike (mean cosine ${likeness.toFixed(4)}): the retriever has collapsed`;
    fail("bad_input", what, { hint: advice });
  }
}
