/** What stands before and behind a book and is no part of it, by rules. */
import { type Span, trimmedSpan } from "./spans.ts";

export interface Trimmed {
  readonly span: Span;
  /** A word for people: "licence", "table of contents". */
  readonly why: string;
}

const gutenbergStart =
  /^\*{3}[ ]?START OF (?:THE|THIS) PROJECT GUTENBERG[^\n]*(?:\n[^\n]+)*?\*{3}[^\n]*$|^\*END\*?THE SMALL PRINT![^\n]*$/im;
const gutenbergEnd = /^\*{3}[ ]?END OF (?:THE|THIS) PROJECT GUTENBERG|^End of (?:the |this )?Project Gutenberg/im;

/** Blocks between blank lines. */
function* blocksFrom(text: string, { start, end }: Span): Generator<Span> {
  const gap = /\n[^\S\n]*\n\s*/g;
  for (let at = start; at < end; ) {
    gap.lastIndex = at;
    const found = gap.exec(text);
    const stop = found && found.index < end ? found.index : end;
    const span = trimmedSpan(text, { start: at, end: stop });
    if (span.end > span.start) yield span;
    at = found && found.index < end ? gap.lastIndex : end;
  }
}

const contentsTitle = /^(?:the\s+)?(?:table\s+of\s+)?contents[.:]?$/i;
const numbered =
  /^(?:chapter|book|part|volume|letter|act|scene|stave|canto|preface|prologue|epilogue|introduction|introductory|conclusion|appendix|page|[ivxlcdm]+\b|\d+\b)|(?:\.{2,}|\s{2,})\s*(?:\d+|[ivxlc]+)$/i;
const longestLine = 90;
const longestTitle = 60;

/** A line of a table of contents: numbered, or short and no sentence. */
const isEntryLine = (line: string): boolean =>
  line.length <= longestLine &&
  (numbered.test(line) || (line.length <= longestTitle && !/\p{Ll}[.!?,;]["”]?$/u.test(line)));

/** Entries, a line each, or one of two or three lines. */
function isEntry(block: string): boolean {
  const lines = block.split("\n").map((line) => line.trim());
  return lines.every(isEntryLine) || (lines.length <= 3 && block.length <= 200 && numbered.test(lines[0]!));
}

const notices =
  /^\s*(?:copyright\s*)?(?:©|\(c\)\s*\d{4}|copyright\s+(?:\d{4}|by\b))|all rights reserved|\bISBN\b|^produced by\b|^e-?text prepared|^transcribed? (?:from|by)\b|^\[?transcriber'?s? note|^this e-?(?:book|text)\b/im;

/** Most characters of a title page: what stands before a table of contents. */
const titlePage = 3000;
/** Blocks that are looked at for notices. */
const noticeBlocks = 12;
/** Characters within which a table of contents ends. */
const mostContents = 40_000;

/** Behind the table of contents, where one stands at the beginning. */
function behindContents(text: string, body: Span): number | undefined {
  let inside = false;
  let entries = 0;
  let behind = body.start;
  const seen = new Set<string>();
  for (const span of blocksFrom(text, body)) {
    if (span.start - body.start > mostContents) break;
    const block = text.slice(span.start, span.end);
    if (!inside) {
      if (span.start - body.start > titlePage) return undefined;
      const [first, ...rest] = block.split("\n").map((line) => line.trim());
      if (!contentsTitle.test(first!)) continue;
      inside = true;
      behind = span.end;
      if (rest.length === 0) continue;
      if (!isEntry(rest.join("\n"))) return undefined;
      entries += rest.length;
      for (const line of rest) seen.add(line.toLowerCase());
      continue;
    }
    const lines = block.split("\n").map((line) => line.trim().toLowerCase());
    // The book itself begins behind a wider gap, or with a line that the table has too.
    const wide = (/\s*$/.exec(text.slice(behind, span.start))?.[0].match(/\n/g)?.length ?? 0) >= 4;
    if (!isEntry(block) || seen.has(lines[0]!) || (wide && entries >= 2)) break;
    for (const line of lines) seen.add(line);
    entries += lines.length;
    behind = span.end;
  }
  return inside && entries >= 2 ? behind : undefined;
}

/** Behind the last of the notices at the beginning. */
function behindNotices(text: string, body: Span): number | undefined {
  let behind: number | undefined;
  let count = 0;
  for (const span of blocksFrom(text, body)) {
    if (++count > noticeBlocks || span.start - body.start > titlePage) break;
    const block = text.slice(span.start, span.end);
    if (block.length < 1500 && notices.test(block)) behind = span.end;
  }
  return behind;
}

const nextText = (text: string, at: number): number => at + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0);

/**
 * What of a text is the book. Rules only take from both ends, so that it stays in one piece; where they would leave
 * nothing, nothing is taken.
 */
export function trimmedOf(text: string): { readonly body: Span; readonly trimmed: readonly Trimmed[] } {
  const trimmed: Trimmed[] = [];
  let { start, end } = trimmedSpan(text, { start: 0, end: text.length });
  const cut = (to: number, why: string) => {
    const next = nextText(text, to);
    if (next >= end) return;
    trimmed.push({ span: { start, end: next }, why });
    start = next;
  };
  const first = gutenbergStart.exec(text);
  if (first) cut(first.index + first[0].length, "licence and header");
  const tail = text.slice(start);
  const last = gutenbergEnd.exec(tail);
  if (last && tail.slice(0, last.index).trim() !== "") {
    trimmed.push({ span: { start: start + last.index, end }, why: "licence" });
    end = trimmedSpan(text, { start, end: start + last.index }).end;
  }
  const notice = behindNotices(text, { start, end });
  if (notice !== undefined) cut(notice, "notice");
  const contents = behindContents(text, { start, end });
  if (contents !== undefined) cut(contents, "title page and table of contents");
  return { body: { start, end }, trimmed };
}
