/**
 * What the searching worker keeps in this browser: documents with their passages, vectors, and the model that was given.
 * It is IndexedDB and not SQLite's WebAssembly with OPFS: what is kept are whole documents and whole matrices, read once
 * when the page opens and searched in memory, so that a query language, an index of words on disk and 1 MB of another
 * engine would serve nobody below some ten thousand passages. Each write is a transaction: a tab that is closed in the
 * middle leaves whole documents behind.
 */
import { ZerothError } from "../../../src/errors.ts";
import type { DocumentText } from "../../../src/media/documents/document.ts";
import type { Chunk } from "../../../src/retrieve/chunks.ts";
import type { GivenModel } from "../given.ts";

export interface KeptDocument {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  /** Unix milliseconds. */
  readonly modified: number;
  readonly added: number;
  readonly document: DocumentText;
  readonly chunks: readonly Chunk[];
  /** What measured its passages: a model's fingerprint, or words. */
  readonly cutBy: string;
}

/** The vectors of a document's first passages, one after another. */
export interface KeptVectors {
  /** Of the document. */
  readonly id: string;
  /** The model's fingerprint. */
  readonly model: string;
  readonly values: Float32Array<ArrayBuffer>;
}

interface Tables {
  documents: KeptDocument;
  vectors: KeptVectors;
  model: { readonly id: "model"; readonly given: GivenModel };
}

const tables = ["documents", "vectors", "model"] as const;
const version = 1;

export interface Shelf {
  all<T extends keyof Tables>(table: T): Promise<readonly Tables[T][]>;
  /** Vectors of a document that is gone meanwhile are not kept. @throws storage_failed */
  put<T extends keyof Tables>(table: T, entry: Tables[T]): Promise<void>;
  /** Takes a document and its vectors, or the model away. */
  remove(table: keyof Tables, id: string): Promise<void>;
  clear(): Promise<void>;
}

const settled = <T>(request: IDBRequest<T>) =>
  new Promise<T>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** When it is on disk, not when it was asked for: a full disk is told at the end. */
const done = (transaction: IDBTransaction) =>
  new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () =>
      reject(
        new ZerothError("storage_failed", "This browser gives the page no more room", {
          hint: "take documents away, or free some disk",
          cause: transaction.error,
        }),
      );
  });

/** A browser without a database keeps nothing, and searches all the same. */
export function openShelf(name = "zeroth-search"): Shelf {
  let opened: Promise<IDBDatabase | undefined> | undefined;
  const database = () => {
    opened ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(name, version);
      request.onupgradeneeded = () => {
        for (const table of tables) request.result.createObjectStore(table, { keyPath: "id" });
      };
      request.onsuccess = () => {
        const { result } = request;
        // Somebody deletes it: what is forgotten must not be held open here.
        result.onversionchange = () => {
          result.close();
          opened = undefined;
        };
        resolve(result);
      };
      request.onerror = () => reject(request.error);
    }).catch(() => undefined);
    return opened;
  };
  async function write(work: (transaction: IDBTransaction) => void): Promise<void> {
    const base = await database();
    if (!base) return;
    const transaction = base.transaction(tables, "readwrite");
    const ended = done(transaction);
    work(transaction);
    await ended;
  }
  return {
    async all(table) {
      const base = await database();
      return base ? settled(base.transaction(table).objectStore(table).getAll()) : [];
    },
    put: (table, entry) =>
      write((transaction) => {
        if (table !== "vectors") transaction.objectStore(table).put(entry);
        else {
          const known = transaction.objectStore("documents").count(entry.id);
          known.onsuccess = () => known.result > 0 && transaction.objectStore(table).put(entry);
        }
      }),
    remove: (table, id) =>
      write((transaction) => {
        transaction.objectStore(table).delete(id);
        if (table === "documents") transaction.objectStore("vectors").delete(id);
      }),
    clear: () =>
      write((transaction) => {
        for (const table of tables) transaction.objectStore(table).clear();
      }),
  };
}
