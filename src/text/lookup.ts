/**
 * Greedy decoding of one row with several tokens a run: where the text's last tokens stand in it already, those that
 * followed them there are proposed (prompt look-up decoding, Saxena 2023), one run gives the likeliest token after each,
 * and as many are taken as are the likeliest (Leviathan et al. 2023, section 2, without drawing): the tokens are those of one
 * run each.
 */
import type { Ahead, Decoding } from "../models/kinds/language.ts";

/** Most tokens that are proposed at once. */
export const mostProposed = 10;

/** Runs that were won beyond this are not kept: what follows a copied passage may not lose all that it won. */
const mostHeld = 6;

/** Tokens of the end of a text that are looked for in it, what says more first; fewer only where the budget is this large. */
const sizes: readonly (readonly [tokens: number, budget: number])[] = [
  [4, 0],
  [3, 3],
];

/** The tokens that followed the end of a text where it last stood before, `most` of them or fewer. */
export function propose(text: readonly number[], most: number, budget = mostHeld): readonly number[] {
  if (most < 1) return [];
  for (const [size, least] of sizes) {
    if (budget < least) break;
    const end = text.length - size;
    for (let from = end - 1; from >= 0; from--) {
      let same = 0;
      while (same < size && text[from + same] === text[end + same]) same++;
      if (same === size) return text.slice(from + size, from + size + most);
    }
  }
  return [];
}

/**
 * Time of a run over a token and so many proposed ones, in runs over a token alone: at least what was measured, with
 * weights in 4 bits and products of exact numbers (1.9 for 5 tokens, 2.4 for 9) and of 8 bits (1.7, 2.4). A measurement
 * of each run's time would follow the machine more closely, and answers would then depend on its load where sums of
 * several rows differ in their last bits from those of one.
 */
export const costOf = (proposed: number): number => (proposed === 0 ? 1 : 1.6 + 0.1 * proposed);

/** What may be lost by proposals that are not taken: at the start, and for every token of the answer. */
export const allowance = { start: 1.2, each: 0.01 };

/**
 * What may be lost, in runs over a token, after a run that took so many of the proposed tokens. As a run is never begun
 * that could lose more, an answer of n tokens costs n · (1 + each) + start runs at most.
 */
export const budgetAfter = (budget: number, proposed: number, taken: number): number =>
  Math.min(mostHeld, budget + (taken + 1) * (1 + allowance.each) - costOf(proposed));

/** Tokens that may be proposed: all of them could be wrong. */
export function proposable(budget: number): number {
  let count = mostProposed;
  while (count > 0 && costOf(count) - 1 > budget) count--;
  return count;
}

export interface LookedUp {
  /** The likeliest next token after one more token, which is the one that was given last. */
  likeliest(token: number, limit: Limit): Promise<number>;
  /** Take back what was read beyond the token given last. */
  [Symbol.dispose](): void;
}

export interface Limit {
  /** Tokens that are still wanted. */
  readonly most: number;
  /** Whether the likeliest token is the next one after these further ones. */
  plain(further: readonly number[]): boolean;
}

/** Over a decoding that has read the prompt; nothing is proposed from a token in `ends` on. */
export function lookedUp(
  decoding: Pick<Decoding, "likeliest"> & { readonly ahead: Ahead },
  prompt: readonly number[],
  ends: readonly number[],
): LookedUp {
  const { ahead } = decoding;
  const text = [...prompt];
  let budget = allowance.start;
  /** Tokens that are known to follow. */
  let ready: readonly number[] = [];

  function proposal({ most, plain }: Limit): readonly number[] {
    const found = propose(text, Math.min(proposable(budget), most - 1, ahead.room - 1), budget);
    const cut = found.findIndex((token, i) => ends.includes(token) || !plain(found.slice(0, i + 1)));
    return cut < 0 ? found : found.slice(0, cut);
  }

  return {
    async likeliest(token, limit) {
      text.push(token);
      if (ready.length === 0) {
        const proposed = proposal(limit);
        const best = await (proposed.length > 0 ? ahead.likeliest([token, ...proposed]) : decoding.likeliest([token]));
        const differs = proposed.findIndex((guess, i) => guess !== best[i]);
        const taken = differs < 0 ? proposed.length : differs;
        ahead.back(proposed.length - taken);
        budget = budgetAfter(budget, proposed.length, taken);
        ready = best.slice(0, taken + 1);
      }
      const [next, ...rest] = ready as [number, ...number[]];
      ready = rest;
      return next;
    },
    [Symbol.dispose]() {
      ahead.back(ready.length);
      ready = [];
    },
  };
}
