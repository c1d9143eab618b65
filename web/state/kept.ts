/** What the person made, kept in this browser: small settings in localStorage, what was asked and said in IndexedDB. */
import { effect, type Signal, signal } from "@preact/signals";

const prefix = "zeroth.";

/** A signal whose value is still there after a reload; storage that is refused is done without. */
export function kept<T>(name: string, initial: T): Signal<T> {
  const key = prefix + name;
  const state = signal(read(key, initial));
  let first = true;
  effect(() => {
    const text = JSON.stringify(state.value);
    if (!first) {
      try {
        localStorage.setItem(key, text);
      } catch {
        // Full or forbidden: the page works without.
      }
    }
    first = false;
  });
  return state;
}

function read<T>(key: string, initial: T): T {
  try {
    const text = localStorage.getItem(key);
    if (text === null) return initial;
    const value = JSON.parse(text) as T;
    return typeof initial === "object" && initial !== null && !Array.isArray(initial)
      ? { ...initial, ...value }
      : value;
  } catch {
    return initial;
  }
}

/** Tables of the database, each by `id`. */
export type Table = "asks" | "chats" | "taught" | "choices";

const tables: readonly Table[] = ["asks", "chats", "taught", "choices"];
/** One more whenever a table is added. */
const version = 3;
let opened: Promise<IDBDatabase> | undefined;

const settled = <T>(request: IDBRequest<T>) =>
  new Promise<T>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("zeroth", version);
    request.onupgradeneeded = () => {
      const { result } = request;
      for (const table of tables) {
        if (!result.objectStoreNames.contains(table)) result.createObjectStore(table, { keyPath: "id" });
      }
    };
    request.onsuccess = () => {
      const { result } = request;
      // A newer page in another tab may add tables; this one opens the database anew when it needs it.
      result.onversionchange = () => {
        result.close();
        opened = undefined;
      };
      resolve(result);
    };
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function inTable<T>(table: Table, mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>) {
  const base = await database();
  return settled(work(base.transaction(table, mode).objectStore(table)));
}

export interface Entry {
  readonly id: string;
  /** Unix milliseconds. */
  readonly changed: number;
}

/** All of a table, the newest first. A browser without a database keeps nothing. */
export async function readAll<T extends Entry>(table: Table): Promise<readonly T[]> {
  const all = await inTable(table, "readonly", (store) => store.getAll() as IDBRequest<T[]>).catch(() => []);
  return all.sort((a, b) => b.changed - a.changed);
}

export async function keep(table: Table, entry: Entry): Promise<void> {
  await inTable(table, "readwrite", (store) => store.put(entry)).catch(() => {});
}

export async function forget(table: Table, id: string): Promise<void> {
  await inTable(table, "readwrite", (store) => store.delete(id)).catch(() => {});
}

/** Everything this page has kept in this browser, the copies for offline use included. */
export async function forgetEverything(): Promise<void> {
  localStorage.clear();
  sessionStorage.clear();
  (await opened?.catch(() => undefined))?.close();
  opened = undefined;
  // The second is what the searching worker keeps; it lets go of it when it is told of this.
  for (const name of ["zeroth", "zeroth-search"]) await settled(indexedDB.deleteDatabase(name)).catch(() => {});
  for (const registration of (await navigator.serviceWorker?.getRegistrations()) ?? []) await registration.unregister();
  if ("caches" in globalThis) for (const name of await caches.keys()) await caches.delete(name);
}

/** How much this origin keeps, in bytes, where the browser says so. */
export async function keptBytes(): Promise<number | undefined> {
  return (await navigator.storage?.estimate?.())?.usage;
}

export const newId = (): string => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
