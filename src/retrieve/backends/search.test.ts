/** Databases that an index was sent to, searched as the index itself is. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failureOf } from "../../../test/support/failure.ts";
import { smallRetriever } from "../../../test/support/models/small-retriever.ts";
import { qdrantStandIn } from "../../../test/support/qdrant.ts";
import { compile } from "../../runtime/compile-node.ts";
import { type OpenedEncoder, openEncoder } from "../../text/open-node.ts";
import { buildIndex } from "../build-node.ts";
import { type Embedder, embedderOf } from "../embedder-node.ts";
import { type Found, openIndex } from "../search-node.ts";
import { exportIndex } from "../transfer/export-node.ts";
import { type Ask, postgresBackend } from "./postgres-node.ts";
import { openQdrant } from "./qdrant-node.ts";
import { searchedBackend } from "./search.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-backend-"));
const store = join(folder, "own.index");
let opened: OpenedEncoder;
let embedder: Embedder;

beforeAll(async () => {
  const words = "bees make honey wax wolves hunt at night the moon".split(" ");
  opened = await openEncoder(await smallRetriever(join(folder, "model"), { words }), { threads: 1 });
  embedder = await embedderOf(opened, "small");
  const notes = ["bees make honey", "wolves hunt at night", "the moon", "bees make wax"];
  for (const [i, text] of notes.entries()) writeFileSync(join(folder, `${i}.txt`), text);
  const paths = notes.map((_, i) => join(folder, `${i}.txt`));
  await buildIndex({ store, paths, mode: "build", embedder });
});
afterAll(async () => {
  await opened[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const placed = (hits: unknown) =>
  (hits as Found[]).map(({ document, start, end, text, hash, score }) => [
    document,
    start,
    end,
    text,
    hash,
    score.toFixed(5),
  ]);

describe("Qdrant", () => {
  const server = qdrantStandIn();

  it("gives what the index gives by vectors, ordered by a ranker where there is one", async () => {
    const backend = await openQdrant(server.url(), "notes");
    await backend.upsert(exportIndex(store));
    const index = openIndex(store, { embedder, compile: (graph, weights) => compile(graph, { weights, threads: 1 }) });
    const there = await searchedBackend(backend, embedder, "notes");
    const questions = ["who make honey", "", "wolves"];
    const [here, found] = [
      await index.search(questions, { mode: "dense", k: 3 }),
      await there.search(questions, { k: 3 }),
    ];
    expect(placed(found[0])).toEqual(placed(here[0]));
    expect(placed(found[2])).toEqual(placed(here[2]));
    expect(found[1]).toMatchObject({ code: "bad_input" });
    const shortest = async (_: string, texts: readonly string[]) => texts.map((text) => -text.length);
    const [ranked] = (await there.search(["wolves"], { k: 1, rerank: shortest })) as Found[][];
    expect(ranked).toEqual([expect.objectContaining({ text: "the moon", score: -8 })]);
    expect(ranked![0]!.scores).toMatchObject({ rerank: -8, dense: expect.any(Number) });
    await index.close();

    expect(await failureOf(there.search(["x"], { mode: "hybrid" }))).toMatchObject({ code: "unsupported" });
    expect((await failureOf(there.search(["x"], { filter: 'path ~ "a"' }))).message).toMatch(
      /--filter is for an index/,
    );
    expect((await failureOf((await searchedBackend(backend, undefined, "notes")).search(["x"]))).hint).toMatch(
      /--model/,
    );
    const other = { ...embedder, settings: { ...embedder.settings, fingerprint: "another" } };
    expect((await failureOf(searchedBackend(backend, other, "notes"))).message).toMatch(/another model/);
  });
});

describe("PostgreSQL", () => {
  /** What the database is asked, and rows by a word of the statement. */
  function double(rows: { readonly dense: readonly object[]; readonly words: readonly object[] }) {
    const asked: { readonly text: string; readonly values: readonly unknown[] }[] = [];
    const ask: Ask = async (text, values = []) => {
      asked.push({ text, values });
      if (text.includes("obj_description"))
        return { rows: [{ comment: `zeroth cosine ${embedder.settings.fingerprint}` }] };
      if (text.includes("count(*)")) return { rows: [{ chunks: 4 }] };
      if (text.includes("<=>")) return { rows: rows.dense };
      return { rows: text.includes("ts_rank_cd") ? rows.words : [] };
    };
    return { asked, backend: postgresBackend(ask, "notes") };
  }
  const row = (document: string, score: number) => ({
    ...{ document, chunk: 0, text: document, start: 0, end: 1, title: document, page: null, heading: null, hash: "h" },
    score,
  });

  it("is asked by vectors and by words, and both are one list", async () => {
    const { asked, backend } = double({ dense: [row("a", 0.9), row("b", 0.8)], words: [row("b", 3), row("c", 2)] });
    const there = await searchedBackend(backend, embedder, "notes");
    const [hits] = (await there.search(["who make honey"], { k: 2 })) as Found[][];
    expect(hits!.map(({ document, scores }) => [document, scores])).toEqual([
      ["b", { bm25: 3, dense: 0.8 }],
      ["a", { dense: 0.9 }],
    ]);
    const near = asked.find(({ text }) => text.includes("<=>"))!;
    expect((JSON.parse(near.values[0] as string) as number[]).length).toBe(16);
    asked.length = 0;
    const words = await searchedBackend(backend, undefined, "notes");
    const [only] = (await words.search(["honey"])) as Found[][];
    expect(only!.map(({ document }) => document)).toEqual(["b", "c"]);
    expect(asked.some(({ text }) => text.includes("<=>"))).toBe(false);
  });
});
