/** Searching an index: by words, by vectors, by both, and what a ranker makes of the best of them. */
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import type { EncodeJob } from "../text/heads/reader.ts";
import type { CompileOver, Search } from "./dense/exact.ts";
import { openDense } from "./dense/open-node.ts";
import type { Embedder } from "./embedder-node.ts";
import { type Filter, parseFilter } from "./filter.ts";
import { termsOf } from "./lexical/analyse.ts";
import { type Bm25Options, bm25, byScore, type Hit, type Lexicon, needBm25 } from "./lexical/bm25.ts";
import { fused, type Mode } from "./ranked.ts";
import type { IndexSettings } from "./settings.ts";
import { type Generation, servingOf } from "./store/generations-node.ts";
import {
  documentText,
  fieldsOf,
  type Rows,
  readChunk,
  rowsOf,
  type StoredChunk,
  storedLexicon,
} from "./store/read-node.ts";
import { openStoreFile } from "./store/schema-node.ts";

/** Scores of passages for a question, more is better. */
export type Ranker = (
  query: string,
  passages: readonly string[],
  options?: EncodeJob,
) => Promise<readonly (number | ZerothError)[]>;

export interface SearchOptions extends Bm25Options {
  /** Default hybrid, of an index without vectors bm25. */
  readonly mode?: Mode | undefined;
  /** Hits. Default 10. */
  readonly k?: number | undefined;
  /** See {@link parseFilter}. */
  readonly filter?: string | Filter | undefined;
  /** Hits of each list that are fused, and that a ranker sees. Default 100 and 50; never fewer than k. */
  readonly candidates?: number | undefined;
  /** Share of the vectors' stretched scores, where scores are added in the place of ranks. */
  readonly weight?: number | undefined;
  readonly rerank?: Ranker | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Found {
  readonly document: string;
  /** Number of the chunk in its document, from 0. */
  readonly chunk: number;
  readonly score: number;
  readonly text: string;
  /** Place in the document's stored text, UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly page?: number;
  readonly heading?: string;
  readonly title: string;
  /** Of the stored text. */
  readonly hash: string;
  /** What the score is made of. */
  readonly scores: { readonly bm25?: number; readonly dense?: number; readonly rerank?: number };
}

/** What can be asked, wherever it lies. */
export type Searched = Pick<Index, "search" | "close">;

export interface Index {
  readonly settings: IndexSettings;
  readonly chunks: number;
  readonly documents: number;
  /** Hits of each question, best first. A question that cannot be asked has its error in its place. */
  search(queries: readonly string[], options?: SearchOptions): Promise<(Found[] | ZerothError)[]>;
  /** @throws not_found */
  text(document: string): string;
  close(): Promise<void>;
}

export interface OpenIndexOptions {
  /** The model of the index, for questions; without one words alone are searched. */
  readonly embedder?: Embedder | undefined;
  /** Compiles the search for the engine. */
  readonly compile: CompileOver;
  /** Bits of a number in the first look at vectors. */
  readonly bits?: 32 | 8 | undefined;
  /** More vectors than these are searched by a graph of them, where there is one. Default 300,000. */
  readonly many?: number | undefined;
  /** What a person should know, once. */
  readonly notice?: ((text: string) => void) | undefined;
}

/** How often a search begins anew because the index has changed. */
const mostTries = 3;

/** What is read of the index once for all questions, until it changes. */
interface Loaded {
  readonly generation: Generation;
  readonly rows: Rows;
  readonly lexicon: Lexicon;
  search?: Promise<Search>;
  /** Searches that are under way. */
  readonly busy: Set<Promise<unknown>>;
  fields?: ReturnType<typeof fieldsOf>;
}

/** @throws bad_input where the index was made with another model, or by it in another way */
function needSame(settings: IndexSettings, embedder: Embedder, where: string): void {
  const model =
    settings.model ??
    fail("wrong_use", "was built without a model: it knows words alone", {
      where,
      hint: "--mode bm25, or build it with --model",
    });
  const now = embedder.settings;
  const hint = `build it again with the model, or search with ${model.name} as it was`;
  if (model.fingerprint !== now.fingerprint) {
    fail(
      "bad_input",
      `its vectors are of another model (${model.name}, ${model.fingerprint.slice(0, 8)}) than ${now.name} (${now.fingerprint.slice(0, 8)})`,
      { where, hint },
    );
  }
  if (model.question?.fingerprint !== now.question?.fingerprint) {
    const named = (one: typeof now.question) =>
      one ? `${one.name} (${one.fingerprint.slice(0, 8)})` : "the same model";
    fail("bad_input", `its questions are read by ${named(model.question)}, not by ${named(now.question)}`, {
      where,
      hint: "zeroth index update --query-model takes another model of questions; passages stay as they are",
    });
  }
  if (model.width !== now.width)
    fail("bad_input", `its vectors have ${model.width} numbers, the model's ${now.width}`, { where, hint });
}

/** Open an index that was built. @throws not_found, corrupt_file, unsupported, storage_failed; bad_input for another model */
export function openIndex(store: string, options: OpenIndexOptions): Index {
  const { embedder, compile, bits, many, notice } = options;
  const sql = openStoreFile(store, false);
  let loaded: Loaded | undefined;

  /** Let go of what was read, when nobody uses it any more. */
  async function retire(old: Loaded | undefined): Promise<void> {
    if (!old?.search) return;
    await Promise.allSettled([...old.busy]);
    await old.search.then(
      (search) => search.close(),
      () => {},
    );
  }

  function load(): Loaded {
    const generation = servingOf(sql, store);
    if (loaded && loaded.generation.id === generation.id && loaded.generation.revision === generation.revision)
      return loaded;
    void retire(loaded);
    if (embedder) needSame(generation.settings, embedder, store);
    const rows = rowsOf(sql, generation);
    loaded = { generation, rows, lexicon: storedLexicon(sql, generation, rows), busy: new Set() };
    return loaded;
  }

  /** The nearest rows of each vector. */
  async function nearest(
    now: Loaded,
    vectors: readonly Float32Array[],
    k: number,
    fits: Uint8Array | undefined,
  ): Promise<Hit[][]> {
    now.search ??= openDense(sql, now.generation, now.rows, store, { bits, compile, many, notice });
    const search = await now.search;
    const work = search.search(vectors, k, fits && ((row) => fits[row] === 1));
    now.busy.add(work);
    return work.finally(() => now.busy.delete(work));
  }

  function modeOf(now: Loaded, asked: Mode | undefined): Mode {
    const { model } = now.generation.settings;
    const mode = asked ?? (model && embedder ? "hybrid" : "bm25");
    if (mode === "bm25") return mode;
    if (!model) {
      fail("wrong_use", `was built without a model: ${mode} search needs vectors`, {
        where: store,
        hint: "--mode bm25, or build it with --model",
      });
    }
    if (!embedder) fail("wrong_use", `${mode} search needs the model of the index, ${model.name}`, { where: store });
    return mode;
  }

  const found = (chunk: StoredChunk & { text: string }, score: number, scores: Found["scores"]): Found => ({
    ...{ document: chunk.document, chunk: chunk.ordinal, score, text: chunk.text, start: chunk.start, end: chunk.end },
    ...(chunk.page !== undefined && { page: chunk.page }),
    ...(chunk.heading.length > 0 && { heading: chunk.heading.join(" > ") }),
    ...{ title: chunk.title, hash: chunk.hash, scores },
  });

  const isCurrent = ({ generation: { id, revision } }: Loaded): boolean => {
    const serving = servingOf(sql, store);
    return serving.id === id && serving.revision === revision;
  };

  async function search(queries: readonly string[], o: SearchOptions = {}): Promise<(Found[] | ZerothError)[]> {
    for (let left = mostTries; ; left--) {
      const now = load();
      try {
        return await searchIn(now, queries, o);
      } catch (cause) {
        // What was to be read is gone, because another process has changed the index meanwhile.
        if (!(cause instanceof ZerothError) || isCurrent(now)) throw cause;
      }
      throwIfAborted(o.signal);
      if (left === 0) fail("busy", "changes faster than it can be searched", { where: store, hint: "ask again" });
    }
  }

  async function searchIn(
    now: Loaded,
    queries: readonly string[],
    o: SearchOptions,
  ): Promise<(Found[] | ZerothError)[]> {
    const { k = 10, candidates, weight, signal, rerank } = o;
    if (!Number.isInteger(k) || k < 1) fail("bad_input", `k is ${k}; expected 1 or more`);
    if (weight !== undefined && !(weight >= 0 && weight <= 1))
      fail("bad_input", `the weight is ${weight}; expected 0 to 1`);
    needBm25(o);
    const mode = modeOf(now, o.mode);
    const filter = typeof o.filter === "string" ? parseFilter(o.filter) : o.filter;
    let fits: Uint8Array | undefined;
    if (filter) {
      now.fields ??= fieldsOf(sql, now.generation);
      const { fields } = now;
      fits = Uint8Array.from(now.rows.ids, (_, row) => (filter((name) => fields(row, name)) ? 1 : 0));
    }
    const allowed = fits && ((row: number) => fits[row] === 1);
    const deep = Math.max(k, candidates ?? (rerank ? 50 : 100));
    const wide = mode === "hybrid" || rerank ? Math.max(deep, 100) : k;
    const asked = queries.map((query) =>
      query.trim() === ""
        ? new ZerothError("bad_input", "the question is empty", { hint: "ask with at least one word" })
        : query,
    );
    const good = asked.flatMap((one) => (typeof one === "string" ? [one] : []));
    const vectors = mode === "bm25" ? [] : await embedder!.queries(good, { signal });
    const usable = vectors.filter((one): one is Float32Array => one instanceof Float32Array);
    const near = mode === "bm25" || usable.length === 0 ? [] : await nearest(now, usable, wide, fits);
    const { stemming } = now.generation.settings;

    const results: (Found[] | ZerothError)[] = [];
    let at = 0;
    let used = 0;
    for (const query of asked) {
      if (query instanceof ZerothError) {
        results.push(query);
        continue;
      }
      const vector = vectors[at++];
      if (vector instanceof ZerothError) {
        results.push(vector);
        continue;
      }
      const dense = vector ? near[used++]! : [];
      const words = mode === "dense" ? [] : bm25(now.lexicon, termsOf(query, stemming), wide, o, allowed);
      const take = fused(mode, words, dense, weight)
        .slice(0, rerank ? deep : k)
        .map((hit) => ({ hit, chunk: readChunk(sql, now.rows.ids[hit.row]!, store) }));
      if (!rerank) {
        results.push(take.map(({ hit, chunk }) => found(chunk, hit.score, hit.scores)));
        continue;
      }
      const ranked = await rerank(
        query,
        take.map(({ chunk }) => chunk.prefix + chunk.text),
        { signal },
      );
      const failed = ranked.find((one): one is ZerothError => one instanceof ZerothError);
      if (failed) {
        results.push(failed);
        continue;
      }
      const order = ranked.map((score, row): Hit => ({ row, score: score as number })).sort(byScore);
      results.push(
        order
          .slice(0, k)
          .map(({ row, score }) => found(take[row]!.chunk, score, { ...take[row]!.hit.scores, rerank: score })),
      );
    }
    return results;
  }

  try {
    const { id, settings } = servingOf(sql, store);
    if (embedder) needSame(settings, embedder, store);
    const count = (table: string) =>
      sql.all(`select count(*) as n from ${table} where generation = ?`, id)[0]!.n as number;
    return {
      settings,
      chunks: count("chunks"),
      documents: count("documents"),
      search,
      text: (document) => documentText(sql, servingOf(sql, store), document, store),
      async close() {
        await retire(loaded);
        sql.close();
      },
    };
  } catch (cause) {
    sql.close();
    throw cause;
  }
}

/** The stored text of a document, which places of hits are of. @throws not_found, corrupt_file */
export function storedText(store: string, document: string): string {
  const sql = openStoreFile(store, false);
  try {
    return documentText(sql, servingOf(sql, store), document, store);
  } finally {
    sql.close();
  }
}
