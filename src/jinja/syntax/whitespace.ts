/** What Python's str takes for white space: U+001C to U+001F and U+0085 are, U+FEFF is not. */
export const whitespace = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const leading = new RegExp(`^[${whitespace}]+`);
const blank = new RegExp(`[${whitespace}]`);

export const isBlank = (char: string): boolean => blank.test(char);

export const stripStart = (text: string): string => text.replace(leading, "");

/** Without a regular expression: one anchored at the end takes quadratic time on long blanks. */
export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isBlank(text[end - 1]!)) end--;
  return text.slice(0, end);
}

/** Python's `str.strip()`. */
export const strip = (text: string): string => stripEnd(stripStart(text));

/** Whether there is nothing but white space from a place on, and some of it. */
export function blankFrom(text: string, from: number): boolean {
  for (let i = from; i < text.length; i++) if (!isBlank(text[i]!)) return false;
  return from < text.length;
}
