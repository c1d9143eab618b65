/**
 * A graph of near vectors (HNSW, by usearch) for indices that are too large to look at every vector of. It says which rows
 * may be near; what is told are exact scores of the vectors themselves. Rows that came later than the graph are looked at
 * one by one. The graph is a cache: its file is checked before the native code sees it, which would end the process.
 */
import { createHash } from "node:crypto";
import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { fileSha256 } from "../../base/files-node.ts";
import { byScore, type Hit } from "../lexical/bm25.ts";
import { type CacheKey, headerBytes, readCache, writeCache } from "../store/cache-node.ts";
import { laidOut, type Matrix, type Metric, needVector, type Search, scorer } from "./exact.ts";

/** What is used of usearch's index. */
interface NativeIndex {
  add(keys: BigUint64Array, vectors: Float32Array, threads: number): void;
  search(vector: Float32Array, count: number, threads: number): { readonly keys: BigUint64Array };
  dimensions(): number;
  size(): number;
  save(path: string): void;
  load(path: string): void;
}

interface Library {
  readonly Index: new (options: object) => NativeIndex;
}

/** Not installed with the package: where npm finds no native part for a machine it compiles for minutes. */
const name: string = "usearch";

let library: Promise<Library | undefined> | undefined;

/** The library, where this machine has its native part; the one place that knows its name. */
export const usearch = (): Promise<Library | undefined> => {
  library ??= import(name).then(
    (found: Library) => found,
    () => undefined,
  );
  return library;
};

/** What vectors are of: chunks by their numbers and the hash of their text, which a number alone does not say for ever. */
export interface Identities {
  readonly ids: readonly number[];
  /** 16 bytes each. */
  readonly hashes: Uint8Array;
}

const hashBytes = 16;
/** Connections of a vector, and how many candidates are kept while building and searching. */
const shape = { connectivity: 16, expansion_add: 128, expansion_search: 96 } as const;
const metrics = { cosine: "ip", dot: "ip", euclidean: "l2sq" } as const;

const pathsOf = (store: string) => ({ graph: `${store}.graph`, rows: `${store}.graph-rows` });

interface Kept {
  readonly index: NativeIndex;
  /** Row of the matrix by the number in the graph; -1 for what is gone. */
  readonly rows: Int32Array;
  /** Rows that the graph does not have. */
  readonly tail: readonly number[];
}

const keyOf = (generation: number, width: number, count: number, metric: Metric): CacheKey => ({
  ...{ kind: "graph", generation, count, width, content: metric },
});

function makeIndex({ Index }: Library, width: number, metric: Metric): NativeIndex {
  return new Index({
    dimensions: width,
    metric: metrics[metric],
    quantization: "f16",
    multi: false,
    ...shape,
  });
}

/** Vectors that are put in at once. */
const together = 4096;

export interface GraphSource {
  readonly store: string;
  readonly generation: number;
  readonly metric: Metric;
  readonly matrix: Matrix;
  readonly identities: Identities;
}

/**
 * Build the graph of all rows and write it beside the index.
 * @returns whether this machine can
 * @throws storage_failed
 */
export async function buildGraph(
  source: GraphSource,
  progress: (done: number, total: number) => void = () => {},
  signal?: AbortSignal,
): Promise<boolean> {
  const native = await usearch();
  if (!native) return false;
  const { store, generation, metric, matrix, identities } = source;
  const { width, values } = matrix;
  const count = identities.ids.length;
  const index = makeIndex(native, width, metric);
  for (let from = 0; from < count; from += together) {
    signal?.throwIfAborted();
    const to = Math.min(count, from + together);
    const keys = BigUint64Array.from({ length: to - from }, (_, i) => BigInt(from + i));
    // A copy: the library looks at the whole memory of a view.
    index.add(keys, values.slice(from * width, to * width), 1);
    progress(to, count);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { graph, rows } = pathsOf(store);
  const temporary = `${graph}.${process.pid}.tmp`;
  try {
    index.save(temporary);
    const ids = Float64Array.from(identities.ids);
    const size = new Float64Array([statSync(temporary).size]);
    const digest = await fileSha256(temporary);
    renameSync(temporary, graph);
    await writeCache(rows, keyOf(generation, width, count, metric), [
      ...[new TextEncoder().encode(digest), new Uint8Array(size.buffer), new Uint8Array(ids.buffer)],
      identities.hashes.slice(),
    ]);
  } finally {
    rmSync(temporary, { force: true });
  }
  return true;
}

interface GraphList {
  readonly digest: string;
  readonly size: number;
  readonly ids: Float64Array;
  readonly hashes: Uint8Array;
}

/** The bytes of its hash and of its size come first. */
const listBegin = 64 + 8;

/** A kept graph's own list, if it is one of this generation. How many rows it has its size says. */
function listOf({ store, generation, metric, matrix }: GraphSource): GraphList | undefined {
  const { rows } = pathsOf(store);
  const bytes = (statSync(rows, { throwIfNoEntry: false })?.size ?? 0) - headerBytes - listBegin;
  const count = bytes / (8 + hashBytes);
  if (!Number.isInteger(count) || count < 1) return undefined;
  const data = readCache(rows, keyOf(generation, matrix.width, count, metric));
  if (!data) return undefined;
  const hashesAt = listBegin + 8 * count;
  return {
    digest: new TextDecoder().decode(data.subarray(0, 64)),
    size: new Float64Array(data.slice(64, listBegin).buffer)[0]!,
    ids: new Float64Array(data.slice(listBegin, hashesAt).buffer),
    hashes: data.subarray(hashesAt),
  };
}

const sameHash = (a: Uint8Array, i: number, b: Uint8Array, j: number): boolean => {
  for (let k = 0; k < hashBytes; k++) if (a[i * hashBytes + k] !== b[j * hashBytes + k]) return false;
  return true;
};

async function keptGraph(source: GraphSource): Promise<Kept | undefined> {
  const { store, metric, matrix, identities } = source;
  const { graph } = pathsOf(store);
  if (!existsSync(graph)) return undefined;
  const list = listOf(source);
  if (!list) return undefined;
  if (statSync(graph).size !== list.size || (await fileSha256(graph)) !== list.digest) return undefined;
  const native = await usearch();
  if (!native) return undefined;
  const index = makeIndex(native, matrix.width, metric);
  index.load(graph);
  if (Number(index.dimensions()) !== matrix.width || Number(index.size()) !== list.ids.length) return undefined;
  const places = new Map(identities.ids.map((id, row) => [id, row]));
  const inGraph = new Uint8Array(identities.ids.length);
  const rows = new Int32Array(list.ids.length).fill(-1);
  list.ids.forEach((id, number) => {
    const row = places.get(id);
    if (row === undefined || !sameHash(list.hashes, number, identities.hashes, row)) return;
    rows[number] = row;
    inGraph[row] = 1;
  });
  const tail = identities.ids.flatMap((_, row) => (inGraph[row] ? [] : [row]));
  return { index, rows, tail };
}

/** Share of rows that a graph may lack before it is worth building anew. */
const mostTail = 0.1;

/** Whether the graph beside the index has most of its rows. */
export async function graphFits(source: GraphSource): Promise<boolean> {
  const kept = await keptGraph(source);
  return kept !== undefined && kept.tail.length <= mostTail * source.identities.ids.length;
}

/** So many times k are asked for, at least, and scored exactly. */
const looks = 4;
const leastLooks = 64;
/** So few rows are looked at one by one. */
const few = 100_000;

/**
 * Search by the graph beside the index, with `exact` for what it does not serve; undefined where there is no graph that
 * fits, or no library.
 */
export async function graphSearch(source: GraphSource, exact: Search): Promise<Search | undefined> {
  const kept = await keptGraph(source);
  if (!kept || kept.tail.length > mostTail * source.identities.ids.length) return undefined;
  const { index, rows, tail } = kept;
  const { metric, matrix } = source;
  const { width } = matrix;
  const count = source.identities.ids.length;
  const score = scorer(matrix, metric);

  /** The best of the graph's candidates and of the tail. */
  function near(
    question: Float32Array,
    k: number,
    allowed: ((row: number) => boolean) | undefined,
    share: number,
  ): Hit[] {
    for (let wide = Math.max(leastLooks, Math.ceil((looks * k) / share)); ; wide *= 4) {
      const size = Math.min(wide, rows.length);
      const hits: Hit[] = [];
      const add = (row: number) => {
        if (row >= 0 && (allowed === undefined || allowed(row))) hits.push({ row, score: score(question, row) });
      };
      for (const number of index.search(question.slice(), size, 1).keys) add(rows[Number(number)] ?? -1);
      const found = hits.length;
      for (const row of tail) add(row);
      if (found >= k || size >= rows.length) return hits.sort(byScore).slice(0, k);
    }
  }

  return {
    metric,
    count,
    async search(vectors, k, allowed) {
      for (const vector of vectors) needVector(vector, width, metric, "the question");
      let open = count;
      if (allowed) for (let row = 0; row < count; row++) if (!allowed(row)) open--;
      if ((allowed && open <= few) || looks * k > rows.length) return exact.search(vectors, k, allowed);
      const found: Hit[][] = [];
      for (const vector of vectors) {
        found.push(near(laidOut(vector, metric), k, allowed, open / count));
        await new Promise((resolve) => setImmediate(resolve));
      }
      return found;
    },
    close: () => exact.close(),
  };
}

/** Hash of a list of identities, in order. */
export function contentOf(space: string, { ids, hashes }: Identities): string {
  return createHash("sha256").update(space).update(Float64Array.from(ids)).update(hashes).digest("hex");
}
