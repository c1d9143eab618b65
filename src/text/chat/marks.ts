/**
 * Marks on characters, so that what a template prints can be told from what it was given to print: a marked character is
 * an unpaired low surrogate, which no text has, in the place of one UTF-16 unit.
 */
import type { Rules } from "../../jinja/rules.ts";

const first = 0xdc00;
const most = 0x400;
const marked = /[\udc00-\udfff]/gu;
const unpaired = /[\ud800-\udfff]/gu;

export interface Marks extends Pick<Rules, "plain" | "mark"> {
  /** Where the marked characters of a text are, [start, end) in UTF-16 units: neighbours are one range. */
  ranges(text: string): (readonly [start: number, end: number])[];
}

/** A text without halves of characters: what stands for a mark is then not in it. */
export const wellFormed = (text: string): string => text.replace(unpaired, "\ufffd");

/** What a tokenizer may make of a text before it looks at it: the same for wide, narrow, large and small letters. */
export const folded = (text: string): string => text.normalize("NFKC").toLowerCase();

/**
 * Marks for the characters that special tokens are made of, and for those in the given texts that become such characters
 * by other spellings (wide or large ones). White space is left out: it is what templates trim, and makes no token alone.
 * Characters of two UTF-16 units are not marked.
 */
export function createMarks(tokens: Iterable<string>, texts: Iterable<string>): Marks {
  const units = new Set<string>();
  const put = (char: string) => char.length === 1 && !/\s/.test(char) && units.add(char);
  for (const token of tokens) for (const char of token) put(char);
  const wanted = new Set([...units].flatMap((unit) => [...folded(unit)]));
  const others = new Set<string>();
  for (const text of texts) for (const char of text) others.add(char);
  for (const char of others) if ([...folded(char)].some((part) => wanted.has(part))) put(char);
  const alphabet = [...units].slice(0, most);
  const marks = new Map(alphabet.map((unit, i) => [unit, String.fromCharCode(first + i)]));
  const meant = new Map([...marks].map(([unit, mark]) => [mark, unit]));
  return {
    plain: (text) => text.replace(marked, (mark) => meant.get(mark) ?? mark),
    mark: (text) => (marks.size === 0 ? text : text.replace(/[^\s]/g, (unit) => marks.get(unit) ?? unit)),
    ranges(text) {
      const found: [number, number][] = [];
      for (const { index } of text.matchAll(marked)) {
        const last = found.at(-1);
        if (last?.[1] === index) last[1] = index + 1;
        else found.push([index, index + 1]);
      }
      return found;
    },
  };
}
