/** A writer that draws several answers and keeps the best, and the choices between answers that a person can make. */
import { fail } from "../../errors.ts";
import { bestOf, type Scorer } from "../../text/best-of.ts";
import { hasWords } from "../run/schedule.ts";
import type { Writer } from "../writers/writer.ts";

export interface BestOptions {
  /** Answers of a call. */
  readonly n: number;
  /** What they are scored by; the first is kept where there is none, so that a person can choose later. */
  readonly scorer?: Scorer | undefined;
}

/** Draws of one call that differ in their seeds alone: the first has the call's own. */
const seedOf = (seed: number, draw: number): number => (seed + Math.imul(draw, 0x9e3779b9)) >>> 0;

/** A score below every other: an answer without a word is never the best. */
const worst = -1e30;

/**
 * The same writer with `n` answers a call. What is kept of a call is decided by its seed, as before: a run that is gone on
 * with makes the same choices.
 * @throws wrong_use for fewer than 1 or more than 64 answers
 */
export function bestWriter(writer: Writer, { n, scorer }: BestOptions): Writer {
  if (!(Number.isInteger(n) && n >= 1 && n <= 64))
    fail("wrong_use", `best of ${n}: expected a whole number from 1 to 64`);
  return {
    ...writer,
    draws: n,
    identity: { ...writer.identity, bestOf: n, reward: scorer?.identity ?? null },
    async write(asked, options) {
      const scored: Scorer = {
        identity: {},
        async score(text, answers) {
          if (!scorer) return answers.map((_, i) => -i);
          const scores = await scorer.score(text, answers);
          return scores.map((score, i) => (hasWords(answers[i]!) ? score : worst));
        },
      };
      const { best, drawn } = await bestOf(
        n,
        (i) => writer.write(asked, { ...options, seed: seedOf(options.seed, i) }),
        ({ text }) => text,
        scored,
        [...asked.context, asked.text].join("\n\n"),
      );
      const sum = (of: "inTokens" | "outTokens") => drawn.reduce((total, { value }) => total + value[of], 0);
      return {
        ...best,
        inTokens: sum("inTokens"),
        outTokens: sum("outTokens"),
        drawn: drawn.map(({ value, score }, i) => ({
          text: value.text,
          seed: seedOf(options.seed, i),
          ...(scorer && { reward: score }),
        })),
      };
    },
  };
}
