import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import { copiedShares, fragmentsOf, fragmentTokens } from "./fragments.ts";
import { porterStem } from "./porter.ts";
import { type RougeKind, rouge, rougeBest } from "./rouge.ts";

type Triple = readonly [precision: number, recall: number, f: number];
const { pairs, stems, fragments } = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/rouge.json", import.meta.url), "utf8"),
) as {
  pairs: { text: string; reference: string; plain: Record<RougeKind, Triple>; stem: Record<RougeKind, Triple> }[];
  stems: Record<string, string>;
  fragments: { summary: string; text: string; fragments: number[][]; shares: number[] }[];
};

describe("ROUGE", () => {
  test.each(pairs)("is rouge-score's: $text", ({ text, reference, plain, stem }) => {
    for (const [expected, stemmed] of [
      [plain, false],
      [stem, true],
    ] as const) {
      for (const [kind, [precision, recall, f]] of Object.entries(expected)) {
        const found = rouge(text, reference, kind as RougeKind, { stem: stemmed });
        expect(Math.abs(found.precision - precision), `${kind} precision`).toBeLessThan(1e-9);
        expect(Math.abs(found.recall - recall), `${kind} recall`).toBeLessThan(1e-9);
        expect(Math.abs(found.f - f), `${kind} F`).toBeLessThan(1e-9);
      }
    }
  });

  it("takes of several references the one with the best F, for each kind", () => {
    const found = rougeBest("a b c", ["c b a", "a b x y"], ["rouge1", "rouge2"]);
    expect(found.rouge1).toEqual({ precision: 1, recall: 1, f: 1 });
    expect(found.rouge2).toMatchObject({ precision: 0.5, recall: 1 / 3 });
  });

  it("refuses kinds that it does not know, and no references", () => {
    for (const kind of ["rouge0", "rouge10", "rougeX"] as RougeKind[]) {
      expect(() => rouge("a", "a", kind)).toThrow(/expected rouge1/);
    }
    expect(() => rougeBest("a", [])).toThrow(/no reference/);
  });
});

test("stems are those of NLTK", () => {
  for (const [word, stem] of Object.entries(stems)) expect(porterStem(word), word).toBe(stem);
});

describe("fragments", () => {
  test.each(fragments)("of $summary", ({ summary, text, fragments: expected, shares }) => {
    const [s, t] = [summary.split(" "), text.split(" ")];
    expect(fragmentsOf(s, t).map((one) => [one.summary, one.text, one.length])).toEqual(expected);
    const { coverage, density, compression } = copiedShares(s, t);
    for (const [i, value] of [coverage, density, compression].entries()) expect(value).toBeCloseTo(shares[i]!, 9);
  });

  it("are of words and single signs", () => {
    expect(fragmentTokens('"Don\'t," he said…')).toEqual(['"', "don", "'", "t", ",", '"', "he", "said", "…"]);
    expect(copiedShares([], ["a"])).toEqual({ coverage: 0, density: 0, compression: 0 });
  });
});
