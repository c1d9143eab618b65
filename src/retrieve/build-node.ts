/** Building an index and keeping it as its documents are: what did not change is neither read nor computed again. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { lockOwner, lockTimes, takeLock } from "../base/lock-node.ts";
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import { attempt } from "../text/jobs.ts";
import { type Chunk, fittingChunks, usualChunk, usualOverlap, wordStarts } from "./chunks.ts";
import type { Embedder } from "./embedder-node.ts";
import { type Stemming, termsOf } from "./lexical/analyse.ts";
import { type IndexSettings, spaceKey } from "./settings.ts";
import {
  documentsOf,
  filesOf,
  type Root,
  rootOf,
  type SourceDocument,
  type SourceFile,
  shortHash,
  textHash,
  titleOf,
} from "./sources-node.ts";
import {
  filesIn,
  type Generation,
  generationFor,
  type NewDocument,
  putFile,
  removeFile,
  type StoredFile,
  serve,
  servingOf,
  spaceOf,
} from "./store/generations-node.ts";
import { openStoreFile } from "./store/schema-node.ts";
import type { Sql } from "./store/sqlite-node.ts";

export interface BuildOptions {
  /** The index's file. */
  readonly store: string;
  /** Files and folders; of an update none means those it was built from. */
  readonly paths: readonly string[];
  /** `build` makes the index of these paths; `update` looks again at these, or at all. */
  readonly mode: "build" | "update";
  /** Without one the index knows words alone. An update takes the index's own: see {@link settingsOf}. */
  readonly embedder?: Embedder | undefined;
  /** Tokens; default {@link usualChunk}, or fewer where the model reads fewer. */
  readonly chunk?: number | undefined;
  readonly overlap?: number | undefined;
  readonly stemming?: Stemming | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly events?: BuildEvents | undefined;
}

export interface BuildEvents {
  /** A document is in the index. */
  document?(row: { readonly document: string; readonly chunks: number; readonly pages?: number }): void;
  failed?(document: string, error: ZerothError): void;
  /** Files of other kinds were left out. */
  skipped?(kinds: ReadonlyMap<string, number>): void;
  removed?(document: string): void;
  /** What of a document could not be read. */
  noted?(document: string, note: string): void;
  progress?(done: number, total: number, embedded: number): void;
}

export interface Built {
  readonly documents: number;
  readonly chunks: number;
  /** Chunks that were there already, or whose text was known. */
  readonly reused: number;
  readonly removed: number;
  readonly failed: number;
}

/** What an index was made with. @throws not_found, corrupt_file */
export function settingsOf(store: string): IndexSettings {
  const sql = openStoreFile(store, false);
  try {
    return servingOf(sql, store).settings;
  } finally {
    sql.close();
  }
}

function settingsFor(o: BuildOptions): IndexSettings {
  const { embedder, stemming = "none" } = o;
  const most = embedder?.longest ?? Infinity;
  if (o.chunk !== undefined && o.chunk > most) {
    fail("wrong_use", `chunks of ${o.chunk} tokens: the model reads ${most}, its prompt and special tokens aside`, {
      hint: `take --chunk ${most} or fewer; nothing is ever cut off silently`,
    });
  }
  const chunk = o.chunk ?? Math.min(usualChunk, most);
  const overlap = o.overlap ?? Math.min(usualOverlap, Math.floor(chunk / 8));
  return { ...(embedder && { model: embedder.settings }), chunk, overlap, stemming };
}

/** A file whose documents are cut and wait for their vectors. */
interface Waiting {
  readonly file: Omit<StoredFile, "id">;
  readonly documents: readonly NewDocument[];
  /** Texts that go to the model, by the hashes of their chunks. */
  readonly texts: ReadonlyMap<string, { readonly text: string; readonly hash: Uint8Array; readonly document: string }>;
}

const keyOf = (hash: Uint8Array): string => Buffer.from(hash).toString("base64");

/** Chunks that are embedded together: enough to sort by length. */
const together = 256;

/** The chunks of a document, in the model's tokens or in words. */
function cut(
  { document, prefix }: SourceDocument,
  { chunk, overlap }: Pick<IndexSettings, "chunk" | "overlap">,
  embedder: Pick<Embedder, "starts" | "longest"> | undefined,
): Chunk[] {
  const starts = embedder?.starts ?? wordStarts;
  return fittingChunks(document, { size: chunk, overlap, prefix, starts, longest: embedder?.longest });
}

/** A document cut into chunks with their words. @param embedder its tokens are counted; without one, words are */
export function prepare(
  source: SourceDocument,
  settings: Pick<IndexSettings, "chunk" | "overlap" | "stemming">,
  embedder: Pick<Embedder, "starts" | "longest"> | undefined,
): NewDocument {
  const { document, name, prefix, fields } = source;
  const { text, kind, pages } = document;
  const chunks = cut(source, settings, embedder).map((chunk) => {
    const own = prefix + text.slice(chunk.start, chunk.end);
    return { ...chunk, terms: termsOf(own, settings.stemming), hash: shortHash(own) };
  });
  return {
    name,
    kind,
    title: titleOf(source),
    prefix,
    text,
    hash: textHash(text),
    pages: pages?.length,
    fields,
    chunks,
  };
}

function blobOf(vector: Float32Array): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
}

/** Whether a file is as it was; times may change without its content. */
function changeOf(source: SourceFile, known: StoredFile | undefined): Omit<StoredFile, "id"> | "same" | "touched" {
  const { size, mtimeMs: modified } = statSync(source.path);
  if (known && known.size === size && known.modified === modified && known.name === source.name) return "same";
  const hash = createHash("sha256").update(readFileSync(source.path)).digest("hex");
  if (known && known.hash === hash && known.name === source.name) return "touched";
  return { ...source, size, modified, hash };
}

/** Roots that an update looks at, and all that it knows then. */
function rootsFor(sql: Sql, o: BuildOptions): { readonly now: readonly Root[]; readonly all: readonly Root[] } {
  const known = sql.all("select path, given from roots order by given") as unknown as Root[];
  const given = o.paths.map(rootOf).map((root) => known.find(({ path }) => path === root.path) ?? root);
  if (o.mode === "build") return { now: given, all: given };
  const inside = (path: string) => known.some((root) => path === root.path || path.startsWith(`${root.path}/`));
  return { now: given.length > 0 ? given : known, all: [...known, ...given.filter(({ path }) => !inside(path))] };
}

/**
 * Build an index, or bring it up to date. Each file is in it whole or not at all, whenever this is stopped; vectors are
 * kept as soon as they are computed. With another model or other chunks a new index is built beside the old one, which is
 * searched until the new one is whole.
 * @throws not_found for a path; bad_input where there is no document; storage_failed while another process builds
 */
export async function buildIndex(o: BuildOptions): Promise<Built> {
  const { store, embedder, signal, events = {} } = o;
  if (o.mode === "update" && !existsSync(store)) {
    fail("not_found", "no such index", { where: store, hint: "zeroth index build makes one" });
  }
  for (const path of o.paths) rootOf(path);
  const lock = await takeLock(`${store}.lock`, { times: lockTimes, signal, done: () => false, wait: false });
  if (typeof lock === "string") {
    const owner = lockOwner(`${store}.lock`);
    return fail("storage_failed", `another process${owner ? ` (${owner.pid})` : ""} is writing to it`, {
      where: store,
      hint: "wait until it has ended; the index can be searched meanwhile",
    });
  }
  const sql = openStoreFile(store, true);
  try {
    const settings = settingsFor(o);
    const { now, all } = rootsFor(sql, o);
    if (now.length === 0) {
      fail("wrong_use", "was imported: it does not know of files to look at", {
        where: store,
        hint: "import it again, or build an index of the documents",
      });
    }
    const generation = generationFor(sql, settings, store);
    const built = await fill(sql, generation, now, o);
    if (built.documents === 0) {
      fail("bad_input", "there are no documents", {
        where: now.map(({ given }) => given).join(", ") || store,
        hint: "documents are .txt, .md, .html, .epub and .pdf files, and rows of .jsonl, .csv and .parquet with a text",
      });
    }
    throwIfAborted(signal);
    sql.transaction(() => {
      sql.run("delete from roots");
      for (const { path, given } of all) sql.run("insert into roots (path, given) values (?, ?)", path, given);
    });
    serve(sql, generation, embedder && spaceKey(embedder.settings));
    return built;
  } finally {
    sql.close();
    lock.release();
    events.progress?.(1, 1, 0);
  }
}

async function fill(sql: Sql, generation: Generation, roots: readonly Root[], o: BuildOptions): Promise<Built> {
  const { embedder, signal, events = {}, mode } = o;
  const { settings } = generation;
  const space = embedder ? spaceOf(sql, spaceKey(embedder.settings)) : 0;
  const known = new Map(filesIn(sql, generation).map((file) => [file.path, file]));
  const found = roots.map(filesOf);
  const files = [...new Map(found.flatMap((one) => one.files.map((file) => [file.path, file] as const))).values()];
  const kinds = new Map<string, number>();
  for (const { skipped } of found) for (const [kind, count] of skipped) kinds.set(kind, (kinds.get(kind) ?? 0) + count);
  if (kinds.size > 0) events.skipped?.(kinds);
  let [reused, removed, failed, done, embedded] = [0, 0, 0, 0, 0];
  let waiting: Waiting[] = [];

  const isKnown = (hash: Uint8Array) =>
    sql.all("select 1 from vectors where space = ? and hash = ?", space, hash).length > 0;
  const tell = (
    documents: readonly { readonly name: string; readonly chunks: number; readonly pages?: number | undefined }[],
  ) => {
    for (const { name, chunks, pages } of documents)
      events.document?.({ document: name, chunks, ...(pages && { pages }) });
  };
  const refuse = (name: string, error: ZerothError) => {
    failed++;
    events.failed?.(name, error);
  };

  async function flush(): Promise<void> {
    const texts = new Map(waiting.flatMap((one) => [...one.texts]));
    const errors = new Map<string, ZerothError>();
    if (embedder && texts.size > 0) {
      const list = [...texts];
      const vectors = await embedder.documents(
        list.map(([, { text }]) => text),
        { signal },
      );
      sql.transaction(() => {
        list.forEach(([key, { hash }], i) => {
          const vector = vectors[i]!;
          if (vector instanceof ZerothError) errors.set(key, vector);
          else
            sql.run(
              "insert or ignore into vectors (space, hash, vector) values (?, ?, ?)",
              space,
              hash,
              blobOf(vector),
            );
        });
      });
      embedded += list.length;
    }
    for (const { file, documents, texts: own } of waiting) {
      const bad = [...own].find(([key]) => errors.has(key));
      const result = bad ? errors.get(bad[0])! : attempt(() => putFile(sql, generation, file, documents));
      if (result instanceof ZerothError) {
        refuse(bad?.[1].document ?? file.name, result);
        continue;
      }
      tell(documents.map(({ name, chunks, pages }) => ({ name, chunks: chunks.length, pages })));
    }
    waiting = [];
    events.progress?.(done, files.length, embedded);
  }

  for (const source of files) {
    throwIfAborted(signal);
    const before = known.get(source.path);
    try {
      const change = changeOf(source, before);
      if (typeof change === "string") {
        if (change === "touched")
          sql.run("update files set modified = ? where id = ?", statSync(source.path).mtimeMs, before!.id);
        const rows = sql.all("select name, chunks, pages from documents where file = ? order by id", before!.id);
        reused += rows.reduce((sum, { chunks }) => sum + (chunks as number), 0);
        tell(
          rows.map(({ name, chunks, pages }) => ({
            name: name as string,
            chunks: chunks as number,
            pages: (pages as number | null) ?? undefined,
          })),
        );
      } else {
        const documents: NewDocument[] = [];
        const texts: Map<string, { text: string; hash: Uint8Array; document: string }> = new Map();
        for await (const one of documentsOf(source, signal)) {
          const document = prepare(one, settings, embedder);
          for (const note of one.document.notes ?? []) events.noted?.(one.name, note);
          documents.push(document);
          for (const { start, end, hash } of document.chunks) {
            const text = document.prefix + document.text.slice(start, end);
            const key = keyOf(hash);
            if (!embedder) continue;
            if (texts.has(key) || isKnown(hash)) reused++;
            else texts.set(key, { text, hash, document: document.name });
            // Of a file of many rows vectors are kept on the way.
            if (texts.size >= 4 * together) {
              await keep(texts);
              throwIfAborted(signal);
            }
          }
        }
        waiting.push({ file: change, documents, texts });
      }
    } catch (error) {
      if (!(error instanceof ZerothError) || error.code === "interrupted" || error.code === "storage_failed")
        throw error;
      refuse(source.name, error);
    }
    done++;
    if (waiting.reduce((sum, { texts }) => sum + texts.size, 0) >= together || (!embedder && waiting.length >= 32))
      await flush();
  }
  await flush();

  /** Compute and keep these vectors, and take them off the list; what cannot be computed stays on it. */
  async function keep(texts: Map<string, { text: string; hash: Uint8Array; document: string }>): Promise<void> {
    const list = [...texts];
    const vectors = await embedder!.documents(
      list.map(([, { text }]) => text),
      { signal },
    );
    sql.transaction(() => {
      list.forEach(([key, { hash }], i) => {
        const vector = vectors[i]!;
        if (vector instanceof ZerothError) return;
        sql.run("insert or ignore into vectors (space, hash, vector) values (?, ?, ?)", space, hash, blobOf(vector));
        texts.delete(key);
      });
    });
    embedded += list.length;
    events.progress?.(done, files.length, embedded);
  }

  const here = new Set(files.map(({ path }) => path));
  for (const file of known.values()) {
    const gone =
      mode === "build"
        ? !here.has(file.path)
        : !here.has(file.path) &&
          (!existsSync(file.path) || roots.some(({ path }) => file.path.startsWith(`${path}/`)));
    if (!gone) continue;
    for (const { name } of sql.all("select name from documents where file = ?", file.id)) {
      removed++;
      events.removed?.(name as string);
    }
    sql.transaction(() => {
      removeFile(sql, generation, file.id);
      sql.run("update generations set revision = revision + 1 where id = ?", generation.id);
    });
  }
  const counts = sql.all(
    "select (select count(*) from documents where generation = ?) as documents, (select count(*) from chunks where generation = ?) as chunks",
    generation.id,
    generation.id,
  )[0]!;
  return { documents: counts.documents as number, chunks: counts.chunks as number, reused, removed, failed };
}
