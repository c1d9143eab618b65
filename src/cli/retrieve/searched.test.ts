/** Where `zeroth search` and `zeroth ask` look: an index's file, or a database that it was sent to. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { failureOf } from "../../../test/support/failure.ts";
import { smallRetriever } from "../../../test/support/models/small-retriever.ts";
import { qdrantStandIn } from "../../../test/support/qdrant.ts";
import { buildIndex } from "../../retrieve/build-node.ts";
import type { Found } from "../../retrieve/search-node.ts";
import { exportIndex } from "../../retrieve/transfer/export-node.ts";
import { createOutput } from "../output.ts";
import { openBackend } from "./backend.ts";
import { openEmbedders } from "./open.ts";
import { openSearched } from "./searched.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-searched-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const server = qdrantStandIn();
const [store, model] = [join(folder, "own.index"), join(folder, "model")];
const said: string[] = [];
const output = { ...createOutput({ quiet: true }), say: (text: string) => void said.push(text) };
const { signal } = new AbortController();

beforeAll(async () => {
  const words = "bees make honey wolves hunt at night".split(" ");
  await smallRetriever(model, { words });
  for (const [i, text] of ["bees make honey", "wolves hunt at night"].entries())
    writeFileSync(join(folder, `${i}.txt`), text);
  await using opened = await openEmbedders(model, undefined, { threads: 1 }, {}, output, signal);
  const paths = ["0.txt", "1.txt"].map((name) => join(folder, name));
  await buildIndex({ store, paths, mode: "build", embedder: opened.embedder });
  await using backend = await openBackend(server.url(), "notes");
  await backend.upsert(exportIndex(store));
});

const texts = async (flags: Parameters<typeof openSearched>[0]) => {
  await using searched = await openSearched({ threads: 1, ...flags }, output, signal);
  const [hits] = await searched.index.search(["bees make honey"], { mode: flags.mode, k: 2 });
  return { name: searched.name, texts: (hits as Found[]).map(({ text }) => text) };
};

test("the index's own file, and the database with the model of the index or one that is named", async () => {
  const own = await texts({ store, mode: "dense" });
  expect(own.name).toBe(store);
  expect(own.texts[0]).toBe("bees make honey");
  const there = { backend: server.url(), table: "notes" };
  for (const more of [{ store }, { model }]) {
    const found = await texts({ ...there, ...more });
    expect(found).toEqual({ name: server.url(), texts: own.texts });
  }
});

test("what is wrong is said by its option", async () => {
  const there = { backend: server.url(), table: "notes" };
  expect((await failureOf(texts({ store, table: "notes" }))).message).toMatch(/--table is of a --backend/);
  expect((await failureOf(texts({ backend: "ftp://x", model }))).message).toMatch(/no address of Qdrant or PostgreSQL/);
  expect((await failureOf(texts(there))).hint).toMatch(/--model/);
  expect(said.some((text) => text.includes("no --model"))).toBe(true);
  expect((await failureOf(texts({ ...there, table: "none", model }))).message).toMatch(/Qdrant does not do it/);
  expect((await failureOf(texts({}))).message).toMatch(/--store is needed/);
});
