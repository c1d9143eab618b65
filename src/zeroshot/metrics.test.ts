/** Metrics, normalisations and intervals against the references' numbers and against cases worked out by hand. */
import { expect, test } from "vitest";
import { readJson } from "../../test/support/fixtures.ts";
import { bleu, bleuCounts, exactMatch, normalAnswer, rougeL, rougeN, tokenF1 } from "../text/metrics/text-metrics.ts";
import { bestOf, normalized, type Ranked, shares } from "./ranking.ts";
import { bootstrap, calibration, deviation, f1Of, macroF1, median, quantile } from "./statistics.ts";

interface Fixture {
  pairs: { text: string; reference: string; rouge1: number; rouge2: number; rougeL: number; bleu: number }[];
  corpora: { pairs: number[]; bleu: number }[];
  many: { texts: string[]; references: string[][]; score: number }[];
}
const fixture = readJson<Fixture>("metrics.json");

test.each(fixture.pairs)("ROUGE and BLEU of $text", ({ text, reference, ...expected }) => {
  expect(rougeN(text, reference, 1)).toBeCloseTo(expected.rouge1, 12);
  expect(rougeN(text, reference, 2)).toBeCloseTo(expected.rouge2, 12);
  expect(rougeL(text, reference)).toBeCloseTo(expected.rougeL, 12);
  expect(bleu([bleuCounts(text, reference)])).toBeCloseTo(expected.bleu, 9);
});

test.each(fixture.corpora)("BLEU of the corpus $pairs", ({ pairs, bleu: expected }) => {
  const counts = pairs.map((i) => bleuCounts(fixture.pairs[i]!.text, fixture.pairs[i]!.reference));
  expect(bleu(counts)).toBeCloseTo(expected, 9);
});

test.each(fixture.many)("BLEU against several references: $score", ({ texts, references, score }) => {
  expect(bleu(texts.map((text, i) => bleuCounts(text, references[i]!)))).toBeCloseTo(score, 9);
});

test("SQuAD's normal form, exact match and F1", () => {
  expect(normalAnswer("The  Cat's, a hat.")).toBe("cats hat");
  expect(exactMatch("an Answer!", "answer")).toBe(1);
  expect(exactMatch("answers", "answer")).toBe(0);
  expect(tokenF1("the red house", "a red car")).toBeCloseTo(0.5, 12);
  expect(tokenF1("the", "a")).toBe(1);
  expect(tokenF1("", "word")).toBe(0);
  expect(tokenF1("x x y", "x y y")).toBeCloseTo(2 / 3, 12);
});

const ranked: Ranked[] = [
  { choices: ["no", "perhaps"], gold: 1, sums: [-2, -3], tokens: [1, 3], unconditional: [-1, -4] },
  { choices: ["no", "perhaps"], gold: 0, sums: [-1, -3], tokens: [1, 3], unconditional: [-1, -4] },
];

test("normalisations", () => {
  expect(normalized(ranked, "sum")[0]).toEqual([-2, -3]);
  expect(normalized(ranked, "tokens")[0]).toEqual([-2, -1]);
  expect(normalized(ranked, "characters")[0]).toEqual([-1, -3 / 7]);
  expect(normalized(ranked, "unconditional")[0]).toEqual([-1, 1]);
  // Softmax gives "no" 0.731 and 0.881; each choice's mean is what it is divided by.
  const [a, b] = ranked.map(({ sums }) => shares(sums)) as [number[], number[]];
  const calibrated = normalized(ranked, "calibrated");
  expect(calibrated[0]![0]).toBeCloseTo(-2 - Math.log((a[0]! + b[0]!) / 2), 12);
  expect(calibrated.map(bestOf)).toEqual([1, 0]);
  expect(bestOf([-1, -1])).toBe(0);
  const differing = [ranked[0]!, { ...ranked[1]!, choices: ["yes", "no"] }];
  expect(() => normalized(differing, "calibrated")).toThrow(/need the same choices for every row/);
});

test("quantiles, deviation, F1", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([0, 10], 0.25)).toBe(2.5);
  expect(deviation([1, 3])).toBeCloseTo(Math.SQRT2, 12);
  expect(deviation([7])).toBe(0);
  // Class 0: precision 1, recall 1/2. Class 1: precision 1/2, recall 1. Class 2: never predicted.
  const [truth, said] = [
    [0, 0, 1, 2],
    [0, 1, 1, 0],
  ];
  expect(f1Of(truth, said, 0)).toBeCloseTo(0.5, 12);
  expect(f1Of(truth, said, 1)).toBeCloseTo(2 / 3, 12);
  expect(macroF1(truth, said)).toBeCloseTo((0.5 + 2 / 3 + 0) / 3, 12);
});

test("the bootstrap repeats with its seed and agrees with the formula", () => {
  const right = Array.from({ length: 200 }, (_, i) => Number(i % 4 !== 0));
  const accuracy = (places: readonly number[]) => places.reduce((sum, i) => sum + right[i]!, 0) / places.length;
  const one = bootstrap(right.length, accuracy, { seed: 7 });
  expect(bootstrap(right.length, accuracy, { seed: 7 })).toEqual(one);
  expect(bootstrap(right.length, accuracy, { seed: 8 })).not.toEqual(one);
  const formula = Math.sqrt((0.75 * 0.25) / right.length);
  expect(one.stderr).toBeGreaterThan(formula * 0.9);
  expect(one.stderr).toBeLessThan(formula * 1.1);
  expect(one.low).toBeGreaterThan(0.75 - 2.4 * formula);
  expect(one.low).toBeLessThan(0.75 - 1.6 * formula);
  expect(one.high).toBeGreaterThan(0.75 + 1.6 * formula);
});

test("calibration", () => {
  const { bins, ece } = calibration([0.95, 0.85, 0.55, 1], [true, false, true, true]);
  expect(bins.map(({ count }) => count)).toEqual([0, 0, 0, 0, 0, 1, 0, 0, 1, 2]);
  expect(bins[9]).toMatchObject({ confidence: 0.975, accuracy: 1 });
  expect(ece).toBeCloseTo((0.45 + 0.85 + 2 * 0.025) / 4, 12);
});
