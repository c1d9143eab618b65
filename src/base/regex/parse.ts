/**
 * Regular expressions as the reference library's engine writes them (Oniguruma, Ruby's syntax), read into a tree. What
 * cannot be matched in linear time (references back, atomic groups) is refused here. Case is ignored character by
 * character: that "ß" is "ss" then is not known.
 */

import { fail } from "../../errors.ts";
import { shown } from "../json.ts";
import { textCursor } from "../text-cursor.ts";

/** One character of a set: a class in the syntax of the flag `v`. */
export interface CharSet {
  readonly source: string;
  readonly ignoreCase: boolean;
}

export type Assertion = "start" | "end" | "lineStart" | "lineEnd" | "lastLine" | "word" | "notWord";

export type Node =
  | { readonly type: "set"; readonly set: CharSet }
  | { readonly type: "all"; readonly items: readonly Node[] }
  | { readonly type: "any"; readonly items: readonly Node[] }
  | { readonly type: "repeat"; readonly item: Node; readonly min: number; readonly max: number; readonly lazy: boolean }
  | { readonly type: "assert"; readonly kind: Assertion }
  | { readonly type: "look"; readonly item: Node; readonly behind: boolean; readonly negate: boolean };

const maxLength = 4000;
const maxDepth = 50;
const maxRepeat = 1000;

/** Oniguruma's own words for classes, with the sets they have in Unicode. */
const words: Readonly<Record<string, string>> = {
  alnum: "\\p{Alphabetic}\\p{Nd}",
  alpha: "\\p{Alphabetic}",
  ascii: "\\p{ASCII}",
  blank: "\\p{Zs}\\t",
  cntrl: "\\p{Cc}",
  digit: "\\p{Nd}",
  graph: "[\\p{Any}--[\\p{White_Space}\\p{Cc}\\p{Cn}\\p{Cs}]]",
  lower: "\\p{Lowercase}",
  print: "[\\p{Any}--[\\p{White_Space}\\p{Cc}\\p{Cn}\\p{Cs}]]\\p{Zs}",
  punct: "\\p{P}\\p{S}",
  space: "\\p{White_Space}",
  upper: "\\p{Uppercase}",
  word: "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}",
  xdigit: "0-9a-fA-F",
  any: "\\p{Any}",
};
const letters: Readonly<Record<string, string>> = { d: "digit", w: "word", s: "space", h: "xdigit" };
const escapes: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27 };

const classOf = (word: string): string => `[${words[word]}]`;

/** Outside of classes, and where a word begins or ends, Latin-1's small digits and fractions count as well. */
export const wordCharacter: string = `[${words.word}\\u{b2}\\u{b3}\\u{b9}\\u{bc}-\\u{be}]`;

const code = (point: number): string => `\\u{${point.toString(16)}}`;

/** The set of a property's name, however it is spelt. */
function property(name: string, inClass: boolean): string | undefined {
  const plain = name.replace(/[\s_-]/g, "").toLowerCase();
  if (plain === "word" && !inClass) return wordCharacter;
  if (Object.hasOwn(words, plain)) return classOf(plain);
  const titled = name
    .split(/[\s_-]+/)
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1).toLowerCase())
    .join("_");
  for (const known of [name, titled, `gc=${titled}`, `sc=${titled}`]) {
    if (!/^(?:gc=|sc=)?\w+$/.test(known)) continue;
    try {
      new RegExp(`[\\p{${known}}]`, "v");
      return `[\\p{${known}}]`;
    } catch {
      // Not known under this name.
    }
  }
  return undefined;
}

/**
 * Read a pattern.
 * @throws corrupt_file for what is no pattern; unsupported for what is not matched here
 */
export function parsePattern(source: string, where: string): Node {
  const bad = (what: string): never => fail("corrupt_file", `${what} in the pattern ${shown(source)}`, { where });
  const refuse = (what: string): never =>
    fail("unsupported", `${what} in the pattern ${shown(source)}, which is not run here`, { where });
  if (source.length > maxLength) bad(`${source.length} characters, at most ${maxLength},`);
  const cursor = textCursor(source, () => bad("an unexpected end"));
  const { peek, take, match, character } = cursor;
  let flags = { ignoreCase: false, dotAll: false };
  const set = (text: string): Node => ({ type: "set", set: { source: text, ignoreCase: flags.ignoreCase } });

  /** After a backslash: a class, or a character's code. */
  const escaped = (inClass: boolean): string | number => {
    const hex = match(/^(?:x\{([0-9a-fA-F]{1,8})\}|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4}))/);
    if (hex) {
      const point = Number.parseInt(hex[1] ?? hex[2] ?? hex[3]!, 16);
      return point > 0x10ffff ? bad("a character beyond Unicode") : point;
    }
    const named = match(/^([pP])\{(\^?)([^}]*)\}/);
    if (named) {
      const found = property(named[3]!, inClass) ?? refuse(`the property ${shown(named[3]!)}`);
      return (named[1] === "P") !== (named[2] === "^") ? `[^${found}]` : found;
    }
    const octal = match(/^0[0-7]{0,2}/);
    if (octal) return Number.parseInt(octal[0], 8);
    const point = character();
    const char = String.fromCodePoint(point);
    const word = letters[char.toLowerCase()];
    if (word) {
      const found = word === "word" && !inClass ? wordCharacter : classOf(word);
      return char === char.toLowerCase() ? found : `[^${found}]`;
    }
    if (Object.hasOwn(escapes, char)) return escapes[char]!;
    if (/[a-zA-Z1-9]/.test(char)) return refuse(`\\${char}`);
    return point;
  };

  /** After an opening bracket, up to and with the closing one. */
  const charClass = (depth: number): string => {
    if (depth > maxDepth) bad("classes nested too deeply");
    const negate = take("^");
    const operands: string[] = [];
    let body = "";
    let empty = true;
    for (let first = true; first || !peek("]"); first = false) {
      if (cursor.at >= source.length) bad("a class without an end");
      const posix = match(/^\[:(\^?)([a-zA-Z]+):\]/);
      if (posix) {
        const found = words[posix[2]!.toLowerCase()] ?? bad(`the class ${shown(posix[2]!)}`);
        body += posix[1] ? `[^${found}]` : `[${found}]`;
      } else if (take("&&")) {
        operands.push(empty ? "[]" : `[${body}]`);
        body = "";
        empty = true;
        continue;
      } else if (take("[")) {
        body += charClass(depth + 1);
      } else {
        const low = take("\\") ? escaped(true) : character();
        if (typeof low === "string") {
          body += low;
        } else if (peek("-") && !/^-(?:\]|&&|\[)/.test(source.slice(cursor.at, cursor.at + 3))) {
          cursor.at++;
          const high = take("\\") ? escaped(true) : character();
          if (typeof high === "string" || high < low) bad("a range out of order");
          body += `${code(low)}-${code(high as number)}`;
        } else {
          body += code(low);
        }
      }
      empty = false;
    }
    cursor.at++;
    const whole = operands.length === 0 ? body : [...operands, empty ? "[]" : `[${body}]`].join("&&");
    return `[${negate ? "^" : ""}${whole}]`;
  };

  const group = (depth: number): Node | undefined => {
    const outer = flags;
    const inside = (): Node => {
      const item = branches(depth + 1);
      if (!take(")")) bad("a group without an end");
      flags = outer;
      return item;
    };
    if (!take("?")) return inside();
    if (match(/^#[^)]*\)/)) return { type: "all", items: [] };
    const look = match(/^(<?)([=!])/);
    if (look) return { type: "look", behind: look[1] === "<", negate: look[2] === "!", item: inside() };
    if (match(/^(?:<[A-Za-z_]\w*>|'[A-Za-z_]\w*')/)) return inside();
    const options = match(/^([im]*)(?:-([im]*))?([:)])/);
    if (!options) return refuse(`the group (?${source.slice(cursor.at, cursor.at + 1)}`);
    const given = (flag: string, now: boolean): boolean =>
      options[2]?.includes(flag) ? false : options[1]!.includes(flag) || now;
    flags = { ignoreCase: given("i", flags.ignoreCase), dotAll: given("m", flags.dotAll) };
    if (options[3] === ":") return inside();
    // Options without a group hold up to the end of the one they stand in, branches and all.
    return branches(depth);
  };

  const atom = (depth: number): Node | undefined => {
    if (take("(")) return group(depth);
    if (take("[")) return set(charClass(0));
    if (take(".")) return set(flags.dotAll ? "[\\p{Any}]" : "[^\\n]");
    if (take("^")) return { type: "assert", kind: "lineStart" };
    if (take("$")) return { type: "assert", kind: "lineEnd" };
    if (take("\\")) {
      const kinds = { A: "start", z: "end", Z: "lastLine", b: "word", B: "notWord" } as const;
      const kind = kinds[source[cursor.at] as keyof typeof kinds];
      if (kind) {
        cursor.at++;
        return { type: "assert", kind };
      }
      const found = escaped(false);
      return set(typeof found === "string" ? found : `[${code(found)}]`);
    }
    return set(`[${code(character())}]`);
  };

  const quantified = (first: Node): Node => {
    let item = first;
    for (;;) {
      const found = match(/^(?:([*+?])([?+]?)|\{(\d*)(,?)(\d*)\}(\??))/);
      if (!found) return item;
      const [text, sign, after, low, comma, high, lazy] = found;
      if (sign) {
        const [min, max] = sign === "*" ? [0, Infinity] : sign === "+" ? [1, Infinity] : [0, 1];
        if (after === "+") item = possessive(item, min, max);
        else item = { type: "repeat", item, min, max, lazy: after === "?" };
        continue;
      }
      if (low === "" && high === "") {
        // No interval: the characters themselves.
        cursor.at -= text.length;
        return item;
      }
      const min = Number(low || 0);
      const max = comma === "" ? min : high === "" ? Infinity : Number(high);
      if (min > maxRepeat || (max > maxRepeat && max !== Infinity)) refuse(`more than ${maxRepeat} repeats`);
      if (max < min) bad("an interval out of order");
      // {n}? is an option on {n}, not a lazy repeat.
      const exact = comma === "";
      item = { type: "repeat", item, min, max, lazy: lazy === "?" && !exact };
      if (exact && lazy === "?") item = { type: "repeat", item, min: 0, max: 1, lazy: false };
    }
  };

  /** What gives nothing back is, for single characters, a repeat that no further one follows. */
  const possessive = (item: Node, min: number, max: number): Node => {
    if (item.type !== "set") return refuse("a possessive repeat of more than a character");
    const none: Node = { type: "look", item, behind: false, negate: true };
    if (max === 1) return { type: "any", items: [item, none] };
    return { type: "all", items: [{ type: "repeat", item, min, max, lazy: false }, none] };
  };

  const sequence = (depth: number): Node => {
    const items: Node[] = [];
    while (cursor.at < source.length && !peek("|") && !peek(")")) {
      const bare = match(/^[*+?]/);
      if (bare) bad("a repeat of nothing");
      const item = atom(depth);
      if (item) items.push(quantified(item));
    }
    return items.length === 1 ? items[0]! : { type: "all", items };
  };

  const branches = (depth: number): Node => {
    if (depth > maxDepth) bad("groups nested too deeply");
    const items = [sequence(depth)];
    while (take("|")) items.push(sequence(depth));
    return items.length === 1 ? items[0]! : { type: "any", items };
  };

  const tree = branches(0);
  if (cursor.at < source.length) bad("a closing bracket too many");
  return tree;
}
