/**
 * Sentences of a text. The rules are our own, as those of the platform change with its version, and a tree must be the
 * same everywhere.
 */
import { type Span, trimmedSpan } from "./spans.ts";

const abbreviations =
  "mr mrs ms mme mlle messrs dr st prof rev hon capt col gen lt sgt maj adm gov sen rep jr sr esq vs viz etc cf no vol pp fig ch dept inc ltd co mt e.g i.e a.m p.m".split(
    " ",
  );
const shortened = new RegExp(
  `(?:^|[^\\p{L}])(?:${abbreviations.map((one) => one.replaceAll(".", "\\.")).join("|")}|\\p{Lu})\\.$`,
  "iu",
);
const initial = /(?:^|[^\p{L}])\p{Ll}\.$/u;

/** An end sign, with the quotes and brackets that close behind it, and white space; or one of those that need none. */
const ends = /[.!?…]+["'”’»)\]_*]*(?=\s)|[。！？]+[」』”’）]*/gu;

/** Whether a sentence may begin here. */
const begins = /^\s*["'“‘«([_*—–-]*[\p{Lu}\p{Lt}\p{Lo}\p{N}]/u;

function isEnd(text: string, from: number, at: number, sign: string): boolean {
  if (/^[。！？]/.test(sign)) return true;
  const behind = text.slice(at + sign.length, at + sign.length + 12);
  if (!begins.test(behind)) return false;
  if (!sign.startsWith(".") || sign.startsWith("..")) return true;
  const before = text.slice(Math.max(from, at - 12), at + 1);
  return !shortened.test(before) || initial.test(before);
}

export interface SentenceOptions {
  /** Whether every line is a sentence of its own at least, as in a summary; else blank lines alone end one. */
  readonly lines?: boolean;
}

/** Sentences of a part of a text, in their order, without the white space around them. */
export function sentencesOf(
  text: string,
  within: Span = { start: 0, end: text.length },
  { lines = false }: SentenceOptions = {},
): Span[] {
  const found: Span[] = [];
  const part = text.slice(within.start, within.end);
  const add = (start: number, end: number) => {
    const span = trimmedSpan(text, { start: within.start + start, end: within.start + end });
    if (span.end > span.start) found.push(span);
  };
  let start = 0;
  const paragraph = (end: number) => {
    const here = part.slice(0, end);
    ends.lastIndex = start;
    for (let match = ends.exec(here); match; match = ends.exec(here)) {
      if (!isEnd(here, start, match.index, match[0])) continue;
      add(start, ends.lastIndex);
      start = ends.lastIndex;
    }
    add(start, end);
    start = end;
  };
  for (const { index, 0: gap } of part.matchAll(lines ? /\n+/g : /\n[^\S\n]*\n\s*/g)) {
    paragraph(index);
    start = index + gap.length;
  }
  paragraph(part.length);
  return found;
}
