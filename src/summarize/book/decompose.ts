/** A book as a tree of parts, by rules alone: the same bytes and options give the same tree. */
import { fail } from "../../errors.ts";
import type { Heading } from "../../media/documents/document.ts";
import type { Book } from "./book.ts";
import { type Boundary, boundariesOf, isHeadingLine } from "./boundaries.ts";
import { countBefore, leavesOf } from "./chunk.ts";
import type { Span } from "./spans.ts";
import { type Draft, type Fits, fans, leafDraft, rootOf, type Tree, treeOf } from "./tree.ts";

export interface Decomposition {
  /** Tokens of a leaf as they should be. */
  readonly leafTokens: number;
  /** Most tokens of a leaf. */
  readonly most: number;
  readonly fits: Fits;
  /** Sections get subtrees of their own: at chapters, or at headings down to a level. */
  readonly by?: "chapter" | number | undefined;
  /** Nothing behind the place where this heading begins. */
  readonly until?: string | undefined;
  readonly seed?: number;
  readonly jitter?: number;
}

export interface Decomposed {
  readonly tree: Tree;
  /** What the tree spans. */
  readonly body: Span;
  /** Tokens of it. */
  readonly tokens: number;
}

const plain = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();

/** Headings of the document, and of a text without any the lines that look like one. */
export function headingsOf({ text, headings, body }: Book): readonly Heading[] {
  const inside = headings.filter(({ start }) => start >= body.start && start < body.end);
  if (inside.length > 1) return inside;
  const found: Heading[] = [];
  const first = text.slice(body.start, body.end);
  for (const { index, 1: line } of first.matchAll(/(?<=^|\n[^\S\n]*\n)[^\S\n]*([^\n]+)/g)) {
    const at = body.start + index + first.slice(index).search(/\S/);
    if (isHeadingLine(line!)) found.push({ start: at, path: [line!.trim()] });
  }
  return found;
}

/** Where the heading begins that somebody named. @throws not_found with those that there are */
export function placeOfHeading(headings: readonly Heading[], wanted: string): number {
  const key = plain(wanted);
  const names = headings.map(({ path, start }) => ({
    name: plain(path.at(-1) ?? ""),
    start,
    shown: path.at(-1) ?? "",
  }));
  const found = names.find(({ name }) => name === key) ?? names.find(({ name }) => `${name} `.startsWith(`${key} `));
  if (found) return found.start;
  const shown = names.slice(0, 8).map(({ shown }) => `"${shown.slice(0, 40)}"`);
  return fail("not_found", `there is no heading "${wanted.slice(0, 80)}"`, {
    hint:
      shown.length > 0
        ? `there is ${shown.join(", ")}${names.length > 8 ? ", …" : ""}`
        : "no heading was found in the text",
  });
}

/** Sections shorter than this belong to the next one: a part's heading before its first chapter's. */
const leastSection = 50;

function sectionsOf(
  headings: readonly Heading[],
  body: Span,
  by: "chapter" | number,
  tokensBefore: (at: number) => number,
): { readonly span: Span; readonly heading?: string | undefined }[] {
  const chapters = headings.filter(({ path }) => isHeadingLine(path.at(-1) ?? ""));
  const depth = Math.min(...headings.map(({ path }) => path.length));
  const wanted =
    by !== "chapter"
      ? headings.filter(({ path }) => path.length <= by)
      : chapters.length > 1
        ? chapters
        : headings.filter(({ path }) => path.length === depth);
  if (wanted.length === 0) fail("bad_input", "no chapter or heading was found in the text", { hint: "leave out --by" });
  const starts = [body.start, ...wanted.map(({ start }) => start).filter((at) => at > body.start && at < body.end)];
  const kept: number[] = [];
  for (const at of starts) {
    if (kept.length === 0 || tokensBefore(at) - tokensBefore(kept.at(-1)!) >= leastSection) kept.push(at);
  }
  if (kept.length > 1 && tokensBefore(body.end) - tokensBefore(kept.at(-1)!) < leastSection) kept.pop();
  return kept.map((start, i) => {
    const end = kept[i + 1] ?? body.end;
    return { span: { start, end }, heading: wanted.find((one) => one.start >= start && one.start < end)?.path.at(-1) };
  });
}

/**
 * @param starts where tokens of a text begin, UTF-16 units, in their order
 * @throws bad_input for a book without text; too_long where the model reads too little; not_found for `until`
 */
export function decompose(book: Book, starts: (text: string) => ArrayLike<number>, options: Decomposition): Decomposed {
  const { leafTokens, most, fits, by, until, seed = 0, jitter = 0 } = options;
  const { text } = book;
  const headings = headingsOf(book);
  const body = { ...book.body, ...(until !== undefined && { end: placeOfHeading(headings, until) }) };
  if (text.slice(body.start, body.end).trim() === "") {
    fail("bad_input", "there is no text to summarise", {
      ...(until !== undefined && { hint: `nothing stands before "${until}"` }),
    });
  }
  const places = Array.from(starts(text.slice(body.start, body.end)), (at) => body.start + at);
  const tokensBefore = countBefore(places);
  const tokens = places.length;
  // A quarter of a leaf.
  const long = Math.max(16, (Math.min(leafTokens, most) * (body.end - body.start)) / Math.max(1, tokens) / 4);
  const boundaries: readonly Boundary[] = boundariesOf(text, body, { headings, long, lines: book.lines });
  const leaves = (span: Span): Draft[] =>
    leavesOf(span, boundaries, { tokensBefore, leafTokens, most, jitter, seed }).map(leafDraft);
  if (by === undefined) return { tree: treeOf(rootOf(leaves(body), fits)), body, tokens };
  const sections = sectionsOf(headings, body, by, tokensBefore).map(
    ({ span, heading }): Draft => ({ ...rootOf(leaves(span), fits), heading }),
  );
  return { tree: treeOf(rootOf(sections, fits, fans.above)), body, tokens };
}
