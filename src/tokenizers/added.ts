/** Added tokens: found in a text before anything else is done with it. */
import type { AddedToken } from "./check.ts";

const isWhiteSpace = (char: string): boolean => /\p{White_Space}/u.test(char);
const wordBefore = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const wordAfter = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

/** A pattern for any of the texts; undefined for none. `g` for searching, `y` for one place. */
export function matcher(contents: readonly string[], flag: "g" | "y" = "g"): RegExp | undefined {
  if (contents.length === 0) return undefined;
  // Longest first: alternation takes the first that fits, and the reference takes the longest.
  const sorted = [...contents].sort((a, b) => b.length - a.length);
  return new RegExp(sorted.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|"), flag);
}

interface Part {
  readonly start: number;
  readonly end: number;
  readonly token?: AddedToken;
}

/**
 * Cut a text at the added tokens in it; lstrip and rstrip tokens swallow the spaces beside them.
 * @param isSpace what they swallow: Unicode's White_Space in the Rust library, another set in Python's
 */
export function split(
  text: string,
  pattern: RegExp | undefined,
  tokens: ReadonlyMap<string, AddedToken>,
  isSpace = isWhiteSpace,
): Part[] {
  if (!pattern) return [{ start: 0, end: text.length }];
  const parts: Part[] = [];
  let from = 0;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const token = tokens.get(match[0])!;
    let start = match.index;
    let end = start + match[0].length;
    if (token.singleWord) {
      if (wordBefore.test(text.slice(Math.max(0, start - 2), start)) || wordAfter.test(text.slice(end, end + 2)))
        continue;
    }
    while (token.lstrip && start > from && isSpace(text[start - 1]!)) start--;
    while (token.rstrip && end < text.length && isSpace(text[end]!)) end++;
    if (start > from) parts.push({ start: from, end: start });
    parts.push({ start, end, token });
    from = end;
    pattern.lastIndex = end;
  }
  if (from < text.length) parts.push({ start: from, end: text.length });
  return parts;
}

/** Cut a word inside every special token spelt in it, so that no model can put it together again. */
export function* broken(word: string, pattern: RegExp): Generator<string> {
  let rest = word;
  for (;;) {
    pattern.lastIndex = 0;
    const match = pattern.exec(rest);
    const cut = match ? match.index + (match[0].codePointAt(0)! > 0xffff ? 2 : 1) : rest.length;
    if (!match || cut >= rest.length) break;
    yield rest.slice(0, cut);
    rest = rest.slice(cut);
  }
  yield rest;
}
