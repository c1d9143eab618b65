/** DPR's encoders against transformers (parity/dpr.py), and the files that its own program saves. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { failure, failureOf } from "../../../test/support/failure.ts";
import { expectClose, fixtures } from "../../../test/support/fixtures.ts";
import { compile } from "../../runtime/compile-node.ts";
import { openEncoder } from "../../text/open-node.ts";
import { buildIndex } from "../build-node.ts";
import type { CompileOver } from "../dense/exact.ts";
import { twoEncoders } from "../embedder.ts";
import { embedderOf } from "../embedder-node.ts";
import { openIndex } from "../search-node.ts";
import { importRetriever } from "./native-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-dpr-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const here = (...parts: string[]) => join(fixtures, "dpr", ...parts);

interface Expected {
  readonly texts: readonly string[];
  readonly vectors: readonly (readonly number[])[];
}
const expectedOf = (name: string) => JSON.parse(readFileSync(here(name, "expected.json"), "utf8")) as Expected;

async function vectorsOf(path: string, texts: readonly string[]): Promise<number[]> {
  await using opened = await openEncoder(path, { threads: 1 });
  const vectors = (await opened.encoder.embedAll(texts)) as Float32Array[];
  return vectors.flatMap((vector) => [...vector]);
}

test.each(["question", "context", "projected"])(
  "%s encoders give transformers' vectors, alone and filled up",
  async (name) => {
    const { texts, vectors } = expectedOf(name);
    const flat = vectors.flat();
    expectClose(await vectorsOf(here(name), texts), flat, 1e-5, "together");
    const alone: number[] = [];
    for (const text of texts) alone.push(...(await vectorsOf(here(name), [text])));
    expectClose(alone, flat, 1e-5, "alone");
  },
);

describe("a file of DPR's own program", () => {
  test("becomes two folders with the same vectors", async () => {
    // A BERT is given for its configuration and its tokenizer alone.
    const base = join(folder, "base");
    cpSync(here("question"), base, { recursive: true });
    const config = JSON.parse(readFileSync(join(base, "config.json"), "utf8")) as object;
    writeFileSync(
      join(base, "config.json"),
      JSON.stringify({ ...config, model_type: "bert", architectures: ["BertModel"] }),
    );
    const made = await importRetriever(here("native", "retriever.cp"), base, join(folder, "made"));
    for (const [path, name] of [
      [made.question, "question"],
      [made.passage, "context"],
    ] as const) {
      const { texts, vectors } = expectedOf(name);
      expectClose(await vectorsOf(path, texts), vectors.flat(), 1e-5, name);
    }
    writeFileSync(join(base, "config.json"), JSON.stringify({ ...config, model_type: "bert", hidden_size: 18 }));
    expect(
      (await failureOf(importRetriever(here("native", "retriever.cp"), base, join(folder, "no")))).message,
    ).toMatch(/by config\.json it would be \[40, 18\]/);
    expect(
      (await failureOf(importRetriever(here("native", "retriever.cp"), here("question"), folder))).message,
    ).toMatch(/model_type is "dpr"/);
  });
});

test("an index is made with the encoder of passages and asked with that of questions", async () => {
  await using passages = await openEncoder(here("context"), { threads: 1 });
  await using questions = await openEncoder(here("question"), { threads: 1 });
  await using narrow = await openEncoder(here("projected"), { threads: 1 });
  const [p, q] = [await embedderOf(passages, "context"), await embedderOf(questions, "question")];
  const both = twoEncoders(p, q);
  expect(both.settings).toMatchObject({ name: "context", metric: "dot", question: { name: "question" } });
  const { texts } = expectedOf("context");
  const rows = join(folder, "rows.jsonl");
  writeFileSync(rows, texts.map((text, id) => JSON.stringify({ id, text })).join("\n"));
  const store = join(folder, "own.index");
  await buildIndex({ store, paths: [rows], mode: "build", embedder: both });
  const over: CompileOver = (graph, weights) => compile(graph, { weights, threads: 1 });
  const compiling = { compile: over };
  const index = openIndex(store, { embedder: both, ...compiling });
  const asked = expectedOf("question");
  const [hits] = await index.search([asked.texts[0]!], { mode: "dense", k: 3 });
  await index.close();
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const scores = expectedOf("context").vectors.map((vector) => dot(vector, asked.vectors[0]!));
  expect(hits).toHaveLength(3);
  for (const { document, score } of hits as { document: string; score: number }[])
    expect(score).toBeCloseTo(scores[Number(document.split("#")[1])]!, 4);
  expect(failure(() => openIndex(store, { embedder: p, ...compiling })).message).toMatch(
    /questions are read by question \(\w+\), not by the same model/,
  );
  expect(failure(() => twoEncoders(p, { ...p, settings: { ...p.settings, width: 6 } })).message).toMatch(/6 numbers/);
  const six = await embedderOf(narrow, "projected");
  expect(failure(() => twoEncoders(p, six)).message).toMatch(
    /projected: its vectors have 6 numbers, those of context 16/,
  );
});
