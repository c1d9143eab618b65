/** What is read once, what is embedded once, and what goes on where it was stopped. */
import { expect, test, vi } from "vitest";
import { ZerothError } from "../../../src/errors.ts";
import { wordStarts } from "../../../src/retrieve/chunks.ts";
import { compile } from "../../../src/runtime/compile-node.ts";
import type { Library } from "../../client/search.ts";
import type { OpenedEmbedder } from "./encoder.ts";
import type { KeptDocument, KeptVectors, Shelf } from "./keep.ts";
import { createLibrary } from "./library.ts";

function shelfInMemory() {
  const tables = { documents: new Map(), vectors: new Map(), model: new Map() } as const;
  const shelf: Shelf = {
    all: async (table) => [...tables[table].values()],
    put: async (table, entry) => void tables[table].set(entry.id, structuredClone(entry)),
    async remove(table, id) {
      tables[table].delete(id);
      if (table === "documents") tables.vectors.delete(id);
    },
    async clear() {
      for (const table of Object.values(tables)) table.clear();
    },
  };
  return {
    shelf,
    tables: tables as {
      documents: Map<string, KeptDocument>;
      vectors: Map<string, KeptVectors>;
      model: Map<string, unknown>;
    },
  };
}

/** Vectors of two numbers; `gate` decides when the next are given. */
function fakeEmbedder(
  fingerprint: string,
  embedded: string[],
  gate: () => Promise<void> = async () => {},
): OpenedEmbedder {
  const settings = {
    name: fingerprint,
    fingerprint,
    width: 2,
    metric: "cosine",
    documentPrompt: "",
    queryPrompt: "",
  } as const;
  const embed = async (texts: readonly string[]) => {
    await gate();
    embedded.push(...texts);
    return texts.map((text) =>
      text.includes("POISON") ? new ZerothError("bad_input", "holds poison") : Float32Array.of(text.length, 1),
    );
  };
  return {
    embedder: { settings, longest: 20, starts: wordStarts, documents: embed, queries: embed },
    compile: (graph, weights) => compile(graph, { weights, threads: 1 }),
    [Symbol.asyncDispose]: async () => {},
  };
}

const file = (name: string, text: string, lastModified = 1) => ({
  name,
  file: new File([text], name, { lastModified }),
});
const given = { name: "model", address: "http://page/model" };
const long = Array.from(
  { length: 40 },
  (_, i) => `Sentence ${i} says a little about a thing and about another one.`,
).join(" ");

function open(shelf: Shelf, openModel: () => OpenedEmbedder = () => fakeEmbedder("a", [])) {
  const heard: { now: Library | undefined } = { now: undefined };
  let id = 0;
  const library = createLibrary({
    ...{
      shelf,
      openModel: async () => openModel(),
      now: () => performance.now(),
      newId: () => `${Math.random()}-${id++}`,
    },
    changed(now) {
      heard.now = now;
    },
  });
  const settled = () =>
    vi.waitFor(() => {
      expect(heard.now?.work).toBeUndefined();
      expect(heard.now?.documents.every(({ state }) => state === "ready" || state === "failed")).toBe(true);
    });
  return { library, heard, settled };
}

test("a file that is as it was is not read again, one that changed takes the old one's place", async () => {
  const { shelf, tables } = shelfInMemory();
  const { library, heard, settled } = open(shelf);
  await library.add([file("a.txt", "Old text."), file("b.txt", "Other.")]);
  await settled();
  const [first] = tables.documents.values();
  const same = file("a.txt", "Old text.");
  const read = vi.spyOn(same.file, "arrayBuffer");
  await library.add([same]);
  await settled();
  expect(read).not.toHaveBeenCalled();
  await library.add([file("a.txt", "New text.", 2)]);
  await settled();
  expect(heard.now!.documents.map(({ name }) => name).sort()).toEqual(["a.txt", "b.txt"]);
  const texts = async (query: string) => (await library.search({ query, mode: "bm25", k: 5 })).map(({ text }) => text);
  expect(await texts("text")).toEqual(["New text."]);
  expect(tables.documents.get(first!.id)!.document.text).toBe("New text.");
});

test("vectors are kept on the way: who opens it anew goes on, and computes none twice", async () => {
  const { shelf, tables } = shelfInMemory();
  const embedded: string[] = [];
  let left = 2;
  let stopNow = () => {};
  const first = open(shelf, () =>
    fakeEmbedder("a", embedded, async () => {
      if (left-- === 0) stopNow();
    }),
  );
  stopNow = () => first.library.stop();
  await first.library.add([file("long.txt", long)]);
  await first.library.model(given);
  await vi.waitFor(() => expect(first.heard.now).toMatchObject({ stopped: true }));
  await vi.waitFor(() => expect(first.heard.now!.work).toBeUndefined());
  const { embedded: some, passages } = first.heard.now!;
  expect(some).toBe(12);
  expect(some).toBeLessThan(passages);
  await vi.waitFor(() => expect([...tables.vectors.values()][0]!.values.length).toBe(2 * some));

  const second = open(shelf, () => fakeEmbedder("a", embedded));
  await vi.waitFor(() => expect(second.heard.now).toMatchObject({ embedded: passages, stopped: false }));
  expect(new Set(embedded).size).toBe(embedded.length);
  expect(embedded.length).toBe(passages);
});

test("another model cuts and computes anew; without one words are left", async () => {
  const { shelf, tables } = shelfInMemory();
  const models = ["a", "b"].map((name) => fakeEmbedder(name, []));
  const { library, heard, settled } = open(shelf, () => models.shift()!);
  await library.add([file("long.txt", long)]);
  await settled();
  expect(heard.now!.passages).toBeLessThan(5);
  for (const name of ["a", "b"]) {
    await library.model(given);
    await vi.waitFor(() => expect([...tables.vectors.values()][0]).toMatchObject({ model: name }));
    await settled();
    expect(heard.now!.embedded).toBe(heard.now!.passages);
  }
  expect(heard.now!.passages).toBeGreaterThan(20);
  await library.model(undefined);
  expect(heard.now!.model).toBeUndefined();
  expect(await library.search({ query: "thing", mode: "hybrid", k: 3 })).toHaveLength(3);
  await expect(library.search({ query: "thing", mode: "dense", k: 3 })).rejects.toThrow(/needs a model/);
});

test("all is forgotten, also while it works", async () => {
  const { shelf, tables } = shelfInMemory();
  const { library, heard } = open(shelf, () =>
    fakeEmbedder("a", [], () => new Promise((resolve) => setTimeout(resolve, 5))),
  );
  await library.add([file("long.txt", long), file("b.txt", "Other.")]);
  await library.model(given);
  await vi.waitFor(() => expect(heard.now!.embedded).toBeGreaterThan(0));
  await library.forget();
  expect(heard.now).toMatchObject({ documents: [], passages: 0, embedded: 0, stopped: false });
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(Object.values(tables).map((table) => table.size)).toEqual([0, 0, 0]);
});

test("the engine is asked one thing at a time, a question between two steps", async () => {
  const { shelf } = shelfInMemory();
  let busy = 0;
  let most = 0;
  const fake = fakeEmbedder("a", [], async () => {
    most = Math.max(most, ++busy);
    await new Promise((resolve) => setTimeout(resolve, 25));
    busy--;
  });
  const { library, heard, settled } = open(shelf, () => fake);
  await library.add([file("long.txt", long)]);
  await library.model(given);
  await vi.waitFor(() => expect(heard.now!.embedded).toBeGreaterThan(0));
  const asked = [1, 2, 3].map(() => library.search({ query: "thing", mode: "dense", k: 1 }));
  for (const hits of await Promise.all(asked)) expect(hits[0]!.scores.dense).toBeCloseTo(1, 1);
  expect(heard.now!.embedded).toBeLessThan(heard.now!.passages);
  await settled();
  expect(heard.now!.embedded).toBe(heard.now!.passages);
  expect(most).toBe(1);
});

test("another tab sees what was added and forgotten, and leaves the work to the tab that does it", async () => {
  const { shelf } = shelfInMemory();
  const [one, other] = [open(shelf), open(shelf)];
  await one.library.add([file("long.txt", long)]);
  await one.settled();
  await other.library.reread();
  expect(other.heard.now!.documents.map(({ name }) => name)).toEqual(["long.txt"]);
  expect(await other.library.search({ query: "thing", mode: "bm25", k: 1 })).toHaveLength(1);
  await shelf.put("model", { id: "model", given });
  await other.library.reread();
  expect(other.heard.now).toMatchObject({ stopped: true, model: { state: "waiting" } });
  await one.library.forget();
  await other.library.reread();
  expect(other.heard.now).toMatchObject({ documents: [], stopped: false });
  expect(other.heard.now!.model).toBeUndefined();
});

test("where the browser has no room left, reading stops and says so", async () => {
  const { shelf } = shelfInMemory();
  const full: Shelf = {
    ...shelf,
    put: async () => {
      throw new ZerothError("storage_failed", "no more room", { hint: "free some disk" });
    },
  };
  const { library, heard } = open(full);
  await library.add([file("a.txt", "One."), file("b.txt", "Two.")]);
  await vi.waitFor(() => expect(heard.now).toMatchObject({ stopped: true }));
  await vi.waitFor(() => expect(heard.now!.work).toBeUndefined());
  expect(heard.now!.documents).toMatchObject([
    { name: "b.txt", state: "waiting" },
    { name: "a.txt", state: "failed", problem: "no more room. Free some disk." },
  ]);
});

test("a passage that has no vector stops the work, which says where; words go on", async () => {
  const { library, heard } = open(shelfInMemory().shelf);
  await library.add([file("a.txt", "POISON is what this says.")]);
  await library.model(given);
  await vi.waitFor(() => expect(heard.now!.model).toMatchObject({ state: "failed" }));
  expect(heard.now!.model!.problem).toBe("a.txt: holds poison.");
  expect(await library.search({ query: "says", mode: "hybrid", k: 3 })).toHaveLength(1);
});
