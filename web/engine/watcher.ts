/** Sees the scores of every step, so that each token is told with its probability and what else was likely there. */

import type { Processor, Said } from "../../src/browser.ts";
import type { Chance } from "../client/client.ts";

/** Ids of the largest scores, the largest first. */
function largest(scores: Float32Array, count: number): number[] {
  const found: number[] = [];
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id]!;
    if (found.length === count && score <= scores[found[count - 1]!]!) continue;
    let at = found.length;
    while (at > 0 && scores[found[at - 1]!]! < score) at--;
    found.splice(at, 0, id);
    if (found.length > count) found.pop();
  }
  return found;
}

function logSumExp(scores: Float32Array): number {
  let top = -Infinity;
  for (const score of scores) if (score > top) top = score;
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - top);
  return top + Math.log(sum);
}

/** Scores of a step as they were, in as much as they are told. */
export interface Step {
  logprob(id: number): number;
  readonly top: readonly { readonly id: number; readonly logprob: number }[];
}

export interface Watcher extends Processor {
  /** Of the token with this number; each step is kept until the next one but one. */
  step(at: number): Step | undefined;
}

/**
 * A processor that changes nothing, except that the answer begins with `begun`. `onStep` is told of every step before
 * its token is chosen, with the tokens chosen so far.
 */
export function watcher(top: number, begun: readonly number[], onStep: (said: Said) => void): Watcher {
  const steps = new Map<number, Step>();
  return {
    apply(_, said, scores) {
      const at = said.answer.length;
      const all = logSumExp(scores);
      const kept = scores.slice();
      const likeliest = largest(scores, top).map((id) => ({ id, logprob: scores[id]! - all }));
      steps.set(at, { logprob: (id) => kept[id]! - all, top: likeliest });
      onStep(said);
      steps.delete(at - 1);
      const forced = begun[at];
      if (forced !== undefined) {
        scores.fill(-Infinity);
        scores[forced] = 0;
      }
    },
    step: (at) => steps.get(at),
  };
}

/** Texts of tokens in their place: what each adds to the text before it. */
export function placedTexts(decode: (ids: readonly number[]) => string) {
  // Enough for every decoder: what a token adds hangs on the one before, and on the bytes of an unfinished character.
  const near = 8;
  return (before: readonly number[], id: number): string => {
    const last = before.slice(-near);
    const without = decode(last);
    const whole = decode([...last, id]);
    return whole.startsWith(without) ? whole.slice(without.length) : whole;
  };
}

export const chanceOf =
  (text: (id: number) => string) =>
  ({ id, logprob }: { readonly id: number; readonly logprob: number }): Chance => ({ id, text: text(id), logprob });
