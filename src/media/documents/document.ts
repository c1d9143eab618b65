/** The text of a document, where its headings and pages begin, and where each character stands in its source. */

export interface Heading {
  /** First character that stands below it, in UTF-16 units of the text. */
  readonly start: number;
  /** The heading and those above it, outermost first; empty where a document has text before its first heading. */
  readonly path: readonly string[];
}

/** Characters that stand in the text as they do in the source: `text[at + i]` is `source[source + i]`. */
export interface Stretch {
  readonly at: number;
  readonly source: number;
  readonly length: number;
  /** Characters of the source that write them together, where that is another way to write them (`&amp;`). */
  readonly written?: number;
}

export type DocumentKind = "text" | "markdown" | "html" | "epub" | "pdf";

export interface DocumentText {
  readonly kind: DocumentKind;
  readonly title?: string | undefined;
  readonly text: string;
  /** In their order. */
  readonly headings: readonly Heading[];
  /** Where each page begins; undefined for a document without pages. */
  readonly pages?: readonly number[] | undefined;
  /** In their order; what lies between two of them (a line break in the place of a tag) has no character of its own. */
  readonly stretches: readonly Stretch[];
  /** What of it could not be read, a line each, for whoever adds it. */
  readonly notes?: readonly string[];
}

/** The last entry that begins at or before a place, by bisection. */
export function lastBefore<T>(list: readonly T[], place: number, start: (item: T) => number): T | undefined {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (start(list[middle]!) <= place) low = middle + 1;
    else high = middle;
  }
  return list[low - 1];
}

/** A text that is its source, whole. */
export const wholeStretch = (text: string): Stretch[] =>
  text.length > 0 ? [{ at: 0, source: 0, length: text.length }] : [];

/**
 * Where the characters from `start` to `end` of the text stand in the source, UTF-16 units of the decoded file. What has
 * no character of its own there takes the place behind the character before it.
 */
export function sourceRange(
  { stretches }: Pick<DocumentText, "stretches">,
  start: number,
  end: number,
): readonly [start: number, end: number] {
  const placeOf = (at: number, behind: 0 | 1): number => {
    const found = lastBefore(stretches, at, (one) => one.at);
    if (!found) return stretches[0]?.source ?? 0;
    if (found.written !== undefined)
      return found.source + (behind || at >= found.at + found.length ? found.written : 0);
    return found.source + Math.min(at - found.at + behind, found.length);
  };
  if (end <= start) return [placeOf(start, 0), placeOf(start, 0)];
  return [placeOf(start, 0), placeOf(end - 1, 1)];
}
