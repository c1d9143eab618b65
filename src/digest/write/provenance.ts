/** Where in its source a sentence comes from: by the words that they share. */

import { sentencesOf } from "../papers/sentences.ts";
import { functionWords } from "../select/words.ts";

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A word's beginning stands for its forms. */
const stem = (word: string): string => (word.length > 5 ? word.slice(0, 5) : word);

const contentOf = (text: string): Set<string> =>
  new Set((text.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? []).filter((word) => !functionWords.has(word)).map(stem));

/** A sentence is linked to those that together hold at least so much of its words. */
const leastShare = 0.5;
const leastOfOne = 0.25;

/** Sentences of the source that hold a sentence's words, the one that holds most first; none where too few are there. */
export function spansOf(sentence: string, source: string): Span[] {
  const open = contentOf(sentence);
  const count = open.size;
  if (count === 0) return [];
  const candidates = sentencesOf(source).map(({ start, end, text }) => ({ start, end, words: contentOf(text) }));
  const spans: Span[] = [];
  while (open.size > 0 && spans.length < 3) {
    let [best, shared] = [-1, 0];
    for (const [i, { words }] of candidates.entries()) {
      let own = 0;
      for (const word of open) if (words.has(word)) own++;
      if (own > shared) [best, shared] = [i, own];
    }
    if (best < 0 || (spans.length > 0 && shared < leastOfOne * count)) break;
    const { start, end, words } = candidates[best]!;
    spans.push({ start, end });
    for (const word of words) open.delete(word);
  }
  return 1 - open.size / count >= leastShare ? spans : [];
}
