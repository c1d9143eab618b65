import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { acceptorOf, acceptsGrammar, acceptsRule } from "../../../test/support/accepts.ts";
import { all, chars, joined, oneOf, others, type Range, type Rule, shared, text } from "./grammar.ts";
import { parsePattern } from "./pattern.ts";
import { byteRanges } from "./utf8.ts";

const ranges = fc.array(
  fc
    .tuple(fc.nat({ max: 0x110 }), fc.nat({ max: 0x40 }), fc.constantFrom(0, 0x700, 0xd700, 0xff00, 0x10fe00))
    .map(([first, length, base]): Range => [base + first, base + first + length]),
  { maxLength: 4 },
);

describe("ranges of characters", () => {
  test("joined, turned round and shared hold the same characters", () => {
    fc.assert(
      fc.property(ranges, ranges, fc.nat({ max: 0x10ffff }), (a, b, point) => {
        const inside = (list: readonly Range[]) =>
          (point < 0xd800 || point > 0xdfff) && list.some(([first, last]) => point >= first && point <= last);
        expect(inside(joined(a))).toBe(inside(a));
        expect(inside(others(a))).toBe(!inside(a) && (point < 0xd800 || point > 0xdfff));
        expect(inside(shared(a, b))).toBe(inside(a) && inside(b));
      }),
    );
  });

  test("as bytes are those of their characters, and no others", () => {
    const encoder = new TextEncoder();
    fc.assert(
      fc.property(ranges, fc.nat({ max: 0x10ffff }), (list, other) => {
        const ways = byteRanges(joined(list));
        const fits = (point: number): number => {
          const bytes = encoder.encode(String.fromCodePoint(point));
          return ways.filter(
            (way) => way.length === bytes.length && way.every(([a, b], i) => bytes[i]! >= a && bytes[i]! <= b),
          ).length;
        };
        for (const [first, last] of joined(list))
          for (const point of [first, last, (first + last) >> 1]) expect(fits(point)).toBe(1);
        if (other >= 0xd800 && other <= 0xdfff) return;
        const inside = joined(list).some(([first, last]) => other >= first && other <= last);
        expect(fits(other)).toBe(inside ? 1 : 0);
      }),
    );
  });

  test("bytes that are no UTF-8 fit nothing", () => {
    const accepts = acceptsRule({ type: "set", ranges: others([]) });
    for (const bytes of [
      [0x80],
      [0xc0, 0x80],
      [0xc3],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe0, 0x80, 0x80],
      [0xff],
    ]) {
      expect(accepts(Uint8Array.from(bytes)), String(bytes)).toBe(false);
    }
    for (const char of ["a", "é", "日", "🙂", "\0", "\u{10ffff}"]) expect(accepts(char)).toBe(true);
  });
});

test("one of many texts is one of them", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom("a", "b", "🙂", "🙃"), maxLength: 5 }), { minLength: 1 }),
      (texts) => {
        const accepts = acceptsRule(oneOf(texts));
        for (const one of texts) {
          expect(accepts(one)).toBe(true);
          expect(accepts(`${one}a`)).toBe(texts.includes(`${one}a`));
          expect(accepts(one.slice(1))).toBe(texts.includes(one.slice(1)));
        }
      },
    ),
  );
});

test("patterns fit what regular expressions do", () => {
  const atom = fc.constantFrom(
    "a",
    "b",
    "[ab]",
    "[^a]",
    ".",
    "\\d",
    "\\W",
    "\\s",
    "é",
    '"',
    "\\\\",
    "\\n",
    "[\\d-]",
    "\\u0062",
    "\\.",
  );
  const many = fc.constantFrom("", "*", "+", "?", "{2}", "{1,2}", "{0,}", "+?");
  const part = fc.tuple(atom, many).map(([a, b]) => a + b);
  const group = fc.tuple(fc.array(part, { minLength: 1, maxLength: 2 }), many).map(([a, b]) => `(${a.join("|")})${b}`);
  const pattern = fc
    .tuple(fc.boolean(), fc.array(fc.oneof(part, group), { maxLength: 3 }), fc.boolean())
    .map(([start, parts, end]) => `${start ? "^" : ""}${parts.join("")}${end ? "$" : ""}`);
  const string = fc.string({
    unit: fc.constantFrom("a", "b", "é", '"', "\\", "\n", "1", "-", " ", "🙂"),
    maxLength: 5,
  });
  fc.assert(
    fc.property(pattern, fc.array(string, { minLength: 5, maxLength: 10 }), (source, strings) => {
      const { rule, least, most } = parsePattern(source, "#");
      const accepts = acceptsRule(all(text('"'), rule, text('"')));
      for (const one of strings) {
        const fits = new RegExp(source, "u").test(one);
        expect(accepts(JSON.stringify(one)), `${source} ${JSON.stringify(one)}`).toBe(fits);
        const length = Array.from(one).length;
        if (fits) expect(length >= least && length <= most).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

describe("a grammar as text", () => {
  test.each<[source: string, yes: readonly string[], no: readonly string[]]>([
    ['root ::= "yes" | "no"', ["yes", "no"], ["", "yesno"]],
    ['root ::=\n  "a" # one\n  | "b"\n\nother ::= "c"', ["a", "b"], ["c"]],
    ["root ::= x{2} x{0,1} x{3,}\nx ::= [a-c\\]\\-]", ["aaaaa", "abc]--"], ["aaaa"]],
    ['root ::= ("a" ("b" | ))* ', ["", "aba"], ["b"]],
    ['root ::= "\\x41\\u00e9\\U0001F642\\"\\\\\\n"', ['Aé🙂"\\\n'], []],
    ["root ::= [^\\n] .?", ["a", "🙂\n"], ["\n", ""]],
    ['root ::= "a" root "b" | ""', ["", "ab", "aabb"], ["aab"]],
    ['root ::= list\nlist ::= "x" list | "x"', ["x", "xxx"], [""]],
  ])("%j", (source, yes, no) => {
    const accepts = acceptsGrammar(source);
    for (const one of yes) expect(accepts(one), one).toBe(true);
    for (const one of no) expect(accepts(one), one).toBe(false);
  });

  test.each([
    ["", "there is no rule root"],
    ["root = x", 'line 1, column 1: expected a rule, name ::= …, got "root = x"'],
    ['root ::= "a"\n  | b', "line 2, column 5: the rule b is not defined"],
    ['root ::= "a\n"', 'line 1, column 12: a line ends before "'],
    ['root ::= "é" ("b"', "line 1, column 14: a group without an end"],
    ["root ::= [z-a]", "line 1, column 10: a range out of order"],
    ["root ::= []", "line 1, column 10: a class without characters"],
    ['root ::= "a"{2,1}', "line 1, column 13: a count out of order"],
    ['root ::= "a"{x}', "line 1, column 13: a count is {n}, {m,} or {m,n}"],
    ['root ::= "a"{1000000}', "line 1, column 13: counts go up to 100000"],
    ['root ::= "\\q"', "line 1, column 11: the escape \\q is not known"],
    ['root ::= "a"\nroot ::= "b"', "line 2, column 1: the rule root is written twice"],
    ['root ::= "a" )', 'line 1, column 14: expected a rule, name ::= …, got ")"'],
    ['root ::= root "a" | "a"', "the rule root begins with itself, so it would never take a character"],
    [
      'root ::= a\na ::= b? "x"? a "y" | "z"\nb ::= ""',
      "the rule a begins with itself, so it would never take a character",
    ],
    ['root ::= "(" root ")"', "no text fits the schema or grammar"],
    [`root ::= ${"(".repeat(300)}`, "line 1, column 210: groups nested too deeply"],
    ['root ::= "a"{0,100000} "b"{0,100000}', /^the schema or grammar is too large: /],
  ])("%j is refused with its place", (source, message) => {
    expect(() => acceptsGrammar(source)).toThrow(
      expect.objectContaining({
        code: "bad_input",
        message: typeof message === "string" ? message : expect.stringMatching(message),
      }),
    );
  });
});

test("a text of a hundred thousand levels is followed, and forgets what it no longer needs", () => {
  const item: Rule = { type: "ref", name: "item" };
  const grammar = { start: "item", rules: new Map<string, Rule>([["item", oneOrNested(item)]]) };
  const accepts = acceptorOf(grammar);
  const deep = 90_000;
  expect(accepts(`${"[".repeat(deep)}1${"]".repeat(deep)}`)).toBe(true);
  expect(accepts(`${"[".repeat(deep)}1${"]".repeat(deep - 1)}`)).toBe(false);
});

function oneOrNested(item: Rule): Rule {
  return { type: "any", items: [{ type: "set", ranges: chars("0-9") }, all(text("["), item, text("]"))] };
}
