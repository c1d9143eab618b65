import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ZerothError } from "../../errors.ts";
import { expression, wholeExpression } from "./pattern.ts";

const fixture = JSON.parse(
  brotliDecompressSync(
    readFileSync(new URL("../../../test/fixtures/tokenizers/families.json.br", import.meta.url)),
  ).toString(),
) as { patternTexts: string[]; patterns: { pattern: string; replaced: string[] }[] };

const found = (pattern: string, text: string): [start: number, end: number][] => {
  const flat = expression(pattern, "x")(text);
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);
};

it.each(fixture.patterns)("finds what Oniguruma finds: $pattern", ({ pattern, replaced }) => {
  for (const [i, text] of fixture.patternTexts.entries()) {
    let out = "";
    let from = 0;
    for (const [start, end] of found(pattern, text)) {
      out += `${text.slice(from, start)}¦`;
      from = end;
    }
    expect(out + text.slice(from), JSON.stringify(text)).toBe(replaced[i]);
  }
});

/** Patterns in what both engines have and mean the same by. */
const pattern = fc.letrec<{ tree: string }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("a", "b", "c", "[ab]", "[^a]", "."),
    fc.array(tie("tree"), { minLength: 2, maxLength: 3 }).map((parts) => `(?:${parts.join("")})`),
    fc.array(tie("tree"), { minLength: 2, maxLength: 3 }).map((parts) => `(?:${parts.join("|")})`),
    // What is repeated begins with a character, as an empty round is another thing in either engine.
    fc.tuple(tie("tree"), fc.constantFrom("*", "+", "*?", "+?")).map(([item, times]) => `(?:[abc]${item})${times}`),
    fc
      .tuple(tie("tree"), fc.constantFrom("?", "??", "{2}", "{0,2}", "{1,3}"))
      .map(([item, times]) => `(?:[abc]${item})${times}`),
    fc.tuple(fc.constantFrom("=", "!"), tie("tree")).map(([kind, item]) => `(?${kind}${item})`),
    fc
      .tuple(fc.constantFrom("<=", "<!"), fc.constantFrom("a", "ab", "[bc]", "a|bc"))
      .map(([kind, item]) => `(?${kind}${item})`),
  ),
})).tree;

it("finds what the platform's engine finds, whatever the pattern", () => {
  let refused = 0;
  let run = 0;
  fc.assert(
    fc.property(
      pattern,
      fc.string({ unit: fc.constantFrom("a", "b", "c", "é"), minLength: 1, maxLength: 12 }),
      (source, text) => {
        let mine: [number, number][];
        try {
          mine = found(source, text);
        } catch (error) {
          expect(error).toMatchObject({ code: "unsupported" });
          refused++;
          return;
        }
        run++;
        const theirs: [number, number][] = [];
        let last = -1;
        for (const { index, 0: match } of text.matchAll(new RegExp(source, "gsu"))) {
          const end = index + match.length;
          // The reference passes over an empty match right after a match; `.` is anything but a line feed in both.
          if (match !== "" || index !== last) theirs.push([index, end]);
          last = match !== "" ? end : last;
        }
        expect(mine, `${source} ${text}`).toEqual(theirs);
      },
    ),
    { numRuns: 4000, seed: 4 },
  );
  expect(run).toBeGreaterThan(10 * refused);
});

describe("hostile patterns", () => {
  it("are run in time that grows with the text, or refused", () => {
    const unit = fc.constantFrom("a", "[ab]", "(?:a|a)", "(?:a|ab|)", "a?", "a*", "a+", "(?:a|b|ab)", "(a{0,9})", ".");
    const times = fc.constantFrom("*", "+", "{0,30}", "{00002,}", "{2}", "?", "*?", "{0,7}{0,7}", "");
    const part = fc.tuple(unit, times).map(([item, repeat]) => `(?:${item})${repeat}`);
    const hostile = fc
      .tuple(fc.array(part, { minLength: 1, maxLength: 4 }), times, fc.constantFrom("", "b", "c", "$", "(?!.)", "|a"))
      .map(([parts, repeat, end]) => `(?:${parts.join("")})${repeat}${end}`);
    const time = (run: () => unknown): number => {
      const start = performance.now();
      run();
      return performance.now() - start;
    };
    let ran = 0;
    fc.assert(
      fc.property(hostile, fc.constantFrom("a", "ab", "aab", "aaaaaaaaac"), (source, word) => {
        let run: (text: string) => unknown;
        try {
          run = expression(source, "x");
        } catch (error) {
          expect(error).toBeInstanceOf(ZerothError);
          return;
        }
        ran++;
        const text = word.repeat(20_000);
        // A backtracking engine would not come back from any of these; quadratic time would be minutes.
        const took = time(() => {
          try {
            run(text);
          } catch (error) {
            expect(error).toMatchObject({ code: "unsupported" });
          }
        });
        expect(took, `${source} on ${word}`).toBeLessThan(15_000);
      }),
      { numRuns: 150, seed: 9 },
    );
    expect(ran).toBeGreaterThan(20);
  });

  it.each([
    ["quantifiers written long", "(?:a*){00000000000,}b"],
    ["optional parts in a row", `${"a?".repeat(400)}b`],
    ["alternatives that are the same", `${"(?:a|a|)".repeat(200)}b`],
    ["bounded repeats in a row", `${"a{0,90}".repeat(6)}b`],
    ["nested repeats", "(?:(?:a+)+)+$"],
    ["one that looks to the end for every match", "a.*b|a"],
    ["looks ahead at every place", "a(?=a*$)|a(?!a*b)"],
    ["looks behind at every place", "(?<=a+b|a+)a"],
  ])("%s", (_, source) => {
    const run = expression(source, "x");
    run("a".repeat(1_000));
    const time = (units: number): number => {
      const text = "a".repeat(units);
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 3; i++) {
        const start = performance.now();
        run(text);
        best = Math.min(best, performance.now() - start);
      }
      return best;
    };
    const [short, long] = [time(40_000), time(400_000)];
    // Ten times the text, at most forty times as long: quadratic would be a hundred.
    expect(long).toBeLessThan(40 * Math.max(short, 5));
  });

  it("that would need endless states are refused while they run", () => {
    const run = expression("(?:a|b)*a(?:a|b){900}", "x");
    const random = (i: number) => (Math.imul(i, 0x9e3779b1) >>> 13) & 1;
    const text = Array.from({ length: 20_000 }, (_, i) => (random(i) ? "a" : "b")).join("");
    expect(() => run(text)).toThrow(expect.objectContaining({ code: "unsupported" }));
    // And later texts are matched all the same.
    expect(run("b")).toEqual([]);
  });
});

it.each([
  ["(", "corrupt_file"],
  ["a)", "corrupt_file"],
  ["[a", "corrupt_file"],
  ["*a", "corrupt_file"],
  ["a{3,2}", "corrupt_file"],
  ["[b-a]", "corrupt_file"],
  ["\\x{110000}", "corrupt_file"],
  ["a".repeat(5000), "corrupt_file"],
  [`${"(".repeat(60)}a${")".repeat(60)}`, "corrupt_file"],
  ["[[:nothing:]]", "corrupt_file"],
  ["(a)\\1", "unsupported"],
  ["\\k<name>", "unsupported"],
  ["(?>a+)b", "unsupported"],
  ["(?:ab)++", "unsupported"],
  ["(?:a|)*", "unsupported"],
  ["\\p{Nothing}", "unsupported"],
  ["\\X", "unsupported"],
  ["(?x:a b)", "unsupported"],
  ["((a{1000}){1000}){1000}", "unsupported"],
  ["a{1001}", "unsupported"],
  ["(?<=a(?=b))c", "unsupported"],
])("%s is refused as %s", (source, code) => {
  expect(() => expression(source, "x")).toThrow(expect.objectContaining({ code }));
});

describe("the whole of a text", () => {
  it.each([
    ["a|ab", "ab", true],
    ["a+?", "aaa", true],
    ["q|v", "qv", false],
    [".*\\.(q|v)", "block.0.q", true],
    [".*\\.(q|v)", "block.0.q.x", false],
    ["", "a", false],
    ["(.+)+x", "a".repeat(200), false],
  ])("%s of %s: %s", (source, text, expected) => {
    expect(wholeExpression(source, "test")(text)).toBe(expected);
  });
});
