/** Papers that treat the same: spherical k-means over their vectors, with names from their words. */
import { randomAt } from "../../base/rng.ts";
import { addTo, dotDense, type Sparse } from "./tfidf.ts";

export interface Clusters {
  /** The cluster of each paper. */
  readonly of: readonly number[];
  /** Three words or pairs of words each. */
  readonly labels: readonly string[];
}

const restarts = 10;
const mostSteps = 30;

interface Found {
  readonly of: Int32Array;
  /** Sum of cosines to the centres. */
  readonly worth: number;
}

function unit(vector: Float64Array): Float64Array {
  let square = 0;
  for (const x of vector) square += x * x;
  const length = Math.sqrt(square) || 1;
  for (let i = 0; i < vector.length; i++) vector[i]! /= length;
  return vector;
}

const dense = (row: Sparse, width: number): Float64Array => {
  const vector = new Float64Array(width);
  addTo(vector, row);
  return vector;
};

/** k-means++: the next centre is drawn by how far papers are from those that are there. */
function seeds(rows: readonly Sparse[], width: number, k: number, seed: number, restart: number): Float64Array[] {
  const random = randomAt(seed, restart);
  const centres = [dense(rows[random.below(rows.length)]!, width)];
  const far = new Float64Array(rows.length).fill(2);
  while (centres.length < k) {
    const last = centres.at(-1)!;
    let total = 0;
    for (const [i, row] of rows.entries()) {
      far[i] = Math.min(far[i]!, Math.max(0, 1 - dotDense(row, last)));
      total += far[i]!;
    }
    if (total <= 0) break;
    let at = random.next() * total;
    let chosen = 0;
    for (; chosen < rows.length - 1; chosen++) {
      at -= far[chosen]!;
      if (at <= 0) break;
    }
    centres.push(dense(rows[chosen]!, width));
  }
  return centres;
}

function run(rows: readonly Sparse[], width: number, k: number, seed: number, restart: number): Found {
  const centres = seeds(rows, width, k, seed, restart);
  const of = new Int32Array(rows.length).fill(-1);
  let worth = 0;
  for (let step = 0; step < mostSteps; step++) {
    let changed = 0;
    worth = 0;
    for (const [i, row] of rows.entries()) {
      let [best, cosine] = [0, -Infinity];
      for (const [c, centre] of centres.entries()) {
        const one = dotDense(row, centre);
        if (one > cosine) [best, cosine] = [c, one];
      }
      if (of[i] !== best) changed++;
      of[i] = best;
      worth += cosine;
    }
    if (changed === 0) break;
    for (const [c, centre] of centres.entries()) {
      centre.fill(0);
      for (const [i, row] of rows.entries()) if (of[i] === c) addTo(centre, row);
      unit(centre);
    }
  }
  return { of, worth };
}

/**
 * @param rows vectors of length 1
 * @param words vectors of their words, and the words, for the names
 */
export function clustersOf(
  rows: readonly Sparse[],
  width: number,
  words: { readonly rows: readonly Sparse[]; readonly terms: readonly string[] },
  seed = 0,
): Clusters {
  if (rows.length === 0) return { of: [], labels: [] };
  const k = Math.max(1, Math.min(40, rows.length, Math.round(Math.sqrt(rows.length / 2))));
  let best: Found | undefined;
  for (let restart = 0; restart < restarts; restart++) {
    const found = run(rows, width, k, seed, restart);
    if (best === undefined || found.worth > best.worth + 1e-9) best = found;
  }
  // Numbered by their size, so that the numbers are the same whatever the restart that won.
  const sizes = new Map<number, number>();
  for (const c of best!.of) sizes.set(c, (sizes.get(c) ?? 0) + 1);
  const order = [...sizes].sort(([a, n], [b, m]) => m - n || a - b).map(([c]) => c);
  const of = [...best!.of].map((c) => order.indexOf(c));
  return { of, labels: labelsOf(of, order.length, words) };
}

/** Parts of addresses name no subject. */
const ofAddress = /\b(?:https?|www|com|org|github|gitlab|io|url)\b/;

/** The three terms that stand out most: their share in the cluster against that in all. */
function labelsOf(
  of: readonly number[],
  count: number,
  { rows, terms }: { rows: readonly Sparse[]; terms: readonly string[] },
): string[] {
  const all = new Float64Array(terms.length);
  for (const row of rows) addTo(all, row);
  return Array.from({ length: count }, (_, c) => {
    const own = new Float64Array(terms.length);
    let size = 0;
    for (const [i, row] of rows.entries()) {
      if (of[i] !== c) continue;
      addTo(own, row);
      size++;
    }
    const scored = [...own.keys()]
      .filter((term) => own[term]! > 0 && !ofAddress.test(terms[term]!))
      .map((term) => ({
        term,
        score: (own[term]! / size) * Math.log(1 + (rows.length * own[term]!) / (size * all[term]!)),
      }))
      .sort((a, b) => b.score - a.score || a.term - b.term);
    const chosen: string[] = [];
    for (const { term } of scored) {
      const name = terms[term]!;
      // A word within a pair that is there says nothing more.
      if (chosen.some((one) => ` ${one} `.includes(` ${name} `) || ` ${name} `.includes(` ${one} `))) continue;
      chosen.push(name);
      if (chosen.length === 3) break;
    }
    return chosen.join(", ");
  });
}
