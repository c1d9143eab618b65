/** One step's choice: penalties, cuts and draws, against slow and plain versions. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { randomAt } from "../base/rng.ts";
import { argmax, draw, logSumExp } from "./choose.ts";

// Steps of 1/8: values that differ do so after the exponential in float32 too.
const logits = fc
  .array(fc.integer({ min: -80, max: 80 }), { minLength: 1, maxLength: 300 })
  .map((values) => Float32Array.from(values, (value) => value / 8));
const every = { temperature: 1, topK: 0, topP: 1, minP: 0, typicalP: 1 };

/** Tokens that may be drawn, by sorting everything. */
function allowed(z: Float32Array, { temperature, topK, topP, minP }: typeof every): Set<number> {
  let ids = [...z.keys()].sort((a, b) => z[b]! - z[a]! || a - b);
  if (topK > 0) ids = ids.filter((id) => z[id]! >= z[ids[Math.min(topK, ids.length) - 1]!]!);
  const weights = ids.map((id) => Math.exp((z[id]! - z[ids[0]!]!) / temperature));
  const total = weights.reduce((a, b) => a + b, 0);
  let mass = 0;
  const kept = ids.filter((_, i) => {
    const before = mass;
    mass += weights[i]!;
    return before < topP * total * (1 + 1e-5) && weights[i]! >= minP * (1 - 1e-5);
  });
  return new Set(kept);
}

test("a draw never leaves the top k and the nucleus", () => {
  const settings = fc.record({
    temperature: fc.double({ min: 0.1, max: 3, noNaN: true }),
    topK: fc.integer({ min: 0, max: 320 }),
    topP: fc.double({ min: 0.01, max: 1, noNaN: true }),
    minP: fc.double({ min: 0, max: 1, noNaN: true }),
    typicalP: fc.double({ min: 0.01, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(logits, settings, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (z, how, uniform) => {
      expect(allowed(z, how).has(draw(z.slice(), how, uniform))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("top k of 1 and a tiny nucleus are the likeliest", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: -99, max: 99 }), { minLength: 1 }), (values) => {
      const z = Float32Array.from(values);
      expect(draw(z.slice(), { ...every, topK: 1 }, 0.999)).toBe(argmax(z));
      expect(draw(z.slice(), { ...every, topP: 1e-6 }, 0.999)).toBe(argmax(z));
    }),
  );
});

test.each([
  { how: every, expected: [0.5, 0.3, 0.15, 0.05] },
  { how: { ...every, temperature: 0.5 }, expected: [0.25, 0.09, 0.0225, 0.0025].map((p) => p / 0.365) },
  { how: { ...every, topK: 2 }, expected: [0.625, 0.375, 0, 0] },
  { how: { ...every, topP: 0.6 }, expected: [0.625, 0.375, 0, 0] },
  { how: { ...every, topP: 0.9 }, expected: [10 / 19, 6 / 19, 3 / 19, 0] },
  { how: { ...every, minP: 0.31 }, expected: [0.625, 0.375, 0, 0] },
  { how: { ...every, minP: 0.31, temperature: 2 }, expected: [0.5, 0.3, 0.15, 0.05].map((p) => Math.sqrt(p) / 1.8657) },
  // 1.142 nats are expected; the surprises are 0.69, 1.20, 1.90 and 3.00.
  { how: { ...every, typicalP: 0.25 }, expected: [0, 1, 0, 0] },
  { how: { ...every, typicalP: 0.75 }, expected: [0.625, 0.375, 0, 0] },
  { how: { ...every, typicalP: 0.9 }, expected: [10 / 19, 6 / 19, 3 / 19, 0] },
])("frequencies of $how", ({ how, expected }) => {
  const z = Float32Array.from([0.5, 0.3, 0.15, 0.05], Math.log);
  const n = 20_000;
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) counts[draw(z.slice(), how, randomAt(7, 3, i).next())]!++;
  // Five standard deviations: a fair draw fails once in a million.
  expected.forEach((p, id) => {
    expect(Math.abs(counts[id]! / n - p), `token ${id}`).toBeLessThanOrEqual(5 * Math.sqrt((p * (1 - p)) / n));
  });
});

test("a large vocabulary with a wide nucleus is drawn from whole", () => {
  const z = new Float32Array(10_000);
  const drawn = new Set<number>();
  for (let i = 0; i < 200; i++) drawn.add(draw(z.slice(), { ...every, topP: 0.95 }, i / 200));
  expect(drawn.size).toBe(200);
  expect(Math.max(...drawn)).toBeLessThan(9501);
});

test("impossible tokens are never drawn", () => {
  const z = Float32Array.of(-Infinity, 0, -Infinity, 0);
  for (const uniform of [0, 0.49, 0.51, 1 - 2 ** -32]) {
    expect([1, 3]).toContain(draw(z.slice(), every, uniform));
    expect([1, 3]).toContain(draw(z.slice(), { ...every, topP: 0.99 }, uniform));
  }
});

test("results that are no numbers are an error", () => {
  expect(() => draw(Float32Array.of(1, NaN, 2), every, 0.5)).toThrow("not numbers");
  expect(() => logSumExp(Float32Array.of(1, NaN, 2))).toThrow("not numbers");
});
