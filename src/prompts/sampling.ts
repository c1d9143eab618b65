/**
 * Which task each place of an endless mixed stream belongs to. Places are dealt in cycles: of a cycle every task gets
 * its share rounded up or down (systematic sampling, the rounding drawn anew each time), in a random order. Closer
 * to the shares than independent draws, and how often a task came before any place is a formula, not a state.
 */

import { permuted } from "../data/order.ts";
import { fail } from "../errors.ts";
import { siteSeed } from "../graph/random.ts";

export interface Turn {
  readonly task: number;
  /** How many turns this task had before. */
  readonly count: number;
}

/** Places of a cycle. A task of a smaller share than one place is dealt one in some cycles. */
export const cycleSize = 1 << 16;

/** @param weights shares of the tasks, not necessarily adding up to 1 */
export function dealer(weights: readonly number[], seed: number, size = cycleSize): (place: number) => Turn {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0) || weights.some((weight) => !(weight >= 0) || weight === Number.POSITIVE_INFINITY)) {
    fail("bad_input", "a mixture needs weights of 0 or more, and one above 0");
  }
  let sum = 0;
  const edges = weights.map((weight) => {
    sum += weight;
    return (size * sum) / total;
  });
  const last = weights.findLastIndex((weight) => weight > 0);
  for (let task = last; task < edges.length; task++) edges[task] = size;
  const offset = (cycle: number) => siteSeed(seed, cycle, 1) / 2 ** 32;
  /** Where the places of each task end in a cycle, before they are shuffled. */
  const ends = (cycle: number) => edges.map((edge) => Math.min(size, Math.max(0, Math.ceil(edge - offset(cycle)))));

  /** Turns that every task had before a cycle; the way there is kept, since cycles come in order. */
  let known = { cycle: 0, before: new Float64Array(weights.length) };
  const before = (cycle: number): Float64Array => {
    if (cycle < known.cycle) known = { cycle: 0, before: new Float64Array(weights.length) };
    for (; known.cycle < cycle; known.cycle++) {
      let start = 0;
      ends(known.cycle).forEach((end, task) => {
        known.before[task]! += end - start;
        start = end;
      });
    }
    return known.before;
  };

  let current: { cycle: number; tasks: Uint32Array; counts: Float64Array } | undefined;
  const deal = (cycle: number) => {
    const sorted = new Uint32Array(size);
    let start = 0;
    ends(cycle).forEach((end, task) => {
      sorted.fill(task, start, end);
      start = end;
    });
    const so = before(cycle).slice();
    const [tasks, counts] = [new Uint32Array(size), new Float64Array(size)];
    const order = siteSeed(seed, cycle, 2);
    for (let i = 0; i < size; i++) {
      const task = sorted[permuted(order, size, i)]!;
      tasks[i] = task;
      counts[i] = so[task]!++;
    }
    return { cycle, tasks, counts };
  };

  return (place) => {
    const cycle = Math.floor(place / size);
    if (current?.cycle !== cycle) current = deal(cycle);
    const at = place % size;
    return { task: current.tasks[at]!, count: current.counts[at]! };
  };
}
