import { expect, test } from "vitest";
import { type Random, randomAt } from "../../base/rng.ts";
import { clusterBootstrap } from "./bootstrap.ts";
import { fitLaw, predicted } from "./fit.ts";
import { alongHull, hullAt, type Point, splitHull, upperHull } from "./hull.ts";
import { heldOut, transferLimits, worthUpTo } from "./limits.ts";

/** A point is a corner where it lies above every line between two others that are not both on one side of it. */
const bruteHull = (points: readonly Point[]): Point[] =>
  points
    .filter(
      (p) =>
        !points.some(
          (q) => q !== p && q.us === p.us && (q.ds > p.ds || (q.ds === p.ds && points.indexOf(q) < points.indexOf(p))),
        ) &&
        !points.some((a) =>
          points.some((b) => {
            if (!(a.us < p.us && p.us < b.us)) return false;
            return a.ds + ((p.us - a.us) / (b.us - a.us)) * (b.ds - a.ds) >= p.ds - 1e-12;
          }),
        ),
    )
    .sort((a, b) => a.us - b.us);

const drawn = (random: Random, n: number): Point[] =>
  Array.from({ length: n }, () => ({ us: random.next(), ds: random.next() }));

test("the upper hull is that of brute force, also with points of one place and on one line", () => {
  for (let seed = 0; seed < 40; seed++) {
    const points = drawn(randomAt(seed, 1), 3 + (seed % 25));
    expect(upperHull(points)).toEqual(bruteHull(points));
  }
  const line = [0, 0.25, 0.5, 1].map((us) => ({ us, ds: us / 2 }));
  expect(upperHull(line)).toEqual([line[0], line[3]]);
  expect(
    upperHull([
      { us: 0.5, ds: 0.2 },
      { us: 0.5, ds: 0.4 },
    ]),
  ).toEqual([{ us: 0.5, ds: 0.4 }]);
});

test("right of the best the hull falls, and is kept apart", () => {
  const points = [
    { us: 0.1, ds: 0.2 },
    { us: 0.4, ds: 0.7 },
    { us: 0.8, ds: 0.5 },
  ];
  expect(splitHull(points)).toEqual({ rising: points.slice(0, 2), falling: points.slice(1) });
  expect(hullAt(points, 0.6)).toBeCloseTo(0.6, 12);
  expect(hullAt(points, 0.9)).toBeUndefined();
});

test("a mixture of two models has the accuracies of the chord between them", () => {
  const [a, b, share, inputs] = [{ us: 0.3, ds: 0.4 }, { us: 0.7, ds: 0.6 }, 0.25, 100_000];
  const random = randomAt(5, 5);
  const right = { us: 0, ds: 0 };
  for (let i = 0; i < inputs; i++) {
    const model = random.next() < share ? a : b;
    if (random.next() < model.us) right.us++;
    if (random.next() < model.ds) right.ds++;
  }
  const us = share * a.us + (1 - share) * b.us;
  const error = 4 * Math.sqrt(0.25 / inputs);
  expect(Math.abs(right.us / inputs - us)).toBeLessThan(error);
  expect(Math.abs(right.ds / inputs - hullAt([a, b], us)!)).toBeLessThan(error);
});

test("50 laws without noise are found to 1e-6", () => {
  for (let seed = 0; seed < 50; seed++) {
    const random = randomAt(seed, 2);
    const law = { k: 0.2 + 0.6 * random.next(), alpha: 1 + 8 * random.next(), irreducible: 0.3 * random.next() };
    const points = Array.from({ length: 30 }, (_, i) => ({ us: i / 40, ds: predicted(law, i / 40) }));
    const fit = fitLaw(points);
    expect(fit.k).toBeCloseTo(law.k, 6);
    expect(fit.alpha).toBeCloseTo(law.alpha, 6);
    expect(fit.irreducible).toBeCloseTo(law.irreducible, 6);
  }
});

test("with noise no neighbour of the fit is better, within the bounds", () => {
  for (let seed = 0; seed < 10; seed++) {
    const random = randomAt(seed, 3);
    const law = { k: 0.5, alpha: 1.2 + 4 * random.next(), irreducible: 0.2 * random.next() };
    const points = Array.from({ length: 25 }, () => {
      const us = 0.8 * random.next();
      return { us, ds: predicted(law, us) + 0.05 * (random.next() - 0.5) };
    });
    const fit = fitLaw(points);
    const squares = (one: typeof law) => points.reduce((sum, { us, ds }) => sum + (predicted(one, us) - ds) ** 2, 0);
    expect(squares(fit)).toBeCloseTo(fit.squares, 12);
    const most = Math.min(...points.map(({ ds }) => 1 - ds));
    for (let i = 0; i < 400; i++) {
      const near = (value: number) => value * (1 + 0.2 * (random.next() - 0.5));
      const other = {
        k: near(fit.k),
        alpha: Math.min(12, Math.max(1, near(fit.alpha))),
        irreducible: Math.min(most, Math.max(0, near(fit.irreducible))),
      };
      expect(squares(other)).toBeGreaterThanOrEqual(fit.squares * (1 - 1e-9));
    }
  }
});

/** Models below a frontier that follows the law, as a cloud of trained ones lies. */
const cloud = (random: Random, n: number, law = { k: 0.7, alpha: 2, irreducible: 0.15 }): Point[] =>
  Array.from({ length: n }, () => {
    const us = 0.6 * random.next();
    return { us, ds: predicted(law, us) + 0.04 * Math.log(1 - random.next()) + 0.005 * (random.next() - 0.5) };
  });

test("intervals of the hull's law hold the truth about as often as they say; the ordinary bootstrap's do not", {
  timeout: 120_000,
}, () => {
  const trials = 60;
  const covered = (draw: "fewer" | "all") => {
    let holds = 0;
    for (let trial = 0; trial < trials; trial++) {
      const clusters = cloud(randomAt(trial, 7), 40).map((point) => [point]);
      const found = clusterBootstrap(
        clusters,
        (points) => ({ e: fitLaw(alongHull(splitHull(points).rising, 60), { grid: 60, refinements: 15 }).irreducible }),
        { seed: trial, resamples: 300, draw },
        { e: [0, 1] },
      );
      if (found!.e[0] <= 0.15 && 0.15 <= found!.e[1]) holds++;
    }
    return holds / trials;
  };
  expect(covered("fewer")).toBeGreaterThanOrEqual(0.9);
  expect(covered("all")).toBeLessThan(0.9);
});

test("limits: law, interval, what speaks against them, and the same twice", () => {
  const points = cloud(randomAt(1, 9), 200).map((point, i) => ({ ...point, run: `run${i >> 1}` }));
  const found = transferLimits(points, { resamples: 60 });
  expect(found.doubts).toEqual([]);
  expect(found.interval![0]).toBeLessThan(found.saturation + 1e-9);
  expect(Math.abs(found.saturation - 0.85)).toBeLessThan(0.06);
  expect(transferLimits(points, { resamples: 60 })).toEqual(found);
  const ahead = heldOut(points, 0.45)!;
  expect(ahead.hull).toBeLessThan(ahead.allPoints);
  const few = transferLimits(
    [
      { us: 0.5, ds: 0.5 },
      { us: 0.51, ds: 0.6 },
    ],
    { resamples: 20 },
  );
  expect(few.doubts.join("; ")).toMatch(/2 corners.*span 0\.010.*2 runs/);
});

test("worth it: up to where halving the error gains the least that counts", () => {
  const law = { k: 0.5, alpha: 2 };
  const us = worthUpTo(law, 0.01);
  expect(law.k * ((1 - us) ** 2 - ((1 - us) / 2) ** 2)).toBeCloseTo(0.01, 10);
  expect(worthUpTo(law, 0.9)).toBe(0);
  expect(worthUpTo({ k: 0, alpha: 2 }, 0.01)).toBe(0);
});
