/**
 * The saturating power law of Abnar et al. 2021 (equation 1): e_DS = k · e_US^α + e_IR with errors e = 1 − accuracy,
 * k ≥ 0 and 0 ≤ e_IR ≤ 1. Fitted by variable projection: for a given α the law is linear in k and e_IR, so that α alone
 * is searched, on a grid and then by golden section. No starting values, the same result every time.
 */
import type { Point } from "./hull.ts";

export interface Law {
  readonly k: number;
  readonly alpha: number;
  /** Error that remains where the upstream error is 0: 1 − the saturation value. */
  readonly irreducible: number;
}

export interface FitOptions {
  /** Bounds of α; [1, 12] by default. A law with α < 1 is convex in accuracy and cannot follow an upper hull. */
  readonly alpha?: readonly [number, number];
  /** Values of α that are tried before it is refined; 200 by default. */
  readonly grid?: number;
  /** Steps of the refinement, each to 0.62 of the bracket; 60 by default. */
  readonly refinements?: number;
}

export interface Fit extends Law {
  /** Sum of squared differences. */
  readonly squares: number;
  /** Whether α came to rest at a bound: it is not identified then. */
  readonly atBound: boolean;
}

/** The accuracy downstream that a law gives for one upstream. */
export const predicted = ({ k, alpha, irreducible }: Law, us: number): number =>
  1 - (k * (1 - us) ** alpha + irreducible);

interface Linear {
  readonly k: number;
  readonly irreducible: number;
  readonly squares: number;
}

/** The best k and e_IR for powers x = e_US^α. */
function linear(x: readonly number[], y: readonly number[], most: number): Linear {
  const n = x.length;
  const mean = (of: readonly number[]) => of.reduce((sum, v) => sum + v, 0) / n;
  const [mx, my] = [mean(x), mean(y)];
  let [xy, xx] = [0, 0];
  for (let i = 0; i < n; i++) {
    xy += (x[i]! - mx) * (y[i]! - my);
    xx += (x[i]! - mx) ** 2;
  }
  /** k for a given e_IR. */
  const through = (irreducible: number) => {
    let [a, b] = [0, 0];
    for (let i = 0; i < n; i++) {
      a += x[i]! * (y[i]! - irreducible);
      b += x[i]! ** 2;
    }
    return b > 0 ? Math.max(0, a / b) : 0;
  };
  let k = xx > 0 ? xy / xx : 0;
  let irreducible = my - k * mx;
  if (k < 0) [k, irreducible] = [0, my];
  // No measured error is below what cannot be got rid of.
  const bound = Math.min(Math.max(irreducible, 0), most);
  if (bound !== irreducible) [k, irreducible] = [through(bound), bound];
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (k * x[i]! + irreducible - y[i]!) ** 2;
  return { k, irreducible, squares };
}

const golden = (Math.sqrt(5) - 1) / 2;

/** Fit the law to points, all alike. At least two with different `us` are needed for it to mean anything. */
export function fitLaw(
  points: readonly Point[],
  { alpha: [low, high] = [1, 12], grid = 200, refinements = 60 }: FitOptions = {},
): Fit {
  const [errors, y] = [points.map(({ us }) => 1 - us), points.map(({ ds }) => 1 - ds)];
  const most = Math.min(1, ...y);
  const at = (logAlpha: number) => {
    const alpha = Math.exp(logAlpha);
    return {
      alpha,
      ...linear(
        errors.map((e) => e ** alpha),
        y,
        most,
      ),
    };
  };
  const [from, to] = [Math.log(low), Math.log(high)];
  const step = (to - from) / (grid - 1);
  const place = (i: number) => (i === grid - 1 ? to : from + i * step);
  let best = { i: 0, ...at(from) };
  for (let i = 1; i < grid; i++) {
    const tried = at(place(i));
    if (tried.squares < best.squares) best = { i, ...tried };
  }
  let [a, b] = [place(Math.max(0, best.i - 1)), place(Math.min(grid - 1, best.i + 1))];
  let [c, d] = [b - golden * (b - a), a + golden * (b - a)];
  let [left, right] = [at(c), at(d)];
  for (let i = 0; i < refinements; i++) {
    if (left.squares <= right.squares) {
      [b, d, right] = [d, c, left];
      c = b - golden * (b - a);
      left = at(c);
    } else {
      [a, c, left] = [c, d, right];
      d = a + golden * (b - a);
      right = at(d);
    }
  }
  const refined = left.squares <= right.squares ? left : right;
  const { k, alpha, irreducible, squares } = refined.squares < best.squares ? refined : best;
  const near = (bound: number) => Math.abs(Math.log(alpha) - Math.log(bound)) < 1e-6;
  return { k, alpha, irreducible, squares, atBound: near(low) || near(high) };
}
