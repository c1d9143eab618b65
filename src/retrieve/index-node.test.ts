import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure, failureOf } from "../../test/support/failure.ts";
import { smallRetriever } from "../../test/support/models/small-retriever.ts";
import { ZerothError } from "../errors.ts";
import { compile } from "../runtime/compile-node.ts";
import { type OpenedEncoder, openEncoder } from "../text/open-node.ts";
import { type BuildOptions, type Built, buildIndex } from "./build-node.ts";
import type { CompileOver } from "./dense/exact.ts";
import { type Embedder, embedderOf } from "./embedder-node.ts";
import { compactIndex, verifyIndex } from "./keep-node.ts";
import { type Found, openIndex, type SearchOptions } from "./search-node.ts";
import { spaceOf } from "./store/generations-node.ts";
import { openStoreFile } from "./store/schema-node.ts";
import { openSql, type Sql } from "./store/sqlite-node.ts";
import { exportIndex } from "./transfer/export-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-index-"));
const words = "bees make honey and wax the queen lives in a hive wolves hunt at night moon title page".split(" ");
let opened: OpenedEncoder;
let embedder: Embedder;
let other: OpenedEncoder;

beforeAll(async () => {
  opened = await openEncoder(await smallRetriever(join(folder, "model"), { words }), { threads: 1 });
  other = await openEncoder(
    await smallRetriever(join(folder, "other"), { words, seed: 8, prompts: { query: "the ", document: "a " } }),
    { threads: 1 },
  );
  embedder = await embedderOf(opened, "model");
});
afterAll(async () => {
  await opened[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

let count = 0;
/** A folder with these files, and the name of an index beside it. */
function corpus(files: Readonly<Record<string, string>>) {
  const root = join(folder, `corpus-${count++}`);
  mkdirSync(join(root, "deep"), { recursive: true });
  const write = (name: string, text: string) => writeFileSync(join(root, name), text);
  for (const [name, text] of Object.entries(files)) write(name, text);
  return { root, store: `${root}.index`, write };
}

const notes = {
  "bees.md": "# Bees\nBees make honey and wax.\n\n## Queens\nThe queen lives in a hive.\n",
  "deep/wolves.txt": "Wolves hunt at night. The moon is there.",
  "page.html": "<title>A page</title><p>Honey &amp; wax make a page.</p>",
  "rows.jsonl":
    '{"_id":"r1","title":"Title one","text":"The moon at night.","year":1999}\n{"_id":"r2","text":"A hive.","year":2024}\n',
  "picture.png": "no text",
};

const over: CompileOver = (graph, weights) => compile(graph, { weights, threads: 1 });

const build = (o: Omit<BuildOptions, "mode"> & Partial<Pick<BuildOptions, "mode">>): Promise<Built> =>
  buildIndex({ mode: "build", ...o });

async function find(
  store: string,
  query: string,
  options: SearchOptions = {},
  model: Embedder | "none" = embedder,
): Promise<Found[]> {
  const index = openIndex(store, { ...(model !== "none" && { embedder: model }), compile: over });
  try {
    const [hits] = await index.search([query], options);
    if (hits instanceof ZerothError) throw hits;
    return hits!;
  } finally {
    await index.close();
  }
}

describe("an index", () => {
  it("of words alone finds documents and their places", async () => {
    const { root, store } = corpus(notes);
    const rows: object[] = [];
    const skipped: [string, number][] = [];
    const built = await build({
      store,
      paths: [root],
      events: { document: (row) => void rows.push(row), skipped: (kinds) => void skipped.push(...kinds) },
    });
    expect(built).toEqual({ documents: 5, chunks: 5, reused: 0, removed: 0, failed: 0 });
    expect(rows).toContainEqual({ document: `${root}/bees.md`, chunks: 1 });
    expect(rows).toContainEqual({ document: `${root}/rows.jsonl#r2`, chunks: 1 });
    expect(skipped).toEqual([[".png", 1]]);
    const [first] = await find(store, "Who hunts at night? WOLVES", {}, "none");
    expect(first).toMatchObject({
      document: `${root}/deep/wolves.txt`,
      chunk: 0,
      text: notes["deep/wolves.txt"],
      start: 0,
    });
    const index = openIndex(store, { compile: over });
    expect(index.text(`${root}/page.html`)).toBe("Honey & wax make a page.");
    expect(failure(() => index.text("none")).code).toBe("not_found");
    await index.close();
    // A row's title is searched with it, and is no part of what is cited.
    expect((await find(store, "title", {}, "none"))[0]).toMatchObject({
      document: `${root}/rows.jsonl#r1`,
      text: "The moon at night.",
      title: "Title one",
    });
    expect(verifyIndex(store).problems).toEqual([]);
  });

  it("with a model finds by vectors, the same in 8 bits, and by both", async () => {
    const { root, store } = corpus(notes);
    await build({ store, paths: [root], embedder, chunk: 12, overlap: 4 });
    const text = "The queen lives in a hive.";
    const dense = await find(store, `## Queens\n${text}`, { mode: "dense", k: 3 });
    expect(dense[0]).toMatchObject({
      text: `## Queens\n${text}`,
      heading: "Bees > Queens",
      score: expect.closeTo(1, 5),
    });
    expect(dense[0]!.start).toBe(notes["bees.md"].indexOf("## Queens"));
    const index = openIndex(store, { embedder, compile: over, bits: 8 });
    expect((await index.search([`## Queens\n${text}`], { mode: "dense", k: 3 }))[0]).toEqual(dense);
    await index.close();
    const both = await find(store, "wolves at night", {});
    expect(both[0]!.scores.bm25).toBeGreaterThan(0);
    expect(both[0]!.scores.dense).toBeGreaterThan(-1);
    expect(both[0]!.score).toBeLessThanOrEqual(2 / 61);
    expect(verifyIndex(store)).toMatchObject({ vectors: verifyIndex(store).chunks, problems: [] });
  });

  it("is filtered before it is searched", async () => {
    const { root, store } = corpus(notes);
    await build({ store, paths: [root], embedder });
    for (const mode of ["hybrid", "dense", "bm25"] as const) {
      const hits = await find(store, "moon at night hive", { mode, filter: 'path ~ "rows" and year > 2000' });
      expect(
        hits.map(({ document }) => document),
        mode,
      ).toEqual([`${root}/rows.jsonl#r2`]);
    }
    expect(await find(store, "moon", { filter: "year = 1800" })).toEqual([]);
    expect((await failureOf(find(store, "moon", { filter: "year >" }))).message).toMatch(
      /expected a value, found its end/,
    );
  });

  it("is ordered by a ranker that sees text and title", async () => {
    const { root, store } = corpus(notes);
    await build({ store, paths: [root], embedder });
    const seen: string[] = [];
    const rerank = async (_: string, passages: readonly string[]) => {
      seen.push(...passages);
      return passages.map((text) => -text.length);
    };
    const hits = await find(store, "moon at night", { rerank, k: 2 });
    expect(hits.map(({ scores }) => scores.rerank)).toEqual([-7, -24]);
    expect(seen).toContain("Title one The moon at night.");
  });

  it("refuses what cannot be asked", async () => {
    const { root, store } = corpus(notes);
    await build({ store, paths: [root], embedder });
    const why = async (query: string, options: SearchOptions, model: Embedder | "none" = embedder) =>
      (await failureOf(find(store, query, options, model))).message;
    expect(await why(" ", {})).toMatch(/question is empty/);
    expect(await why("bees ".repeat(40), {})).toMatch(/42 tokens, the model reads 32/);
    expect(await why("bees", { k: 0 })).toMatch(/k is 0/);
    expect(await why("bees", { b: 2 })).toMatch(/b is 2/);
    expect(await why("bees", {}, await embedderOf(other, "other"))).toMatch(
      /vectors are of another model \(model, .*\) than other/,
    );
    expect((await failureOf(find(join(folder, "none"), "bees"))).code).toBe("not_found");
    const bare = corpus(notes);
    await build({ store: bare.store, paths: [bare.root] });
    expect((await failureOf(find(bare.store, "bees", { mode: "dense" }, "none"))).message).toMatch(
      /built without a model/,
    );
    expect(
      (await failureOf(build({ store: join(folder, "long"), paths: [root], embedder, chunk: 31 }))).message,
    ).toMatch(/the model reads 30/);
  });

  it("has chunks that the model reads whole, prompt and title with them", async () => {
    const { root, store } = corpus({
      "rows.jsonl": `${JSON.stringify({ _id: "x", title: "the queen", text: "bees make honey and wax. ".repeat(30) })}\n`,
    });
    const prompted = await embedderOf(other, "other");
    expect(prompted.settings).toMatchObject({ documentPrompt: "a ", queryPrompt: "the " });
    const built = await build({ store, paths: [root], embedder: prompted });
    expect(built).toMatchObject({ documents: 1, failed: 0 });
    expect(built.chunks).toBeGreaterThan(5);
    const [hit] = await find(store, "bees", { mode: "dense" }, prompted);
    const [query, passage] = await Promise.all([
      other.encoder.embed("the bees", { promptText: "" }),
      other.encoder.embed(`a the queen ${hit!.text}`, { promptText: "" }),
    ]);
    expect(hit!.score).toBeCloseTo(
      query.reduce((sum, value, i) => sum + value * passage[i]!, 0),
      5,
    );
  });
});

describe("an update", () => {
  it("reads what changed alone, and lets go of what is gone", async () => {
    const { root, store, write } = corpus(notes);
    await build({ store, paths: [root], embedder });
    const again = await build({ store, paths: [], mode: "update", embedder });
    expect(again).toEqual({ documents: 5, chunks: 6, reused: 6, removed: 0, failed: 0 });
    write("deep/wolves.txt", "Wolves hunt the moon.");
    write("new.txt", "A hive.");
    rmSync(join(root, "bees.md"));
    // Touched, not changed.
    utimesSync(join(root, "page.html"), new Date(), new Date(1e12));
    const removed: string[] = [];
    const next = await build({
      store,
      paths: [],
      mode: "update",
      embedder,
      events: { removed: (name) => void removed.push(name) },
    });
    // The text of new.txt is that of a row, whose vector is known.
    expect(next).toEqual({ documents: 5, chunks: 5, reused: 4, removed: 1, failed: 0 });
    expect(removed).toEqual([`${root}/bees.md`]);
    expect((await find(store, "queen", { mode: "bm25" })).length).toBe(0);
    expect((await find(store, "wolves", { mode: "bm25" })).map(({ text }) => text)).toEqual(["Wolves hunt the moon."]);
    expect(verifyIndex(store).problems).toEqual([]);
    const { before, after } = await compactIndex(store);
    expect(after).toBeLessThanOrEqual(before);
    expect(verifyIndex(store).problems).toEqual([]);
  });

  it("is seen by whoever has the index open", async () => {
    const { root, store, write } = corpus(notes);
    await build({ store, paths: [root], embedder });
    const index = openIndex(store, { embedder, compile: over });
    expect((await index.search(["zebra"], { mode: "bm25" }))[0]).toEqual([]);
    write("zebra.txt", "A zebra.");
    await build({ store, paths: [root], mode: "update", embedder });
    expect((await index.search(["zebra"], { mode: "bm25" }))[0]).toHaveLength(1);
    expect((await index.search(["zebra"], { mode: "dense", k: 50 }))[0]).toHaveLength(7);
    await index.close();
  });

  it("with another model builds anew while the old index is searched", async () => {
    const { root, store, write } = corpus(notes);
    await build({ store, paths: [root], embedder });
    const second = await embedderOf(other, "other");
    let calls = 0;
    const stopping: Embedder = {
      ...second,
      documents: async () => {
        calls++;
        throw new ZerothError("interrupted", "stopped on request");
      },
    };
    write("zebra.txt", "A zebra.");
    expect((await failureOf(build({ store, paths: [root], embedder: stopping }))).code).toBe("interrupted");
    expect(calls).toBe(1);
    // What is searched is the old one, whole.
    expect(await find(store, "zebra", { mode: "bm25" })).toEqual([]);
    expect(verifyIndex(store).problems).toEqual([]);
    expect(await build({ store, paths: [root], embedder: second })).toMatchObject({ documents: 6, reused: 0 });
    expect((await find(store, "zebra", { mode: "dense" }, second)).length).toBe(7);
    const sql = openSql(store, false);
    expect(sql.all("select count(*) as n from generations")[0]!.n).toBe(1);
    expect(sql.all("select count(*) as n from vectors")[0]!.n).toBe(7);
    sql.close();
  });

  it("of an interrupted build goes on behind the last whole file", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [
        `n${i}.txt`,
        Array.from({ length: 200 }, (_, k) => `${words[(i + k) % 16]} ${i}x${k}`).join(" "),
      ]),
    );
    const { root, store } = corpus(files);
    let left = 2;
    const stopping: Embedder = {
      ...embedder,
      documents: (texts, job) => {
        if (left-- === 0) throw new ZerothError("interrupted", "stopped on request");
        return embedder.documents(texts, job);
      },
    };
    expect((await failureOf(build({ store, paths: [root], embedder: stopping }))).code).toBe("interrupted");
    expect((await failureOf(find(store, "bees"))).message).toMatch(/no finished index/);
    const built = await build({ store, paths: [root], embedder });
    expect(built.documents).toBe(40);
    expect(built.reused).toBeGreaterThanOrEqual(256);
    expect(verifyIndex(store).problems).toEqual([]);
  });

  it("keeps what can be read where something cannot", async () => {
    const { root, store, write } = corpus({ "a.txt": "A hive.", "rows.jsonl": '{"text":"x"}\n{"no":1}\n' });
    writeFileSync(join(root, "bad.txt"), Uint8Array.of(0xff, 0xc0, 0x41));
    const failed: string[] = [];
    const built = await build({
      store,
      paths: [root],
      embedder,
      events: { failed: (name, error) => void failed.push(`${name} ${error.code}`) },
    });
    expect(built).toMatchObject({ documents: 1, failed: 2 });
    expect(failed).toEqual([`${root}/bad.txt corrupt_file`, `${root}/rows.jsonl bad_input`]);
    write("rows.jsonl", '{"text":"x"}\n');
    expect(await build({ store, paths: [], mode: "update", embedder })).toMatchObject({ documents: 2, failed: 1 });
  });

  it("two processes that put documents in at once share the vectors of a model", () => {
    const store = join(folder, "shared.index");
    const [mine, other] = [openStoreFile(store, true), openStoreFile(store, true)];
    let asked = 0;
    const late: Sql = {
      ...mine,
      run: (text, ...values) => {
        if (asked++ === 0) spaceOf(other, "key");
        return mine.run(text, ...values);
      },
    };
    expect(spaceOf(late, "key")).toBe(spaceOf(other, "key"));
    mine.close();
    other.close();
  });

  it("that was stopped before it wrote anything is no index yet, and is built", async () => {
    const { root, store } = corpus(notes);
    openSql(store, true).close();
    expect(failure(() => verifyIndex(store))).toMatchObject({ code: "not_found" });
    expect((await build({ store, paths: [root] })).documents).toBe(5);
  });

  it("refuses folders without documents and paths that are not there", async () => {
    const { root, store } = corpus({ "a.png": "" });
    expect((await failureOf(build({ store, paths: [root] }))).message).toMatch(/there are no documents/);
    expect((await failureOf(build({ store, paths: [join(root, "none")] }))).code).toBe("not_found");
    expect((await failureOf(build({ store: `${store}2`, paths: [], mode: "update" }))).code).toBe("not_found");
  });
});

describe("a damaged index", () => {
  const whole = async () => {
    const { root, store } = corpus(notes);
    await build({ store, paths: [root], embedder });
    await compactIndex(store);
    return store;
  };

  it("is refused by name, or found by verify", async () => {
    const store = await whole();
    const bytes = readFileSync(store);
    const damaged = (name: string, change: (copy: Buffer) => Buffer) => {
      const path = join(folder, name);
      writeFileSync(path, change(Buffer.from(bytes)));
      return path;
    };
    const text = damaged("text", () => Buffer.from("no database at all".repeat(100)));
    expect(failure(() => openIndex(text, { compile: over }))).toMatchObject({ code: "corrupt_file", where: text });
    const cut = damaged("cut", (copy) => copy.subarray(0, 9000));
    expect(failure(() => verifyIndex(cut)).code).toBe("corrupt_file");
    const foreign = join(folder, "foreign");
    const made = openSql(foreign, true);
    made.run("create table t (x)");
    made.close();
    expect(failure(() => openIndex(foreign, { compile: over })).message).toMatch(/something else/);
    const sql = openSql(store, false);
    sql.run("update documents set text = 'other' where kind = 'html'");
    sql.run("update vectors set vector = x'00' where id = 1");
    sql.close();
    const { problems } = verifyIndex(store);
    expect(problems.join("\n")).toMatch(/page\.html: its text is not what was stored/);
    expect(problems.join("\n")).toMatch(/has no vector of 16 numbers/);
    expect((await failureOf(find(store, "bees", { mode: "dense" }))).message).toMatch(/a vector of another width/);
    const later = openSql(store, false);
    later.run("pragma user_version = 9");
    later.close();
    expect(failure(() => openIndex(store, { compile: over })).message).toMatch(/version 9, this program knows 1/);
  });

  it("is written out with its vectors", async () => {
    const rows = [...exportIndex(await whole())];
    expect(rows).toHaveLength(6);
    expect(rows[0]!.embedding).toHaveLength(16);
    expect(rows.map(({ text }) => text)).toContain("A hive.");
  });
});
