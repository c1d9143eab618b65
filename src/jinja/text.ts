/** What Python's texts can do, by code points where it counts. */
import type { Budget } from "./budget.ts";
import { List, type PyValue, raise, Tuple, typeName } from "./objects.ts";
import { characters, lengthOf, sliceIndices } from "./python.ts";
import { places, type Rules } from "./rules.ts";
import { isBlank, strip, stripEnd, stripStart } from "./syntax/whitespace.ts";

/** A text where one is needed. */
export function text(value: PyValue, what: string): string {
  return typeof value === "string" ? value : raise(`${what}: expected a str, got ${typeName(value)}`);
}

export function stripChars(self: string, chars: PyValue, left: boolean, right: boolean, { plain }: Rules): string {
  if (chars === null) return left && right ? strip(self) : left ? stripStart(self) : stripEnd(self);
  const set = new Set(characters(plain(text(chars, "strip()"))));
  const parts = characters(self);
  let [start, end] = [0, parts.length];
  while (left && start < end && set.has(plain(parts[start]!))) start++;
  while (right && end > start && set.has(plain(parts[end - 1]!))) end--;
  return parts.slice(start, end).join("");
}

/** Words between runs of white space, `limit` splits from the left or the right; what is left keeps its far blanks. */
function splitBlanks(self: string, limit: number, fromRight: boolean): string[] {
  const words: string[] = [];
  let rest = fromRight ? stripEnd(self) : stripStart(self);
  while (rest !== "") {
    if (limit >= 0 && words.length === limit) {
      words.push(fromRight ? stripEnd(rest) : rest);
      break;
    }
    let place = fromRight ? rest.length : 0;
    if (fromRight) {
      while (place > 0 && !isBlank(rest[place - 1]!)) place--;
      words.push(rest.slice(place));
      rest = stripEnd(rest.slice(0, place));
    } else {
      while (place < rest.length && !isBlank(rest[place]!)) place++;
      words.push(rest.slice(0, place));
      rest = stripStart(rest.slice(place));
    }
  }
  return fromRight ? words.reverse() : words;
}

export function split(self: string, separator: PyValue, limit: number, fromRight: boolean, budget: Budget): List {
  budget.text(self.length * 2);
  if (separator === null) {
    if (limit < 0) {
      const words: string[] = [];
      let start = -1;
      for (let i = 0; i <= self.length; i++) {
        const blank = i === self.length || isBlank(self[i]!);
        if (!blank && start < 0) start = i;
        if (blank && start >= 0) {
          words.push(self.slice(start, i));
          start = -1;
        }
      }
      budget.step(words.length);
      return new List(words);
    }
    budget.step(Math.min(limit, self.length) * (1 + (self.length >> 6)));
    return new List(splitBlanks(self, limit, fromRight));
  }
  const mark = text(separator, "split()");
  if (mark === "") raise("empty separator");
  const found = places(self, mark, budget.rules);
  budget.step(found.length);
  const most = limit < 0 ? found.length : limit;
  const cuts = fromRight ? found.slice(Math.max(0, found.length - most)) : found.slice(0, most);
  return new List(piecesOf(self, cuts, mark.length));
}

/** A text without the parts of a length that begin at these places. */
function piecesOf(self: string, cuts: readonly number[], length: number): string[] {
  const starts = [0, ...cuts.map((at) => at + length)];
  return starts.map((start, i) => self.slice(start, cuts[i] ?? self.length));
}

export function partition(self: string, separator: PyValue, fromRight: boolean, { plain }: Rules): Tuple {
  const mark = text(separator, "partition()");
  if (mark === "") raise("empty separator");
  const place = fromRight ? plain(self).lastIndexOf(plain(mark)) : plain(self).indexOf(plain(mark));
  if (place < 0) return new Tuple(fromRight ? ["", "", self] : [self, "", ""]);
  const end = place + mark.length;
  return new Tuple([self.slice(0, place), self.slice(place, end), self.slice(end)]);
}

/** Python's str.replace; `count` below 0 for all. */
export function replace(self: string, old: string, by: string, count: number, budget: Budget): string {
  const found = old === "" ? borders(self) : places(self, old, budget.rules);
  const cuts = count < 0 ? found : found.slice(0, count);
  budget.text(self.length + Math.max(0, by.length - old.length) * cuts.length);
  budget.step(cuts.length >> 3);
  return piecesOf(self, cuts, old.length).join(by);
}

/** Before, between and after the characters of a text. */
function borders(self: string): number[] {
  const found = [0];
  for (const char of characters(self)) found.push(found.at(-1)! + char.length);
  return found;
}

const titleDigraphs: ReadonlyMap<string, string> = new Map(
  [..."ǄǅǆǇǈǉǊǋǌǱǲǳ"].map((char, i, all) => [char, all[Math.floor(i / 3) * 3 + 1]!] as const),
);

/** One character's title case, which for ligatures and digraphs is not the upper case. */
function titleCase(char: string): string {
  const digraph = titleDigraphs.get(char);
  if (digraph) return digraph;
  const [first = "", ...rest] = char.toUpperCase();
  return rest.length === 0 || char === "ŉ" ? first + rest.join("") : first + rest.join("").toLowerCase();
}

/** Python's str.capitalize(). */
export function capitalized(self: string): string {
  const [first] = self;
  if (first === undefined) return "";
  // Lower case of the whole, so that a final sigma sees its neighbours.
  return titleCase(first) + self.toLowerCase().slice(first.toLowerCase().length);
}

/** Python's str.title(): a letter after something that is no letter is large. */
export function titled(self: string): string {
  return self.replace(/[\p{L}\p{M}]+/gu, (word) => capitalized(word));
}

export const fill = (value: PyValue): string => {
  const char = text(value, "the fill character");
  return lengthOf(char) === 1 ? char : raise("The fill character must be exactly one character long");
};

/** Where in the text an affix is looked for: `startswith(prefix, start, end)`. */
export function affix(
  self: string,
  given: PyValue,
  start: PyValue,
  end: PyValue,
  at: "startsWith" | "endsWith",
  { plain }: Rules,
): boolean {
  const parts = characters(self);
  const bounds = sliceIndices(parts.length, [start, end, null]);
  const piece = plain(parts.slice(bounds.start, bounds.start + bounds.count).join(""));
  const options = given instanceof Tuple ? given.items : [given];
  return options.some((option) => piece[at](plain(text(option, at.toLowerCase()))));
}

/** Place of a part, in code points, or -1. */
export function find(
  self: string,
  part: PyValue,
  start: PyValue,
  end: PyValue,
  last: boolean,
  { plain }: Rules,
): number {
  const parts = characters(self);
  const bounds = sliceIndices(parts.length, [start, end, null]);
  const piece = plain(parts.slice(bounds.start, bounds.start + bounds.count).join(""));
  const sought = plain(text(part, "find()"));
  const place = last ? piece.lastIndexOf(sought) : piece.indexOf(sought);
  return place < 0 ? -1 : bounds.start + lengthOf(piece.slice(0, place));
}
export const found = (place: number): number => (place < 0 ? raise("substring not found") : place);

/** Python's str.join. */
export function join(separator: string, items: Iterable<PyValue>, budget: Budget): string {
  const parts: string[] = [];
  let length = 0;
  for (const item of items) {
    if (typeof item !== "string") {
      return raise(`sequence item ${parts.length}: expected str instance, ${typeName(item)} found`);
    }
    parts.push(item);
    length += item.length + separator.length;
    budget.text(item.length);
  }
  budget.text(length);
  return parts.join(separator);
}
/** Where Python ends a line. */
const ends = "\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029";
const lineEnd = new RegExp(`(?:\\r\\n|[${ends}])$`);
const lineOrRest = new RegExp(`[^${ends}]*(?:\\r\\n|[${ends}])|[^${ends}]+$`, "g");
/** Python's str.splitlines. */
export function linesOf(self: string, keepEnds: boolean): string[] {
  const lines = self.match(lineOrRest) ?? [];
  return keepEnds ? lines : lines.map((line) => line.replace(lineEnd, ""));
}
