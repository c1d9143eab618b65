/**
 * What the summarising worker keeps in this browser: books as they are listed, and the rows of their runs. Each write is a
 * transaction: a tab that is closed in the middle leaves whole rows behind, and the book goes on from them.
 */
import { ZerothError } from "../../../src/errors.ts";
import type { RunRow } from "../../../src/summarize/run/memory.ts";
import type { BookCard, BookOrder } from "../../client/books.ts";

export interface KeptBook extends BookCard {
  readonly order: BookOrder;
  readonly added: number;
  /** Until the tree stands. */
  readonly file?: Blob;
}

type KeptRow = RunRow & { readonly book: string };

export interface BookShelf {
  books(): Promise<readonly KeptBook[]>;
  rows(book: string): Promise<readonly RunRow[]>;
  put(book: KeptBook): Promise<void>;
  add(book: string, row: RunRow): Promise<void>;
  remove(book: string): Promise<void>;
}

const settled = <T>(request: IDBRequest<T>) =>
  new Promise<T>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const noRoom = (cause: unknown) =>
  new ZerothError("storage_failed", "This browser gives the page no more room", {
    hint: "delete books, or free some disk",
    cause,
  });

export function openBooks(name = "zeroth-books"): BookShelf {
  let opened: Promise<IDBDatabase> | undefined;
  const database = () => {
    opened ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("books", { keyPath: "id" });
        request.result.createObjectStore("rows", { autoIncrement: true }).createIndex("book", "book");
      };
      request.onsuccess = () => {
        // Somebody deletes it: what is forgotten must not be held open here.
        request.result.onversionchange = () => {
          request.result.close();
          opened = undefined;
        };
        resolve(request.result);
      };
      request.onerror = () => reject(request.error);
    });
    return opened;
  };
  async function write(work: (books: IDBObjectStore, rows: IDBObjectStore) => void): Promise<void> {
    const transaction = (await database()).transaction(["books", "rows"], "readwrite");
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(noRoom(transaction.error));
    });
    work(transaction.objectStore("books"), transaction.objectStore("rows"));
    await done;
  }
  return {
    async books() {
      const all = await settled<KeptBook[]>((await database()).transaction("books").objectStore("books").getAll());
      return all.sort((a, b) => b.added - a.added);
    },
    async rows(book) {
      const index = (await database()).transaction("rows").objectStore("rows").index("book");
      return settled<KeptRow[]>(index.getAll(book));
    },
    put: (book) => write((books) => books.put(book)),
    add: (book, row) =>
      write((books, rows) => {
        // Of a book that is gone meanwhile nothing is kept.
        const known = books.count(book);
        known.onsuccess = () => known.result > 0 && rows.add({ ...row, book });
      }),
    remove: (book) =>
      write((books, rows) => {
        books.delete(book);
        const cursor = rows.index("book").openKeyCursor(book);
        cursor.onsuccess = () => {
          if (!cursor.result) return;
          rows.delete(cursor.result.primaryKey);
          cursor.result.continue();
        };
      }),
  };
}
