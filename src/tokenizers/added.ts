/** Added tokens: found in a text before anything else is done with it. */
import type { AddedToken } from "./check.ts";
import { createFinder, type Finder } from "./trie.ts";

const isWhiteSpace = (char: string): boolean => /\p{White_Space}/u.test(char);
/** Python's str.isspace, which decides what a special token's lstrip and rstrip take. */
export function isPythonSpace(char: string): boolean {
  if (char >= "\u001c" && char <= "\u001f") return true;
  return char === "\u0085" || (char !== "\ufeff" && /\s/.test(char));
}

const wordBefore = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const wordAfter = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

interface Part {
  readonly start: number;
  readonly end: number;
  readonly token?: AddedToken;
}

/** Parts of a text, [start, end) in UTF-16 units, in order. */
export type Ranges = readonly (readonly [start: number, end: number])[];

/** Whether a stretch of a text lies in one of the ranges, be it with one character. */
export function touches(ranges: Ranges, start: number, end: number): boolean {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]![1] <= start) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && ranges[low]![0] < end;
}

/** Told of a token that stands in a text: whether it is to be passed over. */
type Skip = (token: AddedToken, start: number, end: number) => boolean;

/**
 * Cuts texts at the added tokens in them; lstrip and rstrip tokens swallow the spaces beside them.
 * @param tokens by spelling
 * @param isSpace what they swallow: Unicode's White_Space in the Rust library, another set in Python's
 */
export function createSplitter(
  tokens: ReadonlyMap<string, AddedToken>,
  isSpace: (char: string) => boolean = isWhiteSpace,
): (text: string, skip?: Skip) => Part[] {
  const list = [...tokens];
  const finder = createFinder(list.map(([spelling]) => spelling));
  if (!finder) return (text) => [{ start: 0, end: text.length }];
  return (text, skip) => {
    const parts: Part[] = [];
    let from = 0;
    for (let index = finder.next(text, 0), after = 0; index >= 0; index = finder.next(text, after)) {
      const [spelling, token] = list[finder.at(text, index)]!;
      let start = index;
      let end = start + spelling.length;
      after = end;
      if (skip?.(token, start, end)) {
        after = start + 1;
        continue;
      }
      if (token.singleWord) {
        if (wordBefore.test(text.slice(Math.max(0, start - 2), start)) || wordAfter.test(text.slice(end, end + 2)))
          continue;
      }
      while (token.lstrip && start > from && isSpace(text[start - 1]!)) start--;
      while (token.rstrip && end < text.length && isSpace(text[end]!)) end++;
      if (start > from) parts.push({ start: from, end: start });
      parts.push({ start, end, token });
      from = end;
      after = end;
    }
    if (from < text.length) parts.push({ start: from, end: text.length });
    return parts;
  };
}

/** Which special tokens of a text are recognised: see EncodeOptions. */
interface Allowed {
  readonly allowSpecial?: boolean;
  readonly plain?: Ranges;
}

/** {@link createSplitter} for tokenizers in which texts are searched as they stand. */
export function createSearch(
  tokens: ReadonlyMap<string, AddedToken>,
  isSpace?: (char: string) => boolean,
): (text: string, allowed: Allowed) => Part[] {
  const all = createSplitter(tokens, isSpace);
  const plain = createSplitter(new Map([...tokens].filter(([, token]) => !token.special)), isSpace);
  return (text, { allowSpecial = true, plain: ranges = [] }) =>
    allowSpecial ? all(text, (token, start, end) => token.special && touches(ranges, start, end)) : plain(text);
}

/** Cut a word inside every special token spelt in it, so that no model can put it together again. */
export function* broken(word: string, special: Finder): Generator<string> {
  let from = 0;
  for (let at = special.next(word, 0); at >= 0; at = special.next(word, from)) {
    const cut = at + (word.codePointAt(at)! > 0xffff ? 2 : 1);
    if (cut >= word.length) break;
    yield word.slice(from, cut);
    from = cut;
  }
  yield word.slice(from);
}
