/** What there is to choose among, and what was said: rows in and rows out. */
import { nameHash } from "../../../src/base/hash.ts";
import { randomAt, shuffle } from "../../../src/base/rng.ts";
import type { Said } from "../../parts/choose.tsx";

export interface Item {
  /** Of its texts: the same ones are the same item in another file too. */
  readonly id: string;
  /** The row as it came, without what somebody else chose. */
  readonly row: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly context: readonly string[];
  readonly candidates: readonly Readonly<Record<string, unknown> & { text: string }>[];
}

/** Candidates in the order in which they are shown: it follows from seed and item, and says nothing. */
export function shownOf({ id, candidates }: Item, seed: number): Item["candidates"] {
  const order = shuffle(
    Uint32Array.from(candidates, (_, i) => i),
    randomAt(seed, nameHash(id)),
  );
  return Array.from(order, (i) => candidates[i]!).slice(0, 4);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function itemOf(row: Record<string, unknown>, line: number): Item {
  const { candidates, completions, choice: _, seconds: __, worker: ___, time: ____, ratings: _____, ...rest } = row;
  const wrong = (what: string): never => {
    throw new Error(`Line ${line}: ${what}`);
  };
  const given = candidates ?? completions;
  if (!Array.isArray(given)) return wrong('there are no "candidates" to choose among.');
  const texts = given.map((one) => (typeof one === "string" ? { text: one } : one));
  if (!texts.every((one): one is { text: string } => isObject(one) && typeof one.text === "string"))
    return wrong("a candidate has no text.");
  if (new Set(texts.map(({ text }) => text)).size < Math.max(2, texts.length))
    return wrong("there must be two candidates at least, and no two the same.");
  const text = rest.text ?? rest.prompt;
  if (typeof text !== "string") return wrong('there is no "text" that the candidates are about.');
  const context = Array.isArray(rest.context) ? rest.context.filter((one) => typeof one === "string") : [];
  const id = nameHash([text, ...texts.map((one) => one.text)].join("\n")).toString(16);
  return { id, row: { ...rest, text }, text, context, candidates: texts };
}

/** Items of a file of JSON lines; equal ones once. @throws an Error that names the line */
export function itemsIn(content: string): Item[] {
  const items = new Map<string, Item>();
  content.split("\n").forEach((line, i) => {
    if (line.trim() === "") return;
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch {
      throw new Error(`Line ${i + 1} is not JSON.`);
    }
    if (!isObject(row)) throw new Error(`Line ${i + 1} is not an object.`);
    const item = itemOf(row, i + 1);
    if (!items.has(item.id)) items.set(item.id, item);
  });
  if (items.size === 0) throw new Error("There is no row in this file.");
  return [...items.values()];
}

/** A choice as it is kept. */
export interface Chosen {
  readonly said: Said;
  readonly seconds: number;
  readonly time: string;
}

/** A row as zeroth prefer reads it. */
export function rowOf(item: Item, { said, seconds, time }: Chosen, { seed, worker }: { seed: number; worker: string }) {
  const { row } = item;
  return {
    ...row,
    id: String(row.id ?? item.id),
    book: String(row.book ?? "unnamed"),
    candidates: shownOf(item, seed),
    choice: said,
    seconds,
    ...(worker !== "" && { worker }),
    time,
  };
}
