/**
 * Where the rows of a running batch lie: those that step together first and without a gap, as the program is given one
 * part of the buffers; behind them those whose prompts are still being read.
 */
import { fail } from "../../../errors.ts";
import type { RowAdapter } from "../../adapters/rows.ts";
import { type CacheShape, grown } from "../cache.ts";
import { createPool, type KeptPart, type RowPool } from "./pool.ts";

/** A row of a running batch. */
export interface LiveRow {
  /** Its place, which changes as others leave: of those that step, its number among them. */
  readonly at: number;
  /** What it is read with; undefined for the network as it is. */
  readonly adapter?: RowAdapter | undefined;
}

/** A row's keys and values outside of the batch. */
export interface Kept {
  readonly parts: readonly KeptPart[];
  readonly bytes: number;
}

/** Positions that a row is given room for at once. */
const roomAhead = 64;

interface Place {
  at: number;
  readonly adapter: RowAdapter | undefined;
  /** Positions that it is given room for, in every pool. */
  needs: number[];
}

export interface Places {
  readonly pools: readonly RowPool[];
  /** Rows that step. */
  readonly stepping: number;
  /** All rows. */
  readonly count: number;
  readonly bytes: number;
  /** Whether another `rows` rows of so many positions each fit into the budget beside those that there are. */
  fits(needs: readonly number[], rows: number): boolean;
  /** The most positions in the first pool that each of so many rows can have with none beside them, and these in the others. */
  most(needs: readonly number[], rows: number): number;
  /** A row behind all others, which holds nothing. */
  add(needs: readonly number[], adapter?: RowAdapter): LiveRow;
  /** The adapters of the rows that step, by their places. */
  adapters(): readonly (RowAdapter | undefined)[];
  /** The row steps from now on. */
  start(row: LiveRow): void;
  /** A row more, behind all others, that holds what this one does. */
  fork(row: LiveRow): LiveRow;
  /**
   * Give a row room for so many positions in the first pool, and for some that follow where it has none yet. False, with
   * nothing changed, where the budget does not allow it.
   */
  grow(row: LiveRow, positions: number): boolean;
  remove(row: LiveRow, wipe: boolean): void;
  keep(row: LiveRow, positions?: number): Kept;
  put(row: LiveRow, kept: Kept, positions?: number): void;
}

/** Places over a pool for each of the shapes, in `budget` bytes. */
export function createPlaces(shapes: readonly CacheShape[], budget: number): Places {
  const pools = shapes.map(createPool);
  const rows: Place[] = [];
  let stepping = 0;

  const placeOf = (row: LiveRow): Place => {
    const place = rows[row.at];
    return place === row ? place : fail("wrong_use", "a row that has left the batch");
  };
  const bytesOf = (count: number, capacities: readonly number[]) =>
    pools.reduce((sum, pool, i) => sum + pool.bytesFor(count, capacities[i]!), 0);
  /** Capacities that all rows and these fit into. */
  const needed = (more: readonly (readonly number[])[]) =>
    pools.map((_, i) => grown(Math.max(1, ...[...rows.map(({ needs }) => needs), ...more].map((needs) => needs[i]!))));

  /** Room for so many rows: generously where the budget allows it, so that rows that come do not move all others. */
  function make(count: number, capacities: readonly number[]): void {
    if (pools.every((pool, i) => count <= pool.rows && capacities[i]! <= pool.capacity)) return;
    const rounded = Math.max(pools[0]!.rows, 2 ** Math.ceil(Math.log2(count)));
    const [wide, exact] = [pools.map((pool, i) => Math.max(pool.capacity, capacities[i]!)), capacities];
    const sizes = [
      [rounded, wide],
      [count, wide],
      [rounded, exact],
    ] as const;
    const [size, capacity] = sizes.find(([n, each]) => bytesOf(n, each) <= budget) ?? [count, exact];
    pools.forEach((pool, i) => {
      pool.resize(size, capacity[i]!);
    });
  }

  function exchange(a: number, b: number): void {
    if (a === b) return;
    for (const pool of pools) pool.swap(a, b);
    [rows[a], rows[b]] = [rows[b]!, rows[a]!];
    [rows[a]!.at, rows[b]!.at] = [a, b];
  }

  /** The row at `from` goes to the place of one that has left. */
  function fill(to: number, from: number): void {
    if (to === from) return;
    for (const pool of pools) pool.copy(from, to);
    rows[to] = rows[from]!;
    rows[to]!.at = to;
  }

  const places: Places = {
    pools,
    get stepping() {
      return stepping;
    },
    get count() {
      return rows.length;
    },
    get bytes() {
      return bytesOf(
        pools[0]!.rows,
        pools.map(({ capacity }) => capacity),
      );
    },
    fits: (needs, more) => bytesOf(rows.length + more, needed([needs])) <= budget,
    most(needs, count) {
      const others = bytesOf(
        1,
        needs.map((n, i) => (i === 0 ? 0 : grown(n))),
      );
      const most = Math.floor((budget / count - others) / pools[0]!.bytesFor(1, 1));
      // What buffers grow by must fit, too.
      return most >= 256 ? 256 * Math.floor(most / 256) : most < 16 ? 0 : 2 ** Math.floor(Math.log2(most));
    },
    adapters: () => rows.slice(0, stepping).map(({ adapter }) => adapter),
    add(needs, adapter) {
      make(rows.length + 1, needed([needs]));
      const row: Place = { at: rows.length, adapter, needs: [...needs] };
      rows.push(row);
      for (const pool of pools) pool.hold(row.at, 0);
      return row;
    },
    start(row) {
      exchange(placeOf(row).at, stepping);
      stepping++;
    },
    fork(row) {
      const { at, needs, adapter } = placeOf(row);
      const copy = places.add(needs, adapter);
      for (const pool of pools) pool.copy(at, copy.at);
      return copy;
    },
    grow(row, positions) {
      const place = placeOf(row);
      if (positions <= place.needs[0]!) return true;
      for (const wanted of [positions + roomAhead, positions]) {
        const needs = place.needs.with(0, wanted);
        const capacities = needed([needs]);
        if (bytesOf(rows.length, capacities) > budget) continue;
        place.needs = needs;
        make(rows.length, capacities);
        return true;
      }
      return false;
    },
    remove(row, wipe) {
      const { at } = placeOf(row);
      if (wipe) for (const pool of pools) pool.wipe(at);
      let hole = at;
      if (hole < stepping) {
        fill(hole, --stepping);
        hole = stepping;
      }
      fill(hole, rows.length - 1);
      rows.pop();
    },
    keep(row, positions) {
      const { at } = placeOf(row);
      const parts = pools.map((pool, i) => pool.keep(at, i === 0 ? positions : undefined));
      const bytes = parts.reduce(
        (sum, { arrays }) => sum + arrays.reduce((all, { byteLength }) => all + byteLength, 0),
        0,
      );
      return { parts, bytes };
    },
    put(row, kept, positions) {
      const { at } = placeOf(row);
      pools.forEach((pool, i) => {
        pool.put(at, kept.parts[i]!, i === 0 ? positions : undefined);
      });
    },
  };
  return places;
}
