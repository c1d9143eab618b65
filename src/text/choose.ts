/** From logits to the next token: penalties, the likeliest, or a draw. */
import type { Settings } from "./options.ts";

/** log Σ exp z, without overflow. */
export function logSumExp(z: Float32Array): number {
  let top = -Infinity;
  for (const value of z) if (value > top) top = value;
  let sum = 0;
  for (const value of z) sum += Math.exp(value - top);
  return top + Math.log(sum);
}

/** Make tokens seen before less likely (Keskar et al. 2019): positive logits divided, negative ones multiplied. */
export function penaliseRepeats(z: Float32Array, seen: Iterable<number>, penalty: number): void {
  if (penalty === 1) return;
  for (const id of new Set(seen)) z[id] = z[id]! > 0 ? z[id]! / penalty : z[id]! * penalty;
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

/** Draw from softmax(z / temperature), cut to the top k and the nucleus of mass p (Holtzman et al. 2020). */
export function draw(
  z: Float32Array,
  { temperature, topK, topP }: Pick<Settings, "temperature" | "topK" | "topP">,
  uniform: number,
): number {
  const floor = topK > 0 && topK < z.length ? kthLargest(z, topK) : -Infinity;
  const ids: number[] = [];
  for (let i = 0; i < z.length; i++) if (z[i]! >= floor && z[i]! > -Infinity) ids.push(i);
  const top = z[argmax(z)]!;
  const weights = new Map(ids.map((id) => [id, Math.exp((z[id]! - top) / temperature)]));
  let total = 0;
  for (const weight of weights.values()) total += weight;
  let kept = ids;
  if (topP < 1) {
    kept = [...ids].sort((a, b) => weights.get(b)! - weights.get(a)!);
    let mass = 0;
    let count = 0;
    while (count < kept.length && mass < topP * total) mass += weights.get(kept[count++]!)!;
    kept = kept.slice(0, count);
    total = mass;
  }
  let rest = uniform * total;
  for (const id of kept) {
    rest -= weights.get(id)!;
    if (rest < 0) return id;
  }
  return kept.at(-1)!;
}
