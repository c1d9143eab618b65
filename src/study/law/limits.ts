/**
 * How far upstream accuracy takes a task downstream, from measured models: hull, law, interval of the saturation value,
 * what a held-out part says of the law (Abnar et al. 2021, sections 3 and 4).
 */
import { clusterBootstrap, type Interval } from "./bootstrap.ts";
import { type Fit, fitLaw, predicted } from "./fit.ts";
import { alongHull, type Hull, type Point, splitHull } from "./hull.ts";

/** A measurement: points of one run move together and are resampled together. */
export interface Measured extends Point {
  readonly run?: string;
}

export interface TransferOptions {
  readonly seed?: number;
  readonly resamples?: number;
  /** Points along the hull that the law is fitted to; 100 by default. */
  readonly samples?: number;
}

export interface TransferLimits {
  readonly hull: Hull;
  /** Of the rising hull. */
  readonly law: Fit;
  /** Of all points: what the paper advises against, beside it. */
  readonly allPoints: Fit;
  readonly saturation: number;
  /** 95 % interval of the saturation value; undefined where too few resamples have a law. */
  readonly interval: Interval | undefined;
  /** Why the law is not to be relied on; empty where nothing speaks against it. */
  readonly doubts: readonly string[];
}

/** Corners of a hull below which no law is fitted. */
const fewest = 4;

/** Inside the bootstrap a coarser fit is enough, and five times faster. */
const coarse = { grid: 60, samples: 60, refinements: 20 };

const hullLaw = (
  points: readonly Point[],
  samples: number,
  options: { grid?: number; refinements?: number } = {},
): Fit => fitLaw(alongHull(splitHull(points).rising, samples), options);

/** The measurements by their run, each of none a run of its own. */
function clustersOf(points: readonly Measured[]): readonly (readonly Measured[])[] {
  const byRun = new Map<string, Measured[]>();
  const alone: Measured[][] = [];
  for (const point of points) {
    if (point.run === undefined) alone.push([point]);
    else byRun.set(point.run, [...(byRun.get(point.run) ?? []), point]);
  }
  return [...alone, ...byRun.values()];
}

/**
 * Hull, law and interval of measured models.
 * What speaks against the law is among the doubts.
 */
export function transferLimits(
  points: readonly Measured[],
  { seed = 0, resamples = 300, samples = 100 }: TransferOptions = {},
): TransferLimits {
  const hull = splitHull(points);
  const law = hullLaw(points, samples);
  const clusters = clustersOf(points);
  const interval = clusterBootstrap(
    clusters,
    (drawn) => {
      if (splitHull(drawn).rising.length < 2) return undefined;
      return { saturation: 1 - hullLaw(drawn, coarse.samples, coarse).irreducible };
    },
    { seed, resamples, draw: "fewer" },
    { saturation: [0, 1] },
  )?.saturation;
  const upstream = points.map(({ us }) => us);
  const span = Math.max(...upstream) - Math.min(...upstream);
  const doubts = [
    hull.rising.length < fewest &&
      `the rising hull has ${hull.rising.length} corners, ${fewest} or more are needed: measure more models, of other upstream accuracies`,
    span < 0.1 && `upstream accuracies span ${span.toFixed(3)}: a law needs 0.1 or more`,
    law.atBound && `α rests at a bound (${law.alpha.toFixed(2)}): it is not identified`,
    interval === undefined && "too few resamples have a hull: there is no interval",
    interval !== undefined &&
      interval[1] - interval[0] > 0.3 &&
      "the interval is wider than 0.3: saturation is not identified",
    clusters.length < 10 && `${clusters.length} runs: intervals of so few are rough`,
  ].filter((doubt) => doubt !== false);
  return { hull, law, allPoints: fitLaw(points), saturation: 1 - law.irreducible, interval, doubts };
}

export interface HeldOut {
  /** Upstream accuracy that the law knew models up to. */
  readonly cut: number;
  /** Corners of the whole hull above it. */
  readonly corners: number;
  /** Mean absolute error of the law on them, fitted to the lower part's hull and to all its points. */
  readonly hull: number;
  readonly allPoints: number;
}

/** Fit on models up to an upstream accuracy and predict the hull above it; undefined where either part is too small. */
export function heldOut(points: readonly Point[], cut: number, samples = 100): HeldOut | undefined {
  const lower = points.filter(({ us }) => us <= cut);
  const corners = splitHull(points).rising.filter(({ us }) => us > cut);
  if (splitHull(lower).rising.length < 2 || corners.length === 0) return undefined;
  const error = (law: Fit) =>
    corners.reduce((sum, { us, ds }) => sum + Math.abs(predicted(law, us) - ds), 0) / corners.length;
  return { cut, corners: corners.length, hull: error(hullLaw(lower, samples)), allPoints: error(fitLaw(lower)) };
}

/**
 * The upstream accuracy from which halving the upstream error gains less than `gain` downstream: k (u^α − (u/2)^α) < gain.
 * 1 where it always gains more.
 */
export function worthUpTo({ k, alpha }: Pick<Fit, "k" | "alpha">, gain: number): number {
  const error = (gain / (k * (1 - 0.5 ** alpha))) ** (1 / alpha);
  return Number.isFinite(error) ? Math.max(0, 1 - error) : 0;
}
