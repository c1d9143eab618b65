/**
 * Documents in pieces that an encoder reads whole. Borders are headings first, then sentences; a sentence that is too
 * long alone is cut between words. Lengths are counted in the model's own tokens, or in words where there is no model.
 */
import { fail } from "../errors.ts";
import { type DocumentText, lastBefore } from "../media/documents/document.ts";

export interface Chunk {
  /** Place in the document's text, UTF-16 units; white space at the ends is left out. */
  readonly start: number;
  readonly end: number;
  /** The heading it begins below, and those above. */
  readonly heading: readonly string[];
  /** Counted from 1, of a document with pages. */
  readonly page?: number | undefined;
}

/** Where tokens of a text begin, UTF-16 units, in their order. */
export type TokenStarts = (text: string) => ArrayLike<number>;

export interface ChunkOptions {
  /** Most tokens of a chunk. */
  readonly size: number;
  /** Tokens that a chunk shares with the one before it, at most; whole sentences. */
  readonly overlap: number;
  readonly starts: TokenStarts;
}

interface Piece {
  readonly start: number;
  readonly end: number;
  /** A heading or a page begins here. */
  readonly border: boolean;
}

/** Where words begin: letters and digits in a row are one, every other sign is its own. */
export function wordStarts(text: string): number[] {
  return Array.from(text.matchAll(/[\p{L}\p{N}\p{M}]+|[^\p{L}\p{N}\p{M}\s]/gu), ({ index }) => index);
}

let segmenter: Intl.Segmenter | undefined;

/** Sentences of a paragraph by Unicode's rules, each with the white space behind it. */
function sentences(text: string): readonly number[] {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "sentence" });
  return Array.from(segmenter.segment(text), ({ index }) => index);
}

/** Longer stretches without a blank line are cut before sentences are looked for, whose search takes memory. */
const longestParagraph = 1 << 16;

/** Begin of every sentence: paragraphs end at blank lines, headings and pages. */
function* piecesOf({ text, headings, pages = [] }: DocumentText): Generator<Piece> {
  const borders = new Set([...headings.map(({ start }) => start), ...pages]);
  const edges = new Set(borders);
  for (const { index, 0: gap } of text.matchAll(/\n[^\S\n]*\n\s*/g)) edges.add(index + gap.length);
  edges.add(text.length);
  const sorted = [...edges].sort((a, b) => a - b);
  let start = 0;
  let border = false;
  for (const edge of sorted) {
    while (start < edge) {
      const end = Math.min(edge, start + longestParagraph);
      const paragraph = text.slice(start, end);
      const begins = [...sentences(paragraph), paragraph.length];
      for (let i = 0; i + 1 < begins.length; i++) {
        yield { start: start + begins[i]!, end: start + begins[i + 1]!, border: border && i === 0 };
      }
      border = false;
      start = end;
    }
    border = borders.has(edge);
  }
}

/** How many of the sorted places are below a place. */
function countBelow(list: ArrayLike<number>, place: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]! < place) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A text's first and last character that are no white space. */
function trimmed(text: string, start: number, end: number): readonly [number, number] {
  const part = text.slice(start, end);
  const begin = start + part.length - part.trimStart().length;
  return [begin, Math.max(begin, start + part.trimEnd().length)];
}

/**
 * The chunks of a document, in its order. Together they hold every character that is no white space.
 * @throws wrong_use for a size or an overlap that cannot be
 */
export function chunksOf(document: DocumentText, { size, overlap, starts }: ChunkOptions): Chunk[] {
  if (!Number.isInteger(size) || size < 1) fail("wrong_use", `a chunk of ${size} tokens; expected 1 or more`);
  if (!Number.isInteger(overlap) || overlap < 0 || overlap >= size) {
    fail(
      "wrong_use",
      `an overlap of ${overlap} tokens in chunks of ${size}; expected 0 or more, and fewer than a chunk has`,
    );
  }
  const { text } = document;
  const places = starts(text);
  const tokens = (start: number, end: number) => countBelow(places, end) - countBelow(places, start);
  const chunks: Chunk[] = [];

  const add = (from: number, to: number) => {
    const [start, end] = trimmed(text, from, to);
    if (start === end) return;
    const heading = lastBefore(document.headings, start, (one) => one.start)?.path ?? [];
    const { pages } = document;
    const page = pages && countBelow(pages, start + 1);
    chunks.push({ start, end, heading, ...(page !== undefined && { page: Math.max(1, page) }) });
  };

  /** A sentence that no chunk holds, in parts as large as can be. */
  function* parts(piece: Piece): Generator<Piece> {
    let { start } = piece;
    let first = true;
    while (tokens(start, piece.end) > size) {
      const next = countBelow(places, start) + size;
      let end = places[next]!;
      // Between words where there is a space in the last half.
      const space = text.slice(start, end).search(/\s\S*$/);
      if (space > (end - start) / 2 && end < piece.end && !/\s/.test(text[end - 1]!)) end = start + space + 1;
      yield { start, end, border: piece.border && first };
      first = false;
      start = end;
    }
    yield { start, end: piece.end, border: piece.border && first };
  }

  let held: Piece[] = [];
  const heldTokens = () => (held.length === 0 ? 0 : tokens(held[0]!.start, held.at(-1)!.end));
  const close = () => {
    if (held.length > 0) add(held[0]!.start, held.at(-1)!.end);
  };
  for (const sentence of piecesOf(document)) {
    for (const piece of parts(sentence)) {
      const own = tokens(piece.start, piece.end);
      // A heading begins a chunk, unless what stands before it is too little to be one.
      if (piece.border && heldTokens() >= size / 8) {
        close();
        held = [];
      } else if (held.length > 0 && heldTokens() + own > size) {
        close();
        const last = held.at(-1)!.end;
        held = held.filter(({ start }) => tokens(start, last) <= Math.min(overlap, size - own));
      }
      held.push(piece);
    }
  }
  close();
  return chunks;
}

/** Tokens of a chunk, and those it shares, where nobody says. Encoders read 256 to 512. */
export const usualChunk = 256;
export const usualOverlap = 32;

export interface FittingOptions extends ChunkOptions {
  /** What stands before every chunk's text. */
  readonly prefix?: string | undefined;
  /** Tokens that the model reads; no bound where there is no model. */
  readonly longest?: number | undefined;
}

/**
 * The chunks of a document as a model reads them, what stands before them counted in. In another place than in the whole
 * text a model may make a token more of a chunk, so that one that would be too long is cut again, shorter.
 */
export function fittingChunks(document: DocumentText, options: FittingOptions): Chunk[] {
  const { prefix = "", size: chunk, overlap, starts, longest } = options;
  const taken = prefix === "" ? 0 : starts(prefix).length;
  const room = chunk - taken;
  // A title that leaves no room for the text is the document's, not every chunk's.
  if (room < chunk / 2) return fittingChunks(document, { ...options, prefix: "" });
  const most = longest === undefined ? Infinity : Math.min(chunk, longest);
  for (let size = room; ; size = Math.max(1, size - Math.ceil(size / 16))) {
    const chunks = chunksOf(document, { size, overlap: Math.min(overlap, size - 1), starts });
    const fits = ({ start, end }: Chunk) => starts(prefix + document.text.slice(start, end)).length <= most;
    if (longest === undefined || size === 1 || chunks.every(fits)) return chunks;
  }
}
