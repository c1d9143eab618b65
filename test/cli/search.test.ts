import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rowsOf, runIn } from "../support/cli.ts";
import { smallRetriever } from "../support/models/small-retriever.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-search-"));
const run = runIn(folder);
const words = "bees make honey and wax the queen lives in a hive wolves hunt at night".split(" ");

beforeAll(async () => {
  await smallRetriever(join(folder, "model"), { words });
  await smallRetriever(join(folder, "ranker"), { words, ranker: true });
  mkdirSync(join(folder, "notes"));
  writeFileSync(join(folder, "notes", "bees.md"), "# Bees\nBees make honey and wax.\n");
  writeFileSync(join(folder, "notes", "wolves.txt"), "Wolves hunt at night.");
  writeFileSync(join(folder, "notes", "bad.html"), Uint8Array.of(0x3c, 0x70, 0x3e, 0xff));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("zeroth index and search", () => {
  it("work by words alone, and by a model", () => {
    const built = run(["index", "build", "notes", "--store", "words.index", "--json"]);
    expect(built.status).toBe(1);
    expect(rowsOf(built)).toEqual([
      { document: "notes/bad.html", error: expect.objectContaining({ code: "corrupt_file" }) },
      { document: "notes/bees.md", chunks: 1 },
      { document: "notes/wolves.txt", chunks: 1 },
      { done: true, documents: 2, chunks: 2, reused: 0, removed: 0, failed: 1 },
    ]);
    rmSync(join(folder, "notes", "bad.html"));
    const [row] = rowsOf(run(["search", "who hunts", "wolves?", "--store", "words.index", "--json"]));
    expect(row).toEqual({ hits: [] });
    const hits = rowsOf(
      run(["search", "--store", "words.index", "--json", "--input", "-"], '{"id":7,"query":"WOLVES"}\n{"q":1}\n'),
    );
    expect(hits[0]).toMatchObject({
      id: 7,
      hits: [{ document: "notes/wolves.txt", chunk: 0, start: 0, end: 21, text: "Wolves hunt at night." }],
    });
    expect(hits[1]).toMatchObject({ error: { code: "bad_input" } });

    const vectors = run(["index", "build", "notes", "--store", "all.index", "--model", "model", "--json"]);
    expect(vectors).toMatchObject({ status: 0 });
    const found = rowsOf(run(["search", "bees make wax", "--store", "all.index", "--rerank", "ranker", "--json"]));
    expect(found[0]!.hits).toHaveLength(2);
    expect(run(["search", "wolves hunt", "--store", "all.index"]).stdout).toMatch(
      / 1 {2}notes\/wolves\.txt {2}0–21 {2}\(bm25 .*dense/,
    );
    expect(run(["search", "x", "--store", "none.index"])).toMatchObject({ status: 3 });
    expect(run(["search", "x"])).toMatchObject({ status: 2 });
  });

  it("keep the index, and check it", () => {
    expect(rowsOf(run(["index", "text", "notes/bees.md", "--store", "all.index", "--json"]))).toEqual([
      { text: "# Bees\nBees make honey and wax.\n" },
    ]);
    writeFileSync(join(folder, "notes", "new.txt"), "The queen lives in a hive.");
    const updated = rowsOf(run(["index", "update", "--store", "all.index", "--json"])).at(-1);
    expect(updated).toMatchObject({ documents: 3, chunks: 3, reused: 2 });
    expect(run(["index", "verify", "--store", "all.index"])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/is whole: 3 documents/),
    });
    expect(run(["index", "compact", "--store", "all.index"])).toMatchObject({ status: 0 });
    expect(run(["index", "export", "--store", "all.index", "--output", "rows.jsonl"])).toMatchObject({ status: 0 });
    const rows = readFileSync(join(folder, "rows.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rows).toHaveLength(3);
    expect(rows[0].embedding).toHaveLength(16);
    const bytes = readFileSync(join(folder, "all.index"));
    bytes.fill(0x41, 4096 * 3, 4096 * 5);
    writeFileSync(join(folder, "broken.index"), bytes);
    expect([1, 4]).toContain(run(["index", "verify", "--store", "broken.index"]).status);
  });

  it("rank documents", () => {
    const ran = run([
      "rerank",
      "--model",
      "ranker",
      "bees",
      "bees make wax",
      "wolves",
      "the queen ".repeat(30),
      "--json",
    ]);
    const [row] = rowsOf(ran) as { scores: number[]; order: number[] }[];
    expect(row!.scores).toHaveLength(3);
    expect([...row!.order].sort()).toEqual([0, 1, 2]);
    expect(row!.scores[row!.order[0]!]).toBe(Math.max(...row!.scores));
    expect(ran.stderr).toMatch(/only the beginning of 1 documents/);
    expect(run(["rerank", "--model", "model", "bees", "wax"]).stderr).toMatch(/gives no score of two texts/);
  });
});
