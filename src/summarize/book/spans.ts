/** Places in a text, UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Without the white space at its ends. */
export function trimmedSpan(text: string, { start, end }: Span): Span {
  const part = text.slice(start, end);
  const begin = start + part.length - part.trimStart().length;
  return { start: begin, end: Math.max(begin, start + part.trimEnd().length) };
}
