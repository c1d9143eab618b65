/** A text in leaves of about the same length, cut where a cut costs least. */
import { fail } from "../../errors.ts";
import { siteSeed } from "../../graph/random.ts";
import { type Boundary, type CutKind, cutCosts } from "./boundaries.ts";
import type { Span } from "./spans.ts";

export interface Leaf {
  readonly span: Span;
  /** What it was cut before; `heading` for the first. */
  readonly cut: CutKind;
}

export interface ChunkOptions {
  /** Tokens of a text up to a place. */
  readonly tokensBefore: (at: number) => number;
  /** Tokens of a leaf as they should be. */
  readonly leafTokens: number;
  /** Most tokens of a leaf: what the model reads. */
  readonly most: number;
  /** Share by which costs are changed by chance, 0 for none: another sectioning of the same book. */
  readonly jitter?: number;
  readonly seed?: number;
}

const longestOverIdeal = 1.5;

/** Σ 2((length − ideal)/ideal)² + Σ cost of cuts, the least of all; on ties the earliest cut. */
function leastCuts(
  places: readonly number[],
  costs: readonly number[],
  counts: readonly number[],
  ideal: number,
  most: number,
): number[] | undefined {
  const n = places.length;
  const best = new Float64Array(n).fill(Infinity);
  const from = new Int32Array(n).fill(-1);
  best[0] = 0;
  let first = 0;
  for (let j = 1; j < n; j++) {
    while (first < j && counts[j]! - counts[first]! > most) first++;
    for (let i = first; i < j; i++) {
      const off = (counts[j]! - counts[i]! - ideal) / ideal;
      const cost = best[i]! + 2 * off * off + costs[j]!;
      if (cost < best[j]!) {
        best[j] = cost;
        from[j] = i;
      }
    }
  }
  if (best[n - 1] === Infinity) return undefined;
  const cuts: number[] = [];
  for (let at = n - 1; at > 0; at = from[at]!) cuts.unshift(at);
  return cuts;
}

/**
 * Leaves of `span`, which they tile without a gap.
 * @throws too_long where a text cannot be cut into what the model reads: one sign that is more tokens than that
 */
export function leavesOf(span: Span, boundaries: readonly Boundary[], options: ChunkOptions): Leaf[] {
  const { tokensBefore, leafTokens, most, jitter = 0, seed = 0 } = options;
  const inside = boundaries.filter(({ at }) => at > span.start && at < span.end);
  const places = [span.start, ...inside.map(({ at }) => at), span.end];
  const counts = places.map(tokensBefore);
  const total = counts.at(-1)! - counts[0]!;
  const chance = (at: number) => (jitter === 0 ? 0 : (jitter * siteSeed(seed, at, 1)) / 2 ** 32);
  const costs = [0, ...inside.map(({ at, kind }) => cutCosts[kind] + chance(at)), 0];
  let n = Math.max(1, Math.round(total / leafTokens), Math.ceil(total / most));
  // A text whose places for cuts lie badly needs a leaf more.
  for (const end = n + 8; n <= end; n++) {
    const ideal = Math.max(1, total / n);
    const cuts = leastCuts(places, costs, counts, ideal, Math.min(Math.max(1, longestOverIdeal * ideal), most));
    if (!cuts) continue;
    return cuts.map((end, i) => {
      const begin = i === 0 ? 0 : cuts[i - 1]!;
      return { span: { start: places[begin]!, end: places[end]! }, cut: i === 0 ? "heading" : inside[begin - 1]!.kind };
    });
  }
  return fail("too_long", `the text cannot be cut into parts of ${most} tokens`, {
    hint: "take a model that reads longer texts, or smaller limits of summaries",
  });
}

/** Tokens that begin before a place, of the places where tokens begin. */
export function countBefore(starts: ArrayLike<number>): (at: number) => number {
  return (at) => {
    let [low, high] = [0, starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (starts[middle]! < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
