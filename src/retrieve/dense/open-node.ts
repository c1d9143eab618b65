/** A generation's vectors, ready to be searched: from the file they were laid out in once, or from the database. */
import { fail, ZerothError } from "../../errors.ts";
import { spaceKey } from "../settings.ts";
import { type CacheKey, readCache, writeCache } from "../store/cache-node.ts";
import type { Generation } from "../store/generations-node.ts";
import { type Rows, storedMatrix } from "../store/read-node.ts";
import type { Sql } from "../store/sqlite-node.ts";
import {
  type CompileOver,
  exactSearch,
  type Matrix,
  type Metric,
  partsOf,
  type Rounded,
  type Search,
} from "./exact.ts";
import { buildGraph, contentOf, type GraphSource, graphFits, graphSearch, type Identities } from "./graph-node.ts";

/** So many vectors are all looked at; a graph of more is worth its building, which takes a millisecond for each. */
export const manyVectors = 300_000;
/** Bytes of vectors that the database gives as fast as a file. */
const smallBytes = 4 << 20;

export interface DenseOptions {
  readonly bits?: 32 | 8 | undefined;
  readonly compile: CompileOver;
  /** More vectors than these are searched by their graph, where there is one. Default {@link manyVectors}. */
  readonly many?: number | undefined;
  /** Vectors of fewer bytes are not laid out in a file. Default 4 MB. */
  readonly small?: number | undefined;
  /** What a person should know, once. */
  readonly notice?: ((text: string) => void) | undefined;
}

/** @throws storage_failed where the index is not as it was when its rows were read */
function identitiesOf(sql: Sql, { id }: Generation, { ids }: Rows, where: string): Identities {
  const hashes = new Uint8Array(16 * ids.length);
  const all = sql.all("select id, hash from chunks where generation = ? order by id", id);
  if (all.length !== ids.length || all.some((row, i) => row.id !== ids[i]))
    fail("storage_failed", "was changed while it was read", { where, hint: "try again" });
  all.forEach(({ hash }, row) => void hashes.set((hash as Uint8Array).subarray(0, 16), 16 * row));
  return { ids, hashes };
}

/** A cache is worth nothing where it cannot be kept, and no reason to fail. */
async function keep(path: string, key: CacheKey, parts: readonly Uint8Array[]): Promise<void> {
  try {
    await writeCache(path, key, parts);
  } catch (cause) {
    if (!(cause instanceof ZerothError)) throw cause;
  }
}

const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

interface Laid {
  readonly matrix: Matrix;
  readonly identities: Identities;
  readonly key: CacheKey;
  readonly isSmall: boolean;
}

async function laidMatrix(sql: Sql, generation: Generation, rows: Rows, store: string, small: number): Promise<Laid> {
  const { model } = generation.settings;
  const { width } = model!;
  const identities = identitiesOf(sql, generation, rows, store);
  const isSmall = 4 * width * rows.ids.length < small;
  const key: CacheKey = {
    ...{ kind: "f32", generation: generation.id, count: rows.ids.length, width },
    content: contentOf(spaceKey(model!), identities),
  };
  const path = `${store}.f32`;
  const known = isSmall ? undefined : readCache(path, key);
  if (known) return { matrix: { width, values: new Float32Array(known.buffer) }, identities, key, isSmall };
  const values = storedMatrix(sql, generation, rows, store);
  if (!isSmall) await keep(path, key, [bytesOf(values)]);
  return { matrix: { width, values }, identities, key, isSmall };
}

/** Rounded vectors as they were kept; what is made now is kept. */
function keptRounding({ matrix: { width }, key, isSmall }: Laid, store: string) {
  const path = `${store}.int8`;
  const own = { ...key, kind: "int8" };
  const known = isSmall ? undefined : readCache(path, own);
  const places = new Map<number, { at: number; count: number }>();
  let at = 0;
  for (const { from, count } of partsOf(key.count, width)) {
    places.set(from, { at, count });
    at += count * width + 4 * count;
  }
  const fits = known?.length === at;
  const made: Rounded[] = [];
  return {
    rounded(from: number, make: () => Rounded): Rounded {
      const place = places.get(from)!;
      if (known && fits) {
        const scales = place.at + place.count * width;
        return { values: known.slice(place.at, scales), scales: known.slice(scales, scales + 4 * place.count) };
      }
      const one = make();
      made.push(one);
      return one;
    },
    async finish() {
      if (made.length > 0 && !isSmall)
        await keep(
          path,
          own,
          made.flatMap(({ values, scales }) => [values, scales]),
        );
    },
  };
}

const sourceOf = ({ matrix, identities }: Laid, { id, settings }: Generation, store: string): GraphSource => ({
  ...{ store, generation: id, metric: settings.model!.metric as Metric, matrix, identities },
});

/** @throws corrupt_file for chunks without a vector that fits */
export async function openDense(
  sql: Sql,
  generation: Generation,
  rows: Rows,
  store: string,
  { bits = 32, compile, many = manyVectors, small = smallBytes, notice = () => {} }: DenseOptions,
): Promise<Search> {
  const laid = await laidMatrix(sql, generation, rows, store, small);
  const rounding = bits === 8 ? keptRounding(laid, store) : undefined;
  const exact = exactSearch(laid.matrix, {
    ...{ metric: generation.settings.model!.metric as Metric, bits, compile },
    ...(rounding && { rounded: rounding.rounded }),
  });
  await rounding?.finish();
  if (rows.ids.length <= many) return exact;
  const byGraph = await graphSearch(sourceOf(laid, generation, store), exact);
  if (!byGraph) {
    notice(
      `all of the ${rows.ids.length.toLocaleString("en")} vectors are looked at for every question: zeroth index compact makes a graph of them, where the package usearch is installed (npm install --ignore-scripts usearch@2.25)`,
    );
  }
  return byGraph ?? exact;
}

/** Make the graph of a large index, where it has none that fits; whether one is there. */
export async function keepGraph(
  sql: Sql,
  generation: Generation,
  rows: Rows,
  store: string,
  {
    many = manyVectors,
    progress,
    signal,
  }: {
    many?: number | undefined;
    progress?: ((done: number, total: number) => void) | undefined;
    signal?: AbortSignal | undefined;
  } = {},
): Promise<boolean> {
  if (!generation.settings.model || rows.ids.length <= many) return false;
  const laid = await laidMatrix(sql, generation, rows, store, smallBytes);
  const source = sourceOf(laid, generation, store);
  return (await graphFits(source)) || (await buildGraph(source, progress, signal));
}
