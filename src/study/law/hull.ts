/**
 * What mixing measured models achieves: the upper convex hull of their accuracies upstream and downstream (Abnar et al.
 * 2021, "Exploring the limits of large scale pre-training", the randomised classifier). Answering each input with model
 * j with probability p_j gives exactly the accuracies Σ p_j (us_j, ds_j), so every point of the hull can be had.
 */

/** Accuracies of one model, each from 0 to 1. */
export interface Point {
  readonly us: number;
  readonly ds: number;
}

/** Twice the signed area of a, b, c: negative where the way from a over b to c turns right. */
const turn = (a: Point, b: Point, c: Point): number => (b.us - a.us) * (c.ds - a.ds) - (b.ds - a.ds) * (c.us - a.us);

/**
 * The corners of the upper hull by rising `us`, from the leftmost point to the rightmost; of points with one `us` the best
 * counts. Points on a straight line between two corners are none (Andrew's monotone chain).
 */
export function upperHull(points: readonly Point[]): Point[] {
  const sorted = [...points].sort((a, b) => a.us - b.us || b.ds - a.ds);
  const hull: Point[] = [];
  for (const point of sorted) {
    if (hull.at(-1)?.us === point.us) continue;
    while (hull.length >= 2 && turn(hull.at(-2)!, hull.at(-1)!, point) >= 0) hull.pop();
    hull.push(point);
  }
  return hull;
}

export interface Hull {
  /** Corners up to the best `ds`: what a law is fitted to. */
  readonly rising: readonly Point[];
  /** Corners from the best `ds` on, where more upstream means less downstream; that corner alone where there are none. */
  readonly falling: readonly Point[];
}

/** The hull, cut at its best `ds`; of equal ones at the first. */
export function splitHull(points: readonly Point[]): Hull {
  const hull = upperHull(points);
  let best = 0;
  for (const [i, { ds }] of hull.entries()) if (ds > hull[best]!.ds) best = i;
  return { rising: hull.slice(0, best + 1), falling: hull.slice(best) };
}

/** The hull's `ds` at a `us`, by straight lines between corners; undefined outside of them. */
export function hullAt(hull: readonly Point[], us: number): number | undefined {
  const after = hull.findIndex((corner) => corner.us >= us);
  if (after < 0 || (after === 0 && hull[0]!.us > us)) return undefined;
  const [a, b] = [hull[Math.max(0, after - 1)]!, hull[after]!];
  return a.us === b.us ? b.ds : a.ds + ((us - a.us) / (b.us - a.us)) * (b.ds - a.ds);
}

/** So many points along the hull's edges, evenly spaced by `us`, both ends among them. */
export function alongHull(hull: readonly Point[], count: number): Point[] {
  const [from, to] = [hull[0], hull.at(-1)];
  if (!from || !to) return [];
  if (from.us === to.us) return [from];
  return Array.from({ length: count }, (_, i) => {
    const us = i === count - 1 ? to.us : from.us + ((to.us - from.us) * i) / (count - 1);
    return { us, ds: hullAt(hull, us)! };
  });
}
