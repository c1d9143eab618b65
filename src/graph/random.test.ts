import { expect, test } from "vitest";
import { hashReference, maskReference } from "../../test/support/random.ts";
import { compile } from "../runtime/compile-node.ts";
import { float32, ndarray } from "./array.ts";
import { gradients } from "./differentiate.ts";
import type { Shape } from "./dims.ts";
import { graph } from "./graph.ts";
import * as o from "./operators.ts";
import { dropout, hashUniform, isDropoutMask, siteSeed, uniform } from "./random.ts";
import { input } from "./tensor.ts";

const seedOf = (value: number) => ndarray("uint32", [], Uint32Array.of(value));

/** The mask the graph draws for ones of this shape, scaled. */
async function drawn(shape: Shape, sizes: readonly number[], rate: number, seeds: readonly number[]) {
  const x = input("x", "float32", shape);
  const y = dropout(x, rate, input("seed", "uint32", []));
  await using program = await compile(graph({ y }), { threads: 1 });
  const ones = float32(sizes, new Float32Array(sizes.reduce((a, b) => a * b, 1)).fill(1));
  const results: Float32Array[] = [];
  for (const seed of seeds) results.push((await program.run({ x: ones, seed: seedOf(seed) })).y.data as Float32Array);
  return results;
}

test("hashes and uniform numbers have the bits of the reference", async () => {
  const seed = input("seed", "uint32", []);
  const g = graph({ h: hashUniform(seed, [3, 50]), u: uniform(seed, [3, 50]) });
  await using program = await compile(g, { threads: 1 });
  for (const value of [0, 1, 0xffffffff, siteSeed(7, 3, 2)]) {
    const out = await program.run({ seed: seedOf(value) });
    const expected = hashReference(value, 150);
    expect(out.h.data).toEqual(expected);
    expect(out.u.data).toEqual(Float32Array.from(expected, (h) => (h >>> 8) / 2 ** 24));
  }
});

test.each([
  { shape: ["batch", "length", 48], sizes: [2, 5, 48] },
  { shape: [33], sizes: [33] },
  { shape: [], sizes: [] },
  { shape: ["batch", 4], sizes: [0, 4] },
])("a mask of shape $shape is the reference's", async ({ shape, sizes }) => {
  const columns = sizes.at(-1) ?? 1;
  const rows = sizes.slice(0, -1).reduce((a, b) => a * b, 1);
  for (const rate of [0.1, 0.5]) {
    const seeds = [0, 5, siteSeed(1, 2, 3)];
    const masks = await drawn(shape, sizes, rate, seeds);
    seeds.forEach((seed, i) => {
      const expected = Float32Array.from(
        maskReference(seed, rows, columns, rate),
        (m) => m * Math.fround(1 / (1 - rate)),
      );
      expect(masks[i]).toEqual(expected);
    });
  }
});

/** Correlation of two 0/1 masks, in standard deviations from zero. */
function sigmas(a: Float32Array, b: Float32Array): number {
  const centre = (m: Float32Array) => {
    const mean = m.reduce((s, v) => s + v, 0) / m.length;
    return m.map((v) => v - mean);
  };
  const [p, q] = [centre(a), centre(b)];
  const dot = (u: Float32Array, v: Float32Array) => u.reduce((s, value, i) => s + value * v[i]!, 0);
  return (dot(p, q) / Math.sqrt(dot(p, p) * dot(q, q))) * Math.sqrt(a.length);
}

test("masks drop at the rate and are uncorrelated between sites, steps, rows, columns and in fours", async () => {
  const [rows, columns, rate] = [512, 256, 0.1];
  const seeds = Array.from({ length: 12 }, (_, i) => siteSeed(42, Math.floor(i / 4), i % 4));
  const masks = await drawn([rows, columns], [rows, columns], rate, seeds);
  const kept = masks.map((m) => m.map((v) => (v > 0 ? 1 : 0)));
  const deviation = Math.sqrt(rate * (1 - rate) * rows * columns);
  for (const mask of kept) {
    expect(Math.abs(mask.reduce((a, b) => a + b, 0) - rows * columns * (1 - rate))).toBeLessThan(4.5 * deviation);
    const shifted = (by: number) => Float32Array.from(mask, (_, i) => mask[(i + by) % mask.length]!);
    for (const by of [1, 2, 3, columns, columns + 1, 7 * columns]) {
      expect(Math.abs(sigmas(mask, shifted(by)))).toBeLessThan(4.5);
    }
    // Four corners of a rectangle: where a product of a row's and a column's number could betray itself.
    const centred = mask.map((v) => v - (1 - rate));
    const product = (step: number, across: number) =>
      centred.map(
        (v, i) =>
          v *
          centred[(i + across) % mask.length]! *
          centred[(i + step * columns) % mask.length]! *
          centred[(i + step * columns + across) % mask.length]!,
      );
    for (const [step, across] of [
      [1, 1],
      [5, 3],
      [64, 64],
    ] as const) {
      const total = product(step, across).reduce((a, b) => a + b, 0);
      expect(Math.abs(total)).toBeLessThan(5 * (rate * (1 - rate)) ** 2 * Math.sqrt(rows * columns));
    }
  }
  for (let i = 0; i < kept.length; i++) {
    for (let j = 0; j < i; j++) expect(Math.abs(sigmas(kept[i]!, kept[j]!))).toBeLessThan(4.5);
  }
});

test("site seeds of neighbouring runs, steps and sites are all different and spread over 32 bits", () => {
  const seeds = new Set<number>();
  let bits = 0;
  for (let seed = 0; seed < 5; seed++) {
    for (let step = 0; step < 40; step++) {
      for (let site = 0; site < 50; site++) {
        const value = siteSeed(seed, step, site);
        seeds.add(value);
        for (let rest = value ^ siteSeed(seed, step, site + 1); rest; rest &= rest - 1) bits++;
      }
    }
  }
  expect(seeds.size).toBe(10_000);
  expect(bits / 10_000).toBeGreaterThan(15.8);
  expect(bits / 10_000).toBeLessThan(16.2);
  expect(siteSeed(2 ** 40, 0, 0)).not.toBe(siteSeed(0, 0, 0));
  expect(() => siteSeed(-1, 0, 0)).toThrow(/seed -1/);
});

test("the gradient passes through the same mask, kept or drawn again", async () => {
  const x = input("x", "float32", ["n", 16]);
  const seed = input("seed", "uint32", []);
  const loss = o.sum(o.square(dropout(x, 0.25, seed)));
  const [kept] = gradients(loss, [x]);
  const [again] = gradients(loss, [x], { recompute: isDropoutMask });
  await using program = await compile(graph({ kept: kept!, again: again! }), { threads: 1 });
  const values = Float32Array.from({ length: 64 }, (_, i) => i - 20);
  const out = await program.run({ x: float32([4, 16], values), seed: seedOf(9) });
  const mask = maskReference(9, 4, 16, 0.25);
  (out.kept.data as Float32Array).forEach((value, i) => {
    expect(value).toBeCloseTo((2 * values[i]! * mask[i]!) / 0.75 ** 2, 3);
  });
  expect(out.again.data).toEqual(out.kept.data);
});

test("a rate outside [0, 1) and a seed of another kind are refused", () => {
  const x = input("x", "float32", [4]);
  expect(() => dropout(x, 1, input("seed", "uint32", []))).toThrow(/rate 1/);
  expect(() => dropout(x, 0.1, input("seed", "int64", []))).toThrow(/uint32 scalar/);
  expect(dropout(x, 0, input("seed", "uint32", []))).toBe(x);
});
