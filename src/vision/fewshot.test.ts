import { expect, test } from "vitest";
import { fewShot, sharedLambda, supportOf, usualLambdas } from "./fewshot.ts";

/** Points around a centre for each class, from a formula. */
const points = (count: number, width: number, salt: number) =>
  Array.from({ length: count }, (_, i) => ({
    label: i % 3,
    x: Array.from({ length: width }, (_, d) => (d % 3 === i % 3 ? 2 : 0) + Math.sin(1.7 * i + 2.3 * d * d + salt)),
  }));
const labelled = (rows: ReturnType<typeof points>) => ({
  features: rows.map(({ x }) => x),
  labels: rows.map(({ label }) => label),
});

test("classes that lie apart are told apart, with a lambda of any reasonable size", () => {
  const { accuracies } = fewShot(labelled(points(30, 6, 0)), labelled(points(60, 6, 1)), [0.1, 1, 10]);
  for (const accuracy of accuracies) expect(accuracy).toBeGreaterThan(0.9);
});

test("with fewer examples than features the solution is that of the other form: it solves the normal equations", () => {
  const train = labelled(points(9, 12, 0));
  const { weights } = fewShot(train, train, [0.5]);
  // (XᵀX + λI) W = XᵀY, written out anew.
  const mean = train.features[0]!.map((_, d) => train.features.reduce((s, row) => s + row[d]!, 0) / 9);
  const sd = mean.map((m, d) => Math.sqrt(train.features.reduce((s, row) => s + (row[d]! - m) ** 2, 0) / 9) + 1e-5);
  const x = train.features.map((row) => [...row.map((v, d) => (v - mean[d]!) / sd[d]!), 100]);
  for (let f = 0; f < 13; f++) {
    for (let c = 0; c < 3; c++) {
      const right = x.reduce((s, row, i) => s + row[f]! * (train.labels[i] === c ? 1 : -1), 0);
      const left = x.reduce((s, row) => s + row[f]! * row.reduce((t, v, d) => t + v * weights[d]![c]!, 0), 0);
      expect(left + 0.5 * weights[f]![c]!).toBeCloseTo(right, 6);
    }
  }
});

test("a lambda of 0 with too few examples is refused", () => {
  const few = labelled(points(4, 6, 0));
  const doubled = { features: [...few.features, ...few.features], labels: [...few.labels, ...few.labels] };
  expect(() => fewShot(doubled, few, [0])).toThrow(/no single solution/);
});

test("the support is the first examples of each class; one lambda serves several data sets by its ranks", () => {
  expect(supportOf([1, 0, 1, 1, 0, 2], 2)).toEqual([0, 1, 2, 4, 5]);
  expect(
    sharedLambda([
      [0.1, 0.4, 0.5],
      [0.9, 0.2, 0.8],
    ]),
  ).toBe(2);
  expect(usualLambdas[0]).toBe(2 ** -10);
  expect(usualLambdas.at(-1)).toBe(2 ** 19);
});
