/** From scores to the next token: the likeliest, or a draw. */
import { needNumbers } from "../models/kinds/language.ts";
import type { Settings } from "./options.ts";

/** log Σ exp z, without overflow. */
export function logSumExp(z: Float32Array): number {
  let top = -Infinity;
  for (const value of z) if (value > top) top = value;
  let sum = 0;
  for (const value of z) sum += Math.exp(value - top);
  needNumbers([sum]);
  return top + Math.log(sum);
}

export function argmax(z: Float32Array): number {
  let best = 0;
  for (let i = 1; i < z.length; i++) if (z[i]! > z[best]!) best = i;
  return best;
}

/** The k-th largest value, found without sorting everything (Hoare's selection). */
function kthLargest(values: Float32Array, k: number): number {
  const a = values.slice();
  let [low, high] = [0, a.length - 1];
  const target = k - 1;
  while (low < high) {
    const pivot = a[(low + high) >> 1]!;
    let [i, j] = [low, high];
    while (i <= j) {
      while (a[i]! > pivot) i++;
      while (a[j]! < pivot) j--;
      if (i <= j) {
        [a[i], a[j]] = [a[j]!, a[i]!];
        i++;
        j--;
      }
    }
    if (target <= j) high = j;
    else if (target >= i) low = i;
    else break;
  }
  return a[target]!;
}

/** The likeliest tokens that together have the share `p` of all weight, likeliest first, lower id first on ties. */
function nucleus(weights: Float32Array, total: number, p: number): number[] {
  // The nucleus is small in most steps: only as much is sorted as is needed to fill it.
  let possible = 0;
  for (const weight of weights) if (weight > 0) possible++;
  for (let k = 64; ; k *= 8) {
    const floor = k < possible ? kthLargest(weights, k) : 0;
    const ids: number[] = [];
    let mass = 0;
    for (let id = 0; id < weights.length; id++) {
      if (weights[id]! === 0 || weights[id]! < floor) continue;
      ids.push(id);
      mass += weights[id]!;
    }
    if (floor > 0 && mass < p * total) continue;
    ids.sort((a, b) => weights[b]! - weights[a]! || a - b);
    let held = 0;
    let count = 0;
    while (count < ids.length && held < p * total) held += weights[ids[count++]!]!;
    return ids.slice(0, count);
  }
}

/**
 * Of these tokens the most typical that together have the share `mass`: those whose surprise is nearest to what is
 * expected (Meister et al. 2022, section 5).
 */
function typical(ids: readonly number[], weights: Float32Array, mass: number): number[] {
  const total = ids.reduce((sum, id) => sum + weights[id]!, 0);
  const surprise = (id: number) => -Math.log(weights[id]! / total);
  const expected = ids.reduce((sum, id) => sum + (weights[id]! / total) * surprise(id), 0);
  const away = new Map(ids.map((id) => [id, Math.abs(surprise(id) - expected)]));
  const order = [...ids].sort((a, b) => away.get(a)! - away.get(b)! || a - b);
  let last = 0;
  for (let held = weights[order[0]!]!; last < order.length - 1 && held < mass * total; held += weights[order[last]!]!) {
    last++;
  }
  const limit = away.get(order[last]!)!;
  return ids.filter((id) => away.get(id)! <= limit);
}

type Cuts = Pick<Settings, "temperature" | "topK" | "topP" | "minP" | "typicalP">;

/**
 * Draw from softmax(z / temperature), cut to the top k, the nucleus of mass p (Holtzman et al. 2020), what is not much
 * less likely than the likeliest, and what is typical, in this order, with a uniform number from [0, 1). Overwrites `z`.
 */
export function draw(z: Float32Array, { temperature, topK, topP, minP, typicalP }: Cuts, uniform: number): number {
  const floor = topK > 0 && topK < z.length ? kthLargest(z, topK) : -Infinity;
  const top = z[argmax(z)]!;
  let total = 0;
  for (let id = 0; id < z.length; id++) {
    z[id] = z[id]! < floor ? 0 : Math.exp((z[id]! - top) / temperature);
    total += z[id]!;
  }
  needNumbers([total]);
  let kept: Iterable<number> = z.keys();
  if (topP < 1) kept = nucleus(z, total, topP);
  // The likeliest has the weight 1.
  if (minP > 0) kept = [...kept].filter((id) => z[id]! >= minP);
  if (typicalP < 1)
    kept = typical(
      [...kept].filter((id) => z[id]! > 0),
      z,
      typicalP,
    );
  if (Array.isArray(kept)) total = (kept as number[]).reduce((sum, id) => sum + z[id]!, 0);
  let rest = uniform * total;
  let last = 0;
  for (const id of kept) {
    if (z[id] === 0) continue;
    last = id;
    rest -= z[id]!;
    if (rest < 0) break;
  }
  return last;
}
