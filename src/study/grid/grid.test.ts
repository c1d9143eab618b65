import { expect, test } from "vitest";
import { advise } from "./advise.ts";
import { gridOf, type Result } from "./cells.ts";
import { isotonic, isotonicGrid } from "./isotonic.ts";
import { labelsFor, worth } from "./worth.ts";

const sizes = [1e6, 1e7, 1e8, 1e9];
const labels = [32, 128, 512, 2048];
/** Results of a table of scores, three seeds a cell, a little apart. */
const resultsOf = (table: readonly (readonly number[])[], apart = 0): Result[] =>
  table.flatMap((row, s) =>
    row.flatMap((score, n) =>
      [-1, 0, 1].map((seed) => ({ size: sizes[s]!, labels: labels[n]!, score: score + seed * apart })),
    ),
  );

test("pools of violators have their weighted mean, and rising values stay", () => {
  expect(isotonic([1, 3, 2, 4], [1, 1, 1, 1])).toEqual([1, 2.5, 2.5, 4]);
  expect(isotonic([3, 2, 1], [1, 1, 2])).toEqual([1.75, 1.75, 1.75]);
  expect(isotonic([1, 2, 3], [1, 1, 1])).toEqual([1, 2, 3]);
  expect(isotonic([], [])).toEqual([]);
});

test("a grid is made rising both ways; cells that were not measured stay empty", () => {
  const grid = gridOf([
    ...resultsOf([
      [0.4, 0.6, 0.5, 0.7],
      [0.3, 0.6, 0.7, 0.8],
    ]),
    { size: 1e8, labels: 2048, score: 0.9 },
  ]);
  const smooth = isotonicGrid(grid);
  expect(smooth[0]!.map((v) => v?.toFixed(3))).toEqual(["0.350", "0.550", "0.550", "0.700"]);
  expect(smooth[1]!.map((v) => v?.toFixed(3))).toEqual(["0.350", "0.600", "0.700", "0.800"]);
  expect(smooth[2]).toEqual([undefined, undefined, undefined, 0.9]);
});

test("labels for a score: between cells in the logarithm, on a cell exactly, before the first and beyond the last", () => {
  const line = [0.5, 0.6, 0.8, 0.9];
  expect(labelsFor(0.6, line, labels)).toBeCloseTo(128, 9);
  expect(labelsFor(0.7, line, labels)).toBeCloseTo(256, 9);
  expect(labelsFor(0.5, line, labels)).toBe("none");
  expect(labelsFor(0.95, line, labels)).toBe("more");
  expect(labelsFor(0.7, [undefined, 0.6, undefined, 0.8], labels)).toBeCloseTo(512, 9);
  expect(labelsFor(0.7, [undefined], [32])).toBe("more");
});

test("a bigger model's worth in labels, with its interval and the share that never gets there", () => {
  const table = [
    [0.5, 0.6, 0.7, 0.8],
    [0.6, 0.7, 0.8, 0.9],
  ];
  const found = worth(gridOf(resultsOf(table)), { resamples: 50 });
  expect(found.map(({ labels: n, needed }) => [n, typeof needed === "number" ? Math.round(needed) : needed])).toEqual([
    [32, 128],
    [128, 512],
    [512, 2048],
    [2048, "more"],
  ]);
  expect(found.at(-1)).toMatchObject({ never: 1, interval: undefined });
  const noisy = worth(gridOf(resultsOf(table, 0.05)), { resamples: 200 });
  const [low, high] = noisy[0]!.interval!;
  expect(low).toBeLessThan(128);
  expect(high).toBeGreaterThan(128);
  expect(worth(gridOf(resultsOf(table, 0.05)), { resamples: 200 })).toEqual(noisy);
});

const place = { size: 1e7, labels: 128 };
const costs = { label: 1, growth: 128, testItems: 2000 };
const adviceOf = (table: readonly (readonly number[])[], more: Partial<typeof costs> = {}) =>
  advise(gridOf(resultsOf(table, 0.002)), place, { ...costs, ...more }, { resamples: 300 });

test("advice follows the gains for their cost", () => {
  // 128 to 512 labels is two doublings.
  expect(
    adviceOf([
      [0.5, 0.5, 0.5],
      [0.5, 0.6, 0.8],
      [0.5, 0.61, 0.8],
    ]).verdict,
  ).toBe("annotate");
  expect(
    adviceOf([
      [0.5, 0.5, 0.5],
      [0.5, 0.6, 0.61],
      [0.5, 0.8, 0.9],
    ]).verdict,
  ).toBe("grow");
  expect(
    adviceOf([
      [0.5, 0.5, 0.5],
      [0.5, 0.6, 0.8],
      [0.5, 0.7, 0.9],
    ]).verdict,
  ).toBe("either");
  expect(
    adviceOf(
      [
        [0.5, 0.5, 0.5],
        [0.5, 0.6, 0.6],
        [0.5, 0.6, 0.6],
      ],
      { testItems: 1e7 },
    ).verdict,
  ).toBe("saturated");
  const paid = adviceOf(
    [
      [0.5, 0.5, 0.5],
      [0.5, 0.6, 0.8],
      [0.5, 0.7, 0.9],
    ],
    { label: 10 },
  );
  expect(paid).toMatchObject({ verdict: "grow", annotate: { cost: 1280 }, grow: { cost: 128 } });
  expect(paid.annotate.gain).toBeCloseTo(0.1, 9);
});

test("where nothing bigger was measured there is no verdict, and what would help is named", () => {
  const advice = advise(gridOf(resultsOf([[0.5, 0.6, 0.7]])), { size: 1e6, labels: 128 }, costs);
  expect(advice).toMatchObject({ verdict: "not enough data", grow: { gain: undefined } });
  expect(advice.missing).toEqual([{ size: 1e6, labels: 256 }]);
  expect(() => advise(gridOf(resultsOf([[0.5]])), { size: 5, labels: 32 }, costs)).toThrow(/not measured/);
});

test.each([{ size: 0 }, { labels: -1 }, { score: Number.NaN }, { size: Number.POSITIVE_INFINITY }])(
  "%j is refused",
  (bad) => {
    expect(() => gridOf([{ size: 1, labels: 1, score: 1, ...bad }])).toThrow(/expected/);
  },
);
