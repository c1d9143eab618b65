/** Where a text may be cut, and what a cut costs there: nothing at a chapter, most inside of a word. */
import type { Heading } from "../../media/documents/document.ts";
import { sentencesOf } from "./sentences.ts";
import type { Span } from "./spans.ts";

/** What a cut costs, by what it stands before. */
export const cutCosts = { heading: 0, scene: 0.05, paragraph: 0.12, sentence: 0.35, space: 1.5, anywhere: 5 } as const;
export type CutKind = keyof typeof cutCosts;

export interface Boundary {
  /** The first character behind the cut. */
  readonly at: number;
  readonly kind: CutKind;
}

const counted =
  "\\d+|[ivxlcdm]+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last";
const titled = new RegExp(
  `^(?:(?:chapter|book|part|volume|letter|act|scene|stave|canto|section)\\s+(?:the\\s+)?(?:${counted})\\b|(?:prologue|epilogue|preface|foreword|afterword|introduction|conclusion|appendix|interlude)\\b)`,
  "i",
);
const numeral = /^(?:[IVXLC]{1,7}|\d{1,3})(?:[.:)—-]|$|\s+[\p{Lu}“"])/u;
const mostHeading = 80;

/** Whether the first line of a block is the heading of a chapter or a part. */
export function isHeadingLine(line: string): boolean {
  const text = line.trim().replace(/^[_*#\s]+|[_*]+$/g, "");
  if (text === "" || text.length > mostHeading) return false;
  if (titled.test(text)) return true;
  return numeral.test(text) && !/[a-z][.!?]["”]?$/.test(text);
}

const rule = /^[\s*#—_~•·=-]*[*#—][\s*#—_~•·=-]*$/;

const countOf = (text: string, character: string): number => text.split(character).length - 1;

export interface BoundaryOptions {
  readonly headings: readonly Heading[];
  /** Characters of a sentence, or of a run without white space, from which on cuts inside of it are looked for. */
  readonly long: number;
  /** Whether every line is a paragraph. */
  readonly lines?: boolean | undefined;
}

/** Character clusters (an accent with its letter, a flag) are not cut. */
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * Boundaries inside of `body`, in their order, each once with the least cost. Cuts between words and inside of them are
 * given only for sentences and runs longer than `long`: elsewhere one at a sentence's end costs less, however far from the
 * ideal place it is.
 */
export function boundariesOf(text: string, body: Span, { headings, long, lines = false }: BoundaryOptions): Boundary[] {
  const kinds = new Map<number, CutKind>();
  const add = (at: number, kind: CutKind) => {
    if (at <= body.start || at >= body.end) return;
    const known = kinds.get(at);
    if (known === undefined || cutCosts[kind] < cutCosts[known]) kinds.set(at, kind);
  };
  const part = text.slice(body.start, body.end);
  const lineEnd = (at: number) => {
    const end = text.indexOf("\n", at);
    return end < 0 || end > body.end ? body.end : end;
  };
  const lineAt = (at: number) => text.slice(at, lineEnd(at));
  let previous = body.start;
  for (const { index, 0: gap } of part.matchAll(lines ? /\n\s*/g : /\n[^\S\n]*\n\s*/g)) {
    const at = body.start + index + gap.length;
    const before = text.slice(previous, body.start + index);
    const isScene = countOf(gap, "\n") >= 4 || rule.test(before);
    add(at, isHeadingLine(lineAt(at)) ? "heading" : isScene ? "scene" : "paragraph");
    previous = at;
  }
  for (const { start } of headings) add(start, "heading");
  const spans = sentencesOf(text, body, { lines });
  spans.forEach((span, i) => {
    add(span.start, "sentence");
    const end = spans[i + 1]?.start ?? body.end;
    if (end - span.start > long) insideOf(text, { start: span.start, end }, long, add);
  });
  return [...kinds].map(([at, kind]) => ({ at, kind })).sort((a, b) => a.at - b.at);
}

/** Cuts in a long sentence: before words, and in runs of letters that are long themselves between characters. */
function insideOf(text: string, { start, end }: Span, long: number, add: (at: number, kind: CutKind) => void): void {
  let run = start;
  const close = (to: number) => {
    if (to - run > long) {
      for (const { index } of graphemes.segment(text.slice(run, to))) if (index > 0) add(run + index, "anywhere");
    }
  };
  for (const { index, 0: gap } of text.slice(start, end).matchAll(/\s+/g)) {
    close(start + index);
    run = start + index + gap.length;
    add(run, "space");
  }
  close(end);
}
