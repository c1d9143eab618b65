/**
 * Orders that follow from a seed and a place: any element can be asked for without the ones before it, nothing is kept
 * between calls, and so a job goes on bit by bit as it would have from (seed, position) alone.
 */
import { fail } from "../errors.ts";
import { siteSeed } from "../graph/random.ts";

/**
 * Element i of a random order of 0 … size − 1: a Feistel network over the next power of four, walked until it falls
 * within the size (Black and Rogaway 2002). Takes no memory, so a data set of any size has an order.
 */
export function permuted(seed: number, size: number, i: number): number {
  if (size <= 1) return 0;
  let half = 1;
  while (4 ** half < size) half++;
  const base = 2 ** half;
  let at = i;
  do {
    let [left, right] = [Math.floor(at / base), at % base];
    for (let round = 0; round < 4; round++) {
      [left, right] = [right, (left ^ siteSeed(seed, round, right)) & (base - 1)];
    }
    at = left * base + right;
  } while (at >= size);
  return at;
}

/** Rows that are read together, by count: the row groups of a Parquet file. */
export type Blocks = readonly number[];

/**
 * Element i of a random order of rows that keeps to `window` blocks at a time: the blocks are shuffled, and of each
 * run of `window` of them the rows are. Rows of blocks far apart in that order never meet; reading it in order needs
 * `window` blocks in memory and reads each once an epoch.
 */
export function windowOrder(blocks: Blocks, seed: number, window: number): (seed: number, i: number) => number {
  const starts = [0];
  for (const rows of blocks) starts.push(starts.at(-1)! + rows);
  const order = blocks.map((_, i) => permuted(siteSeed(seed, 1, 0), blocks.length, i));
  const windows: { readonly first: number; readonly size: number; readonly blocks: readonly number[] }[] = [];
  for (let from = 0, first = 0; from < order.length; from += window) {
    const part = order.slice(from, from + window);
    const size = part.reduce((sum, block) => sum + blocks[block]!, 0);
    windows.push({ first, size, blocks: part });
    first += size;
  }
  return (rowSeed, i) => {
    let [low, high] = [0, windows.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (windows[middle]!.first <= i) low = middle;
      else high = middle - 1;
    }
    const { first, size, blocks: part } = windows[low]!;
    let at = permuted(siteSeed(rowSeed, 2, low), size, i - first);
    for (const block of part) {
      if (at < blocks[block]!) return starts[block]! + at;
      at -= blocks[block]!;
    }
    return fail("internal", `row ${i} lies in no block`);
  };
}
