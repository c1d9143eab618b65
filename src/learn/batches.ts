/** Which examples make up which step: a plan that follows from seed and epoch alone, so a resumed run continues it. */

import { randomAt, shuffle } from "../base/rng.ts";
import { fail } from "../errors.ts";

export interface Source<E = unknown> {
  readonly size: number;
  /** How often each row is seen in an epoch; 1 by default. A fraction takes a different part each epoch. */
  readonly weight: number;
  /** Roughly how long row i is, in tokens: batches are made of rows of similar length. */
  length(i: number): number;
  /** Row i as an example; `epoch` lets an objective draw anew. */
  example(i: number, epoch: number): E;
}

export interface PlanOptions<E = unknown> {
  readonly sources: readonly Source<E>[];
  /** Rows of a micro-batch, or tokens when `tokens` is set. */
  readonly rows?: number | undefined;
  readonly tokens?: number | undefined;
  readonly shuffle: boolean;
  readonly seed: number;
  /** Every batch is of one source. */
  readonly apart?: boolean | undefined;
}

type Place = readonly [source: number, row: number];

/** The rows a source gives to an epoch: whole passes, and for a fraction the next part of a shuffled cycle. */
function share(source: Source, index: number, epoch: number, options: PlanOptions): Place[] {
  const count = Math.round(source.size * source.weight);
  return Array.from({ length: count }, (_, k): Place => {
    const at = options.shuffle ? epoch * count + k : k;
    return [index, at % source.size];
  });
}

/** All micro-batches of an epoch, each a list of places. */
export function planEpoch(options: PlanOptions, epoch: number): Place[][] {
  const places = options.sources.flatMap((source, i) => share(source, i, epoch, options));
  if (places.length === 0) return fail("bad_input", "there are no rows to train on");
  const length = ([source, row]: Place) => options.sources[source]!.length(row);
  const order = Uint32Array.from(places, (_, i) => i);
  const random = randomAt(options.seed, epoch);
  if (options.shuffle) shuffle(order, random);
  const lengths = Uint32Array.from(places, length);
  const capacity = options.rows ?? Math.max(1, Math.floor(options.tokens! / 32));
  // Rows of similar length meet in a batch, but only within a window of a hundred batches, so every batch stays mixed.
  const window = options.shuffle ? capacity * 100 : places.length;
  const batches: number[][] = [];
  for (let from = 0; from < order.length; from += window) {
    const part = order.slice(from, from + window);
    const sourceAt = (i: number) => (options.apart ? places[i]![0] : 0);
    if (options.shuffle) part.sort((a, b) => sourceAt(a) - sourceAt(b) || lengths[a]! - lengths[b]!);
    let batch: number[] = [];
    let longest = 0;
    for (const i of part) {
      const next = Math.max(longest, lengths[i]!);
      const other = batch.length > 0 && sourceAt(batch[0]!) !== sourceAt(i);
      const full =
        other ||
        (options.rows
          ? batch.length === options.rows
          : batch.length > 0 && next * (batch.length + 1) > options.tokens!);
      if (full) {
        batches.push(batch);
        batch = [];
      }
      longest = batch.length === 0 ? lengths[i]! : next;
      batch.push(i);
    }
    if (batch.length > 0) batches.push(batch);
  }
  if (!options.shuffle) return batches.map((batch) => batch.map((i) => places[i]!));
  const shuffled = shuffle(
    Uint32Array.from(batches, (_, i) => i),
    random,
  );
  return Array.from(shuffled, (b) => batches[b]!.map((i) => places[i]!));
}

/** The examples of micro-batch n of the whole run: epochs are planned as they are reached. */
export function epochReader<E>(plan: PlanOptions<E>): (n: number) => E[] {
  let epoch = 0;
  let first = 0;
  let batches = planEpoch(plan, 0);
  return (n) => {
    if (n < first) [epoch, first, batches] = [0, 0, planEpoch(plan, 0)];
    while (n - first >= batches.length) {
      first += batches.length;
      batches = planEpoch(plan, ++epoch);
    }
    return batches[n - first]!.map(([source, row]) => plan.sources[source]!.example(row, epoch));
  };
}

/** Steps of an epoch, each of `accumulate` micro-batches; the last one may go on in the next epoch. */
export const stepsPerEpoch = (plan: PlanOptions, accumulate: number): number =>
  Math.max(1, Math.ceil(planEpoch(plan, 0).length / accumulate));

/** The micro-batches of every step, counted from 1. */
export function stepReader<E>(plan: PlanOptions<E>, accumulate: number) {
  const batchAt = epochReader(plan);
  return {
    perEpoch: stepsPerEpoch(plan, accumulate),
    batchesOf: (step: number): E[][] =>
      Array.from({ length: accumulate }, (_, i) => batchAt((step - 1) * accumulate + i)),
  };
}
