/** Random numbers from a seed and a place, without state; each draw can be made again after a resume. */
import { siteSeed } from "../graph/random.ts";

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** A whole number in [0, n). */
  below(n: number): number;
}

/** A stream of draws that belongs to (seed, a, b): an epoch, a row, a step. */
export function randomAt(seed: number, a: number, b = 0): Random {
  const key = siteSeed(seed, a, b);
  let count = 0;
  const next = () => siteSeed(key, count++, 1) / 2 ** 32;
  return { next, below: (n) => Math.floor(next() * n) };
}

/** Fisher-Yates in place. */
export function shuffle<T extends { length: number; [i: number]: number }>(items: T, random: Random): T {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const held = items[i]!;
    items[i] = items[j]!;
    items[j] = held;
  }
  return items;
}
