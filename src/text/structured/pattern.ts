/**
 * The `pattern` of a JSON schema (a regular expression of JavaScript, as the standard says) as a grammar of the string's
 * characters. What is no regular language (references back) or looks around is refused.
 */
import { shown } from "../../base/json.ts";
import { textCursor } from "../../base/text-cursor.ts";
import { fail } from "../../errors.ts";
import { all, any, chars, empty, others, type Range, type Rule, repeat } from "./grammar.ts";
import { char, charOf } from "./json.ts";

const classes: Readonly<Record<string, readonly Range[]>> = {
  d: chars("0-9"),
  w: chars("a-zA-Z0-9_"),
  s: [
    [0x09, 0x0d],
    [0x20, 0x20],
    [0xa0, 0xa0],
    [0x1680, 0x1680],
    [0x2000, 0x200a],
    [0x2028, 0x2029],
    [0x202f, 0x202f],
    [0x205f, 0x205f],
    [0x3000, 0x3000],
    [0xfeff, 0xfeff],
  ],
};
const controls: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, "0": 0 };
const lineEnds: readonly Range[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];

const maxLength = 4_000;
const maxDepth = 50;
const maxRepeat = 10_000;
const forever = Number.POSITIVE_INFINITY;

/** A pattern, and how many characters a string that fits it has. */
export interface Pattern {
  readonly rule: Rule;
  readonly least: number;
  readonly most: number;
  /** Where the whole string is one repeated set: the set. */
  readonly unit?: Rule;
}

interface Part {
  readonly rule: Rule;
  readonly least: number;
  readonly most: number;
  readonly unit?: Rule;
}

/** @throws bad_input for what is no pattern; unsupported for what is not done here, naming it */
export function parsePattern(source: string, where: string): Pattern {
  const bad = (what: string): never => fail("bad_input", `${what} in the pattern ${shown(source)}`, { where });
  const refuse = (what: string): never =>
    fail("unsupported", `${what} in the pattern ${shown(source)}`, { where, hint: "say it without, or leave it out" });
  if (source.length > maxLength) bad(`${source.length} characters, at most ${maxLength},`);
  try {
    new RegExp(source, "u");
  } catch {
    try {
      new RegExp(source);
    } catch (cause) {
      bad((cause as Error).message.replace(/^.*\/: /s, "").toLowerCase());
    }
  }
  const cursor = textCursor(source, () => bad("an unexpected end"));
  const { take, match, character } = cursor;
  const part = (ranges: readonly Range[]): Part => ({ rule: charOf(ranges), least: 1, most: 1 });

  /** After a backslash. */
  const escaped = (inClass: boolean): readonly Range[] => {
    const code = match(/^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\})/);
    if (code) {
      const point = Number.parseInt(code[1] ?? code[2] ?? code[3]!, 16);
      if (point >= 0xd800 && point <= 0xdfff) refuse("a half of a character");
      return [[point, point]];
    }
    const point = character();
    const letter = String.fromCodePoint(point);
    const known = classes[letter.toLowerCase()];
    if (known) return letter === letter.toLowerCase() ? known : others(known);
    if (Object.hasOwn(controls, letter)) return [[controls[letter]!, controls[letter]!]];
    if (inClass && letter === "b") return [[8, 8]];
    if (letter === "b" || letter === "B") refuse(`the word boundary \\${letter}`);
    if (letter === "p" || letter === "P") refuse(`the property \\${letter}{…}`);
    if (/[1-9k]/.test(letter)) refuse("a reference back");
    if (/[a-zA-Z]/.test(letter)) refuse(`\\${letter}`);
    return [[point, point]];
  };

  const charClass = (): Part => {
    const negate = take("^");
    const found: Range[] = [];
    while (!take("]")) {
      const low = take("\\") ? escaped(true) : ([[character()]].map(([p]) => [p!, p!]) as Range[]);
      const single = low.length === 1 && low[0]![0] === low[0]![1];
      if (single && source[cursor.at] === "-" && source[cursor.at + 1] !== "]") {
        cursor.at++;
        const high = take("\\") ? escaped(true) : ([[character()]].map(([p]) => [p!, p!]) as Range[]);
        if (high.length !== 1 || high[0]![0] < low[0]![0]) bad("a range out of order");
        found.push([low[0]![0], high[0]![0]]);
      } else found.push(...low);
    }
    return part(negate ? others(found) : found);
  };

  const atom = (depth: number): Part => {
    if (take("(")) {
      if (take("?")) {
        if (!take(":") && !match(/^<[A-Za-z_]\w*>/)) refuse("looking around, or a group with options,");
      }
      const inside = branches(depth + 1, false);
      if (!take(")")) bad("a group without an end");
      return inside;
    }
    if (take("[")) return charClass();
    if (take(".")) return part(others(lineEnds));
    if (take("\\")) return part(escaped(false));
    const point = character();
    if (point === 0x5e || point === 0x24) refuse("^ or $ elsewhere than at the two ends");
    return part([[point, point]]);
  };

  const quantified = (item: Part): Part => {
    const found = match(/^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/);
    if (!found) return item;
    const [, sign, low, comma, high] = found;
    const min = sign ? (sign === "+" ? 1 : 0) : Number(low);
    const max = sign ? (sign === "?" ? 1 : forever) : comma ? (high ? Number(high) : forever) : min;
    if (min > maxRepeat || (max > maxRepeat && max !== forever)) {
      refuse(`the count ${max === forever ? min : max} (at most ${maxRepeat})`);
    }
    const times = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : a * b);
    const made = { rule: repeat(item.rule, min, max), least: item.least * min, most: times(item.most, max) };
    return item.least === 1 && item.most === 1 ? { ...made, unit: item.rule } : made;
  };

  /** One alternative; at the top it stands anywhere in the string unless ^ and $ say otherwise. */
  const sequence = (depth: number, top: boolean): Part => {
    const starts = top && take("^");
    let ends = false;
    const parts: Part[] = [];
    while (cursor.at < source.length && source[cursor.at] !== "|" && source[cursor.at] !== ")") {
      if (top && source[cursor.at] === "$" && (cursor.at + 1 === source.length || source[cursor.at + 1] === "|")) {
        cursor.at++;
        ends = true;
      } else parts.push(quantified(atom(depth)));
    }
    if (parts.length === 1 && (!top || (starts && ends))) return parts[0]!;
    const anything: Part = { rule: repeat(char, 0, forever), least: 0, most: forever };
    const whole = top ? [...(starts ? [] : [anything]), ...parts, ...(ends ? [] : [anything])] : parts;
    return {
      rule: whole.length === 0 ? empty : all(...whole.map(({ rule }) => rule)),
      least: whole.reduce((sum, { least }) => sum + least, 0),
      most: whole.reduce((sum, { most }) => sum + most, 0),
    };
  };

  const branches = (depth: number, top: boolean): Part => {
    if (depth > maxDepth) bad("groups nested too deeply");
    const items = [sequence(depth, top)];
    while (take("|")) items.push(sequence(depth, top));
    if (items.length === 1) return items[0]!;
    return {
      rule: any(...items.map(({ rule }) => rule)),
      least: Math.min(...items.map(({ least }) => least)),
      most: Math.max(...items.map(({ most }) => most)),
    };
  };

  const whole = branches(0, true);
  if (cursor.at < source.length) bad("a closing bracket too many");
  return whole;
}
