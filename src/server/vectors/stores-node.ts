/** The vector stores of a server: their index files on this machine, what is put into them, and what is found. */
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { extname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fail, ZerothError } from "../../errors.ts";
import type { Engine } from "../../host/engine.ts";
import { usualChunk, usualOverlap } from "../../retrieve/chunks.ts";
import type { Found } from "../../retrieve/search-node.ts";
import { isSource } from "../../retrieve/sources-node.ts";
import { readFile } from "../../state/files-node.ts";
import type { State } from "../../state/schema/tables.ts";
import { completedFiles, type NamedVectorFile, type VectorFile } from "../../state/vectors/files.ts";
import { livingStores, type VectorStore } from "../../state/vectors/stores.ts";
import { openEmbedders } from "./embedders-node.ts";
import { type IndexChild, indexChild, indexChildren } from "./index-child-node.ts";
import type { Calls, IndexAt } from "./index-messages.ts";
import { fileOf } from "./stored-names.ts";

export interface VectorOptions {
  /** The server's folder: index files in `vector-stores/`. */
  readonly home: string;
  /** Where a model lies. @throws not_found for one that is not on this machine */
  readonly pathOf: (model: string) => string;
  /** The model of stores that name none; the first of this machine that gives vectors by default. */
  readonly model?: string | undefined;
  readonly threads?: number | undefined;
}

export interface Sizes {
  readonly chunk: number;
  readonly overlap: number;
}

export interface StoreSearch {
  readonly k: number;
  /** Which files are looked at. */
  readonly allowed: (file: NamedVectorFile) => boolean;
  /** Scores of passages for a question, more is better. */
  readonly rank?: Calls["rank"] | undefined;
  readonly signal: AbortSignal;
}

export interface StoreHit extends Found {
  readonly file: NamedVectorFile;
}

export interface VectorStores {
  /** The model of a store that names none; null where no model of this machine gives vectors. */
  usualModel(): Promise<string | null>;
  /** Tokens of chunks: those that were asked for, or the usual ones. @throws bad_input for more than the model reads */
  sizes(model: string | null, asked: Sizes | undefined): Promise<Sizes>;
  /** Put a file of a store into its index; bytes of texts and vectors. @throws as reading the document does */
  put(store: VectorStore, file: VectorFile, signal: AbortSignal): Promise<number>;
  /** Hits of each question, best first, from the files of the store as they are now. */
  search(store: VectorStore, queries: readonly string[], options: StoreSearch): Promise<StoreHit[][]>;
  /** The stored texts of a file that is done. */
  texts(
    store: VectorStore,
    file: VectorFile,
    signal: AbortSignal,
  ): Promise<readonly { readonly document: string; readonly text: string }[]>;
  /** Vectors of texts by the store's model; undefined for a store of words alone. @throws as the engine does */
  embed(
    store: VectorStore,
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly Float32Array[] | undefined>;
  /** Take away the index of a store that was deleted. */
  drop(store: string): Promise<void>;
  /** Take away the indices of stores that are not there any more, or whose time is over. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

/** What decides the chunks of a file, whose content never changes. */
const printOf = ({ chunk, overlap }: VectorFile): string => `${chunk}/${overlap}`;

export function openVectorStores(
  state: State,
  engine: Engine,
  { home, pathOf, model: given, threads }: VectorOptions,
): VectorStores {
  const folder = join(home, "vector-stores");
  const embedders = openEmbedders(engine, pathOf);
  // Whoever asks for something else is not held up: files are cut, and indices searched, in processes of their own.
  const asked = indexChild();
  const readers = indexChildren();
  const turns = new Map<string, Promise<unknown>>();
  const pathTo = (store: string) => join(folder, `${store}.index`);

  /** Work on a store's file, one piece after another. */
  function inTurn<T>(store: string, work: () => Promise<T>): Promise<T> {
    const next = (turns.get(store) ?? Promise.resolve()).then(work);
    const settled = next.catch(() => {});
    turns.set(store, settled);
    void settled.then(() => turns.get(store) === settled && turns.delete(store));
    return next;
  }

  interface Here {
    readonly at: IndexAt;
    /** The vectors of its texts, by the engine. */
    vectors(signal: AbortSignal): Required<Pick<Calls, "vectors">>;
  }

  async function indexOf({ id, model, owner }: VectorStore): Promise<Here> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (model === null) {
      const none = () => fail("wrong_use", "the store has no model", { where: id });
      return { at: { path: pathTo(id), model: undefined }, vectors: () => ({ vectors: none }) };
    }
    const embedder = (await embedders.of(model))(owner);
    const { settings, longest } = embedder;
    return {
      at: { path: pathTo(id), model: { path: pathOf(model), settings, longest } },
      vectors: (signal) => ({
        async vectors(texts, as) {
          return (await embedder[as](texts, { signal })).map((vector) => {
            if (vector instanceof ZerothError) throw vector;
            return vector;
          });
        },
      }),
    };
  }

  /** A file's bytes on this machine's disk for as long as they are read. */
  async function put(store: VectorStore, row: VectorFile, signal: AbortSignal): Promise<number> {
    const { file, content } = await readFile(state, row.owner, row.file);
    if (!isSource(file.filename)) {
      fail(
        "unsupported",
        `${extname(file.filename) ? `a ${extname(file.filename)} file` : "a file without an extension"} is not read`,
        {
          where: file.filename,
          hint: "documents are .txt, .md, .html, .epub and .pdf, and rows of .jsonl, .csv, .tsv and .parquet",
        },
      );
    }
    const { at, vectors } = await indexOf(store);
    const work = await mkdtemp(join(folder, "reading-"));
    try {
      // The name is its sender's: of it the ending alone says how it is read.
      const source = join(
        work,
        `file${/(?:\.(?:jsonl|ndjson|csv|tsv)\.gz|\.[a-z0-9]+)$/i.exec(file.filename)?.[0] ?? ""}`,
      );
      await pipeline(content, createWriteStream(source, { mode: 0o600 }), { signal });
      const { chunk, overlap } = row;
      const ask = { file: { file: row.file, print: printOf(row) }, source, filename: file.filename, chunk, overlap };
      const reading = (child: IndexChild) => child.ask("put", at, ask, vectors(signal), signal);
      return await readers.with(signal, reading);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  /** The index as the database has its files: what lacks here is put in, what is gone is taken out. */
  async function current(store: VectorStore, signal: AbortSignal): Promise<readonly NamedVectorFile[]> {
    // First what is worked on: a file that is done meanwhile is then among the others.
    const open = new Set((await openFiles(store.id)).map(({ file }) => file));
    const rows = await completedFiles(state, store.id);
    await inTurn(store.id, async () => {
      const { at } = await indexOf(store);
      const here = new Map((await asked.ask("files", at, {}, {}, signal)).map(({ file, print }) => [file, print]));
      for (const row of rows) {
        if (here.get(row.file) !== printOf(row)) await put(store, row, signal);
        here.delete(row.file);
      }
      const files = [...here.keys()].filter((file) => !open.has(file));
      if (files.length > 0) await asked.ask("remove", at, { files }, {}, signal);
    });
    return rows;
  }

  const openFiles = (store: string) =>
    state.db
      .selectFrom("vector_file")
      .select("file")
      .where("store", "=", store)
      .where("status", "=", "in_progress")
      .execute();

  async function drop(store: string): Promise<void> {
    await inTurn(store, async () => {
      if (asked.running) await asked.ask("release", { path: pathTo(store), model: undefined }, {});
      for (const end of ["", "-wal", "-shm"]) await rm(`${pathTo(store)}${end}`, { force: true });
    });
  }

  return {
    async usualModel() {
      if (given !== undefined) return given;
      return (await engine.list()).find(({ can, kind }) => kind === "encoder" && can.includes("embed"))?.id ?? null;
    },
    async sizes(model, asked) {
      const most = model === null ? Number.POSITIVE_INFINITY : (await embedders.of(model))("").longest;
      if (asked && asked.chunk > most) {
        fail("bad_input", `chunks of ${asked.chunk} tokens: the model reads ${most}`, {
          hint: "nothing is ever cut off silently; take fewer, or another embedding_model",
        });
      }
      if (asked) return asked;
      const chunk = Math.min(usualChunk, most);
      return { chunk, overlap: Math.min(usualOverlap, Math.floor(chunk / 8)) };
    },
    // Searches go on meanwhile.
    put,
    async search(store, queries, { k, allowed, rank, signal }) {
      const rows = await current(store, signal);
      const files = new Map(rows.filter(allowed).map((row) => [row.file, row]));
      if (files.size === 0) return queries.map(() => []);
      const found = await inTurn(store.id, async () => {
        const { at, vectors } = await indexOf(store);
        const ask = { queries, k, files: [...files.keys()], rank: rank !== undefined, threads };
        return asked.ask("search", at, ask, { ...vectors(signal), ...(rank && { rank }) }, signal);
      });
      return found.map((hits) => hits.map((hit) => ({ ...hit, file: files.get(fileOf(hit.document))! })));
    },
    async texts(store, file, signal) {
      await current(store, signal);
      return asked.ask("texts", (await indexOf(store)).at, { file: file.file }, {}, signal);
    },
    async embed(store, texts, signal) {
      return store.model === null ? undefined : (await indexOf(store)).vectors(signal).vectors(texts, "documents");
    },
    drop,
    async sweep() {
      const names = await readdir(folder).catch(() => [] as string[]);
      const ids = names.flatMap((name) => (name.endsWith(".index") ? [name.slice(0, -".index".length)] : []));
      const living = await livingStores(state, ids);
      for (const id of ids) if (!living.has(id)) await drop(id);
    },
    async close() {
      await Promise.all(turns.values());
      asked.kill();
      readers.kill();
      await embedders.close();
    },
  };
}
