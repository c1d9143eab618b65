import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failureOf } from "../../../test/support/failure.ts";
import { buildIndex } from "../build-node.ts";
import type { Embedder } from "../embedder-node.ts";
import { verifyIndex } from "../keep-node.ts";
import { exportIndex } from "./export-node.ts";
import { importIndex } from "./import-node.ts";
import { writeParquet } from "./parquet-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-transfer-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** In the place of a model: a vector that follows from the text. */
const embed = async (texts: readonly string[]) =>
  texts.map((text) => Float32Array.from([text.length / 3, text.charCodeAt(0) / 7, 1]));
const standIn: Embedder = {
  settings: { name: "m", fingerprint: "f", width: 3, metric: "cosine", documentPrompt: "", queryPrompt: "" },
  longest: 100,
  starts: (text) => Array.from(text.matchAll(/\S+/g), ({ index }) => index),
  documents: embed,
  queries: embed,
};

const store = join(folder, "a.index");
const jsonl = join(folder, "a.jsonl");

beforeAll(async () => {
  const notes = join(folder, "notes");
  mkdirSync(notes);
  writeFileSync(
    join(notes, "bees.md"),
    "\n# Bees\n\nBees make honey. They make wax. A hive has one queen.\n\n## Wax\n\nIt is soft.\n\n",
  );
  writeFileSync(
    join(notes, "rows.jsonl"),
    '{"_id":1,"title":"Wolves","text":"They hunt.","year":1999}\n{"_id":2,"text":"\\u00c4 moon \\ud83c\\udf19."}\n',
  );
  await buildIndex({ store, paths: [notes], mode: "build", embedder: standIn, chunk: 6, overlap: 3 });
  writeFileSync(jsonl, [...exportIndex(store)].map((row) => `${JSON.stringify(row)}\n`).join(""));
});

describe("an exported index", () => {
  it("is the same again from JSON lines and from Parquet", async () => {
    const rows = [...exportIndex(store)];
    expect(rows.length).toBeGreaterThan(5);
    expect(rows.find(({ heading }) => heading?.length === 2)).toMatchObject({ heading: ["Bees", "Wax"] });
    expect(rows.find(({ fields }) => fields)).toMatchObject({ fields: { year: 1999 }, prefix: "Wolves " });
    const parquet = join(folder, "a.parquet");
    expect(await writeParquet(parquet, exportIndex(store))).toBe(rows.length);
    for (const file of [jsonl, parquet]) {
      const made = `${file}.index`;
      expect(await importIndex(made, file)).toEqual({ documents: 3, chunks: rows.length });
      expect([...exportIndex(made)]).toEqual(rows);
      expect(verifyIndex(made)).toMatchObject({ problems: [], vectors: rows.length });
      // Again: nothing is there twice.
      await importIndex(made, file);
      expect([...exportIndex(made)]).toHaveLength(rows.length);
    }
    const again = await failureOf(
      buildIndex({ store: `${jsonl}.index`, paths: [], mode: "update", embedder: standIn }),
    );
    expect(again.message).toMatch(/was imported/);
    expect(verifyIndex(`${jsonl}.index`).chunks).toBe(rows.length);
  });

  it("that lacks something is refused with the row", async () => {
    const lines = readFileSync(jsonl, "utf8").trim().split("\n");
    const attempt = async (name: string, changed: readonly string[]) => {
      const file = join(folder, `${name}.jsonl`);
      writeFileSync(file, changed.join("\n"));
      return (await failureOf(importIndex(`${file}.index`, file))).message;
    };
    const edited = (row: number, change: object) =>
      lines.map((line, i) => (i === row ? JSON.stringify({ ...JSON.parse(line), ...change }) : line));
    expect(await attempt("out", lines.slice(1))).toMatch(/chunk 1 does not follow/);
    expect(await attempt("cut", [...lines.slice(0, 2), ...lines.slice(3)])).toMatch(
      /does not follow|do not make its text/,
    );
    expect(await attempt("text", edited(0, { text: "Other", end: 5 }))).toMatch(/document .*bees\.md: /);
    expect(await attempt("wide", edited(1, { embedding: [1, 2] }))).toMatch(/has 2 numbers, those of the index 3/);
    expect(await attempt("nan", edited(1, { embedding: [0, 0, 0] }))).toMatch(/all zeros/);
    expect(await attempt("none", edited(1, { embedding: undefined }))).toMatch(/has 0 numbers/);
    expect(await attempt("schema", edited(2, { start: -1 }))).toMatch(/schema\.jsonl, row 3: .*start/s);
    const index = { ...JSON.parse(lines[0]!).index, chunk: 9 };
    expect(await attempt("other", edited(3, { index }))).toMatch(/row 4: is of another index/);
    expect(await attempt("empty", [])).toMatch(/empty|no rows/);
  });
});
