/**
 * Grammars as text, in the form of llama.cpp (GBNF): `name ::= …` with "texts", [classes], groups, |, *, +, ?, {m,n},
 * `.` and comments after #. The answer is the rule `root`. A rule goes on until the next one begins.
 */
import { shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { all, any, type Grammar, joined, others, type Range, type Rule, ref, repeat } from "./grammar.ts";

const maxLength = 1 << 20;
const maxDepth = 200;
const maxRepeat = 100_000;
const forever = Number.POSITIVE_INFINITY;
const escapes: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, "0": 0 };
const nameStart = /[A-Za-z_]/;
const nameRest = /[A-Za-z0-9_-]/;

/**
 * Read a grammar.
 * @throws bad_input with line and column
 */
export function parseGrammar(source: string): Grammar {
  if (source.length > maxLength)
    fail("bad_input", `a grammar of ${source.length} characters, at most ${maxLength} are read`);
  let at = 0;
  const bad = (what: string, place = at, hint?: string): never => {
    const before = source.slice(0, place).split("\n");
    fail("bad_input", what, {
      where: `line ${before.length}, column ${Array.from(before.at(-1)!).length + 1}`,
      ...(hint ? { hint } : {}),
    });
  };
  const skip = (): void => {
    for (;;) {
      while (/\s/.test(source[at] ?? "x")) at++;
      if (source[at] !== "#") return;
      while (at < source.length && source[at] !== "\n") at++;
    }
  };
  const take = (sign: string): boolean => {
    if (!source.startsWith(sign, at)) return false;
    at += sign.length;
    return true;
  };
  const nameHere = (): string => {
    let end = at;
    if (nameStart.test(source[end] ?? "")) while (nameRest.test(source[end] ?? "")) end++;
    return source.slice(at, end);
  };
  /** Whether a rule begins here. */
  const ruleHere = (): boolean => {
    const before = at;
    at += nameHere().length;
    const named = at > before;
    skip();
    const begins = named && source.startsWith("::=", at);
    at = before;
    return begins;
  };
  const point = (end: string): number => {
    const start = at;
    const code = source.codePointAt(at) ?? bad(`no ${end} to the end of the grammar`);
    if (code === 10) bad(`a line ends before ${end}`, start, "a new line is written \\n");
    at += code > 0xffff ? 2 : 1;
    if (code !== 0x5c) return code >= 0xd800 && code <= 0xdfff ? bad("half of a character", start) : code;
    const hex = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(source.slice(at, at + 9));
    if (hex) {
      at += hex[0].length;
      const made = Number.parseInt(hex[1] ?? hex[2] ?? hex[3]!, 16);
      return made > 0x10ffff || (made >= 0xd800 && made <= 0xdfff) ? bad("no character has this number", start) : made;
    }
    const letter = source[at++] ?? bad("an unfinished escape", start);
    if (Object.hasOwn(escapes, letter)) return escapes[letter]!;
    return /[A-Za-z0-9]/.test(letter) ? bad(`the escape \\${letter} is not known`, start) : letter.charCodeAt(0);
  };
  const literal = (end: string): Rule => {
    let text = "";
    while (!take(end)) text += String.fromCodePoint(point(end));
    return { type: "text", text };
  };
  const charClass = (): Rule => {
    const start = at - 1;
    const negate = take("^");
    const ranges: Range[] = [];
    while (!take("]")) {
      const low = point("]");
      let high = low;
      if (source[at] === "-" && source[at + 1] !== "]") {
        at++;
        high = point("]");
      }
      if (high < low) bad("a range out of order", start);
      ranges.push([low, high]);
    }
    const made = negate ? others(ranges) : joined(ranges);
    return made.length === 0 ? bad("a class without characters", start) : { type: "set", ranges: made };
  };
  const used = new Map<string, number>();
  const atom = (depth: number): Rule | undefined => {
    const start = at;
    if (take('"')) return literal('"');
    if (take("'")) return literal("'");
    if (take("[")) return charClass();
    if (take(".")) return { type: "set", ranges: others([]) };
    if (take("(")) {
      if (depth >= maxDepth) bad("groups nested too deeply", start);
      const inside = branches(depth + 1);
      skip();
      return take(")") ? inside : bad("a group without an end", start);
    }
    const name = nameHere();
    if (name === "" || ruleHere()) return undefined;
    at += name.length;
    if (!used.has(name)) used.set(name, start);
    return ref(name);
  };
  const quantified = (item: Rule): Rule => {
    let made = item;
    for (;;) {
      const start = at;
      const found = /^(?:([*+?])|\{\s*(\d{1,9})\s*(,?)\s*(\d{0,9})\s*\})/.exec(source.slice(at, at + 60));
      if (!found) return source[at] === "{" ? bad("a count is {n}, {m,} or {m,n}", start) : made;
      at += found[0].length;
      const [, sign, low, comma, high] = found;
      const min = sign ? (sign === "+" ? 1 : 0) : Number(low);
      const max = sign ? (sign === "?" ? 1 : forever) : comma ? (high ? Number(high) : forever) : min;
      if (max < min) bad("a count out of order", start);
      if (min > maxRepeat || (max > maxRepeat && max !== forever)) bad(`counts go up to ${maxRepeat}`, start);
      made = repeat(made, min, max);
    }
  };
  const sequence = (depth: number): Rule => {
    const items: Rule[] = [];
    for (;;) {
      skip();
      const item = atom(depth);
      if (!item) return all(...items);
      items.push(quantified(item));
    }
  };
  const branches = (depth: number): Rule => {
    const items = [sequence(depth)];
    for (skip(); take("|"); skip()) items.push(sequence(depth));
    return any(...items);
  };

  const rules = new Map<string, Rule>();
  for (skip(); at < source.length; skip()) {
    const start = at;
    const name = nameHere();
    if (name === "" || !ruleHere()) {
      bad(`expected a rule, name ::= …, got ${shown(source.slice(at, at + 12).split("\n")[0]!)}`);
    }
    at += name.length;
    skip();
    take("::=");
    if (rules.has(name)) bad(`the rule ${name} is written twice`, start);
    rules.set(name, branches(0));
  }
  for (const [name, place] of used) if (!rules.has(name)) bad(`the rule ${name} is not defined`, place);
  if (!rules.has("root")) {
    fail("bad_input", "there is no rule root", { hint: 'the answer is the rule root: root ::= "yes" | "no"' });
  }
  return { start: "root", rules };
}
