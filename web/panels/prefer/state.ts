/** Rows that were given, and what was said of each; kept in this browser, so that a reload goes on where it ended. */
import { computed, signal } from "@preact/signals";
import type { Said } from "../../parts/choose.tsx";
import { type Entry, forget, keep, kept, readAll } from "../../state/kept.ts";
import { type Chosen, type Item, itemsIn, rowOf } from "./items.ts";

interface Kept extends Entry {
  readonly name: string;
  readonly seed: number;
  readonly items: readonly Item[];
  readonly said: Readonly<Record<string, Chosen>>;
}

/** One set at a time. */
const only = "set";
export const set = signal<Kept | undefined>(undefined);
export const trouble = signal<string | undefined>(undefined);
export const worker = kept("prefer.worker", "");
let began = performance.now();
let read: Promise<void> | undefined;

const put = (next: Kept): void => {
  set.value = next;
  began = performance.now();
  void keep("choices", next);
};

export function load(): Promise<void> {
  read ??= readAll<Kept>("choices").then(([first]) => {
    set.value ??= first;
    began = performance.now();
  });
  return read;
}

export async function take(files: readonly File[]): Promise<void> {
  trouble.value = undefined;
  const [file] = files;
  if (!file) return;
  try {
    const items = itemsIn(await file.text());
    const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
    put({ id: only, changed: Date.now(), name: file.name, seed, items, said: {} });
  } catch (error) {
    trouble.value = `${file.name}: ${(error as Error).message}`;
  }
}

export const open = computed<readonly Item[]>(() => set.value?.items.filter(({ id }) => !set.value!.said[id]) ?? []);

export function say(item: Item, said: Said): void {
  const now = set.value;
  if (!now) return;
  const seconds = Number(((performance.now() - began) / 1000).toFixed(1));
  const chosen: Chosen = { said, seconds, time: new Date().toISOString() };
  put({ ...now, changed: Date.now(), said: { ...now.said, [item.id]: chosen } });
}

/** Takes the last choice back. */
export function back(): void {
  const now = set.value;
  const last = Object.keys(now?.said ?? {}).at(-1);
  if (!now || last === undefined) return;
  const { [last]: _, ...said } = now.said;
  put({ ...now, changed: Date.now(), said });
}

export function leave(): void {
  set.value = undefined;
  void forget("choices", only);
}

/** What was said, as lines. */
export function lines(): string {
  const now = set.value;
  if (!now) return "";
  const about = { seed: now.seed, worker: worker.value };
  return now.items
    .flatMap((item) => (now.said[item.id] ? [`${JSON.stringify(rowOf(item, now.said[item.id]!, about))}\n`] : []))
    .join("");
}
