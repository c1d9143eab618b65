/** What a training run is fed: micro-batch after micro-batch, from any place on. */

import { randomAt, shuffle } from "../base/rng.ts";
import { epochReader, type PlanOptions } from "../learn/batches.ts";
import type { Example } from "../models/kinds/loss.ts";
import { type PackedRow, type PackSize, packer } from "./packing.ts";

export interface Feed {
  /** The rows of the next micro-batch. */
  next(): Promise<readonly PackedRow[]>;
  /** Where the next micro-batch begins: all there is to a feed's state. */
  position: number;
}

/** How large a micro-batch is. */
export interface BatchSize {
  /** Rows, or tokens with their padding. */
  readonly rows?: number | undefined;
  readonly tokens?: number | undefined;
  /** Several pairs in a row, of which this is the size. */
  readonly pack?: Pick<PackSize, "maxInput" | "maxTarget"> | undefined;
}

interface Batch {
  /** False when there is no room for it. */
  add(example: Example): boolean;
  rows(): readonly PackedRow[];
}

/** An empty micro-batch. */
function openBatch({ rows = 8, tokens, pack }: BatchSize): Batch {
  if (pack) {
    const { maxInput, maxTarget } = pack;
    return packer({
      rows: tokens ? Math.max(1, Math.floor(tokens / (maxInput + maxTarget))) : rows,
      maxInput,
      maxTarget,
    });
  }
  const pairs: PackedRow[] = [];
  let [longestInput, longestTarget] = [0, 0];
  return {
    add(example) {
      const input = Math.max(longestInput, example.input.length);
      const target = Math.max(longestTarget, example.target.length);
      const full = tokens ? (input + target) * (pairs.length + 1) > tokens : pairs.length === rows;
      if (full && pairs.length > 0) return false;
      [longestInput, longestTarget] = [input, target];
      pairs.push([example]);
      return true;
    },
    rows: () => pairs,
  };
}

/** Places that are prepared before they are needed. */
const ahead = 32;

/**
 * Examples of an endless stream in the order of their places. `at` gives nothing for a place that is to be passed
 * over; the position is the place of the first example that no batch has taken.
 */
export function streamFeed(at: (place: number) => Promise<Example | undefined>, size: BatchSize): Feed {
  const prepared = new Map<number, Promise<Example | undefined>>();
  const get = (place: number) => {
    for (let next = place; next < place + ahead; next++) {
      if (prepared.has(next)) continue;
      const work = at(next);
      // It fails when its turn comes, not before.
      work.catch(() => undefined);
      prepared.set(next, work);
    }
    return prepared.get(place)!;
  };
  let position = 0;
  return {
    get position() {
      return position;
    },
    set position(place) {
      prepared.clear();
      position = place;
    },
    async next() {
      const batch = openBatch(size);
      for (;;) {
        const example = await get(position);
        if (example && !batch.add(example)) return batch.rows();
        prepared.delete(position++);
      }
    },
  };
}

/** Places whose pairs are sorted by length before they make batches: enough for alike ones to meet, soon read. */
const windowPlaces = 1024;

/**
 * The order in which little of a batch is padding: by the target's length, roughly (both sides of a pair are padded),
 * then by the input's, up and down in turn, so that neighbours are alike also where a class of targets ends.
 */
export function byLengths(pairs: readonly Example[]): Example[] {
  const classOf = ({ target }: Example) => 32 - Math.clz32(Math.max(1, target.length) - 1);
  const turn = (example: Example) => (classOf(example) % 2 === 0 ? 1 : -1);
  return pairs.toSorted((a, b) => classOf(a) - classOf(b) || turn(a) * (a.input.length - b.input.length));
}

/**
 * A stream a pair a row: of each window of places, pairs of similar lengths meet in a batch, and the batches come in a
 * random order. The position is the window's first place plus the number of its batches that are done, which are
 * fewer than its places.
 */
export function windowFeed(
  at: (place: number) => Promise<Example | undefined>,
  size: BatchSize,
  seed: number,
  places = windowPlaces,
): Feed {
  let current: { first: number; batches: (readonly PackedRow[])[] } | undefined;
  const open = async (first: number) => {
    const found = await Promise.all(Array.from({ length: places }, (_, i) => at(first + i)));
    const pairs = byLengths(found.filter((pair) => pair !== undefined));
    const batches: Batch[] = [];
    for (const pair of pairs) {
      if (batches.at(-1)?.add(pair)) continue;
      batches.push(openBatch(size));
      batches.at(-1)!.add(pair);
    }
    const order = shuffle(
      Uint32Array.from(batches, (_, i) => i),
      randomAt(seed, first, 5),
    );
    return { first, batches: Array.from(order, (i) => batches[i]!.rows()) };
  };
  const feed: Feed = {
    position: 0,
    async next() {
      for (;;) {
        const first = feed.position - (feed.position % places);
        if (current?.first !== first) current = await open(first);
        const done = feed.position - first;
        const batch = current.batches[done];
        feed.position = done + 1 < current.batches.length ? feed.position + 1 : first + places;
        if (batch) return batch;
      }
    },
  };
  return feed;
}

/** Examples of sources in memory, epoch after epoch. */
export function sourceFeed({ pack, ...plan }: PlanOptions<Example> & Pick<BatchSize, "pack">): Feed {
  if (pack) {
    const { tokens: _, ...each } = plan;
    const single = epochReader({ ...each, rows: 1 });
    return streamFeed(async (place) => single(place)[0], { rows: plan.rows, tokens: plan.tokens, pack });
  }
  const batchAt = epochReader(plan);
  const feed = { position: 0, next: async () => batchAt(feed.position++).map((example) => [example]) };
  return feed;
}
