/**
 * One bound for everything a tokenizer.json can make of a text: its steps come from a stranger, and each may put many
 * characters in the place of one. What is counted is what a step writes, before it is held.
 */
import { fail } from "../errors.ts";

/** Unicode's own longest decomposition makes 18 characters of one; as bytes those are 36. */
const times = 40;
/** For short texts: a few prefixes. */
const spare = 512;
/** Steps in one file: real ones have up to forty normalisers, up to six pre-tokenizers and up to five decoders. */
export const maxSteps = { normalizer: 64, pre_tokenizer: 24, decoder: 24 } as const;

export interface Growth {
  /** What follows is made of a part of `length` units. */
  part(length: number): void;
  /** A step begins on the part: it may write some times as much as the part had, and no more. */
  begin(): void;
  /** `units` more are written in this step. @throws corrupt_file when they are too many */
  take(units: number): void;
  /** All steps on a part of the text are done, and `units` came out of it. @throws as {@link Growth.take} */
  keep(units: number): void;
}

/** @param length of the whole text in UTF-16 units */
export function createGrowth(length: number): Growth {
  const most = 64_000 + times * length;
  let limit = spare + times * length;
  let written = 0;
  let kept = 0;
  const tooMuch = (): never =>
    fail("corrupt_file", `makes more than ${times} characters for each of a text's ${length}`, {
      where: "tokenizer.json",
      hint: "no published tokenizer does that; do not use this file",
    });
  return {
    part(units) {
      limit = spare + times * units;
    },
    begin() {
      written = 0;
    },
    take(units) {
      written += units;
      if (written > limit) tooMuch();
    },
    keep(units) {
      kept += units;
      if (kept > most) tooMuch();
    },
  };
}
