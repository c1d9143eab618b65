/** A document as it is summarised: its text in one normal form, with the way back, and where it begins and ends. */
import {
  type DocumentText,
  type Heading,
  type Stretch,
  sourceRange,
  wholeStretch,
} from "../../media/documents/document.ts";
import type { Span } from "./spans.ts";
import { type Trimmed, trimmedOf } from "./trim.ts";

export interface Book {
  readonly title?: string | undefined;
  /** NFC, lines end with \n, no soft hyphens. */
  readonly text: string;
  /** In their order, places in `text`. */
  readonly headings: readonly Heading[];
  /** Where each page begins. */
  readonly pages?: readonly number[] | undefined;
  /** Where each stretch of `text` stands in the document's own text. */
  readonly stretches: readonly Stretch[];
  /** Whether every line is a paragraph, as where tags became line ends; else blank lines stand between paragraphs. */
  readonly lines: boolean;
  /** What is summarised: without what stands before and behind a book. */
  readonly body: Span;
  /** What was left out, and why. */
  readonly trimmed: readonly Trimmed[];
}

/** A character and what it may be composed with: marks, and the later letters of a Korean syllable. */
const clusters = /[^\p{M}\u1160-\u11ff][\p{M}\u1160-\u11ff]*|[\p{M}\u1160-\u11ff]+/gu;

interface Normal {
  readonly text: string;
  readonly stretches: readonly Stretch[];
}

/** A text in its normal form, with the place of everything in what it was. */
export function normalText(source: string): Normal {
  if (!/[\r\u00ad]/.test(source) && source.normalize("NFC") === source) {
    return { text: source, stretches: wholeStretch(source) };
  }
  const parts: string[] = [];
  const stretches: Stretch[] = [];
  let length = 0;
  const put = (text: string, at: number, written?: number) => {
    if (text === "") return;
    const last = stretches.at(-1);
    if (written !== undefined) stretches.push({ at: length, source: at, length: text.length, written });
    else if (
      last &&
      last.written === undefined &&
      last.source + last.length === at &&
      last.at + last.length === length
    ) {
      stretches[stretches.length - 1] = { ...last, length: last.length + text.length };
    } else stretches.push({ at: length, source: at, length: text.length });
    parts.push(text);
    length += text.length;
  };
  // Parts between line ends and soft hyphens; a part that is not composed is looked at cluster by cluster.
  for (const { 0: part, index } of source.matchAll(/\r\n?|\u00ad+|[^\r\u00ad]+/g)) {
    if (part[0] === "\u00ad") continue;
    if (part[0] === "\r") put("\n", index, part.length);
    else if (part.normalize("NFC") === part) put(part, index);
    else {
      for (const { 0: cluster, index: at } of part.matchAll(clusters)) {
        const composed = cluster.normalize("NFC");
        put(composed, index + at, composed === cluster ? undefined : cluster.length);
      }
    }
  }
  return { text: parts.join(""), stretches };
}

/** Where places of the source went, for places in their order. */
function moved(places: readonly number[], { stretches, text }: Normal): number[] {
  let i = 0;
  return places.map((place) => {
    while (i + 1 < stretches.length && stretches[i + 1]!.source <= place) i++;
    const found = stretches[i];
    if (!found) return 0;
    const inside = Math.max(0, place - found.source);
    return Math.min(text.length, found.at + (found.written === undefined ? Math.min(inside, found.length) : 0));
  });
}

/** Characters of a line, on average, from which on lines are not those of a wrapped text. */
const longLines = 160;

function linesAreParagraphs({ kind, text }: DocumentText): boolean {
  if (kind === "html" || kind === "epub") return true;
  if (kind !== "text") return false;
  const lines = text.slice(0, 1 << 18).match(/[^\n]*\S[^\n]*/g) ?? [];
  return lines.length > 3 && lines.reduce((sum, line) => sum + line.length, 0) / lines.length > longLines;
}

export interface BookOptions {
  /** Leave nothing out: licences, title pages and tables of contents are summarised too. */
  readonly keepAll?: boolean;
}

export function bookOf(document: DocumentText, { keepAll = false }: BookOptions = {}): Book {
  const normal = normalText(document.text);
  const starts = moved(
    document.headings.map(({ start }) => start),
    normal,
  );
  const headings = document.headings.map(({ path }, i) => ({ start: starts[i]!, path }));
  const { body, trimmed } = keepAll
    ? { body: { start: 0, end: normal.text.length }, trimmed: [] }
    : trimmedOf(normal.text);
  return {
    title: document.title,
    ...normal,
    headings,
    lines: linesAreParagraphs(document),
    ...(document.pages && { pages: moved(document.pages, normal) }),
    body,
    trimmed,
  };
}

/** Where a part of the book stands in the decoded file, of a document whose characters have places there. */
export function placeInSource(
  book: Pick<Book, "stretches">,
  document: Pick<DocumentText, "stretches">,
  { start, end }: Span,
): Span {
  const [from, to] = sourceRange(book, start, end);
  const [first, last] = sourceRange(document, from, to);
  return { start: first, end: last };
}
