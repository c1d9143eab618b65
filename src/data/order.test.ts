import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dealer } from "../prompts/sampling.ts";
import { permuted, windowOrder } from "./order.ts";

const range = (size: number) => Array.from({ length: size }, (_, i) => i);

test("a permutation holds every element once and depends on the seed", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.nat(), (size, seed) => {
      const order = range(size).map((i) => permuted(seed, size, i));
      expect([...order].sort((a, b) => a - b)).toEqual(range(size));
    }),
    { numRuns: 40 },
  );
  const [one, other] = [1, 2].map((seed) => range(1000).map((i) => permuted(seed, 1000, i)));
  expect(one).not.toEqual(other);
  // No trace of the first order: neighbours land anywhere.
  const near = one!.filter((value, i) => i > 0 && Math.abs(value - one![i - 1]!) < 10).length;
  expect(near).toBeLessThan(50);
  expect(permuted(7, 3_803_957_000, 12)).toBeLessThan(3_803_957_000);
});

test("an order by blocks holds every row once and keeps to a window of them", () => {
  const blocks = [5, 9, 2, 7, 4, 11];
  const order = windowOrder(blocks, 3, 2);
  const rows = range(38).map((i) => order(8, i));
  expect([...rows].sort((a, b) => a - b)).toEqual(range(38));
  const starts = [0, 5, 14, 16, 23, 27, 38];
  const blockOf = (row: number) => starts.findLastIndex((start) => start <= row);
  const runs = rows.map(blockOf);
  const changes = new Set<string>();
  for (let i = 0; i < runs.length; i++) {
    const seen = runs.slice(0, i).includes(runs[i]!);
    if (!seen) changes.add(`${i}`);
  }
  expect(changes.size).toBe(6);
  // Once a window is done its blocks are not needed again.
  const last = blocks.map((_, block) => runs.lastIndexOf(block));
  const first = blocks.map((_, block) => runs.indexOf(block));
  const openAt = range(38).map((i) => blocks.filter((_, b) => first[b]! <= i && last[b]! >= i).length);
  expect(Math.max(...openAt)).toBe(2);
  expect(range(38).map((i) => order(9, i))).not.toEqual(rows);
});

describe("dealing", () => {
  const weights = [5, 0, 1, 0.25, 3.75];

  test("every cycle has each task's share, rounded; counts go on over cycles", () => {
    const deal = dealer(weights, 11, 64);
    const turns = range(640).map(deal);
    for (let cycle = 0; cycle < 10; cycle++) {
      const part = turns.slice(cycle * 64, cycle * 64 + 64);
      weights.forEach((weight, task) => {
        expect(Math.abs(part.filter((turn) => turn.task === task).length - (64 * weight) / 10)).toBeLessThan(1);
      });
    }
    weights.forEach((_, task) => {
      const counts = turns.filter((turn) => turn.task === task).map(({ count }) => count);
      expect(counts).toEqual(range(counts.length));
    });
  });

  test("any place can be asked for, in any order", () => {
    const one = dealer(weights, 11, 64);
    const turns = range(300).map(one);
    const other = dealer(weights, 11, 64);
    for (const place of [299, 3, 128, 127, 250]) expect(other(place)).toEqual(turns[place]);
    expect(range(300).map(dealer(weights, 12, 64))).not.toEqual(turns);
  });

  test("a task of less than one place a cycle comes up now and then", () => {
    const deal = dealer([1, 1000], 5, 64);
    const rare = range(64 * 200).filter((place) => deal(place).task === 0).length;
    expect(rare).toBeGreaterThan(8);
    expect(rare).toBeLessThan(18);
  });

  test("no weight above 0 is an error", () => {
    expect(() => dealer([0, 0], 1)).toThrow(/above 0/);
  });
});
