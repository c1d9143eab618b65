/** Rows longer than the model reads: errors, left out, cut, or read in windows, as whoever tunes has chosen. */
import { fail } from "../errors.ts";
import type { Window } from "../text/heads/answer.ts";
import type { Encoded } from "../tokenizers/tokenizer.ts";

/** What becomes of rows that are too long. */
export const longChoices = ["error", "skip", "cut", "windows"] as const;

export type LongChoice = (typeof longChoices)[number];

export interface Fitting {
  /** Tokens that the model reads beside what the adapter takes. */
  readonly longest: number;
  /** Positions that the adapter takes, for the message where a row does not fit. */
  readonly taken?: number | undefined;
  readonly tooLong: LongChoice;
  /** Tokens that two windows of a row share, at most. */
  readonly stride: number;
  readonly file: string;
}

/** A passage with its question, of which every example is a window. */
export interface Passage {
  readonly context: string;
  readonly encoded: Encoded;
  readonly windows: readonly Window[];
  /** Every answer that is right; none where the passage has none. */
  readonly answers: readonly string[];
}

/** What an example is of: parts of one row share the passage, or the key of the sentence. */
export interface Part {
  readonly passage?: Passage | undefined;
  readonly sentence?: object | undefined;
  /** Its place among the row's parts. */
  readonly part?: number | undefined;
  /** Which of several files tuned together it is of. */
  readonly task?: number | undefined;
}

export type Fate = "whole" | Exclude<LongChoice, "error">;

/** @throws too_long where rows that do not fit are errors */
export function fateOf(tokens: number, name: string, { longest, taken = 0, tooLong, file }: Fitting): Fate {
  if (tokens <= longest) return "whole";
  if (tooLong !== "error") return tooLong;
  const adapter = taken > 0 ? `; the adapter takes ${taken} positions (--n)` : "";
  return fail("too_long", `${name} has ${tokens} tokens, ${longest} fit`, {
    where: file,
    hint: `shorten it, or choose what becomes of such rows: --too-long skip, cut, or of answers and tags windows${adapter}`,
  });
}

/** A text, or two, of at most so many tokens: the longer of the two loses its last ones first. */
export function shortened({ ids, typeIds, sequences }: Encoded, longest: number): { ids: number[]; types: number[] } {
  const last = [sequences.lastIndexOf(0), sequences.lastIndexOf(1)] as [number, number];
  const counts = [0, 1].map((text) => sequences.filter((one) => one === text).length) as [number, number];
  const left = new Set<number>();
  for (let over = ids.length - longest; over > 0 && counts[0] + counts[1] > 0; over--) {
    const longer = counts[1] > counts[0] ? 1 : 0;
    counts[longer]--;
    left.add(last[longer]--);
  }
  const kept = <T>(list: readonly T[]) => list.filter((_, i) => !left.has(i));
  return { ids: kept(ids), types: kept(typeIds) };
}
