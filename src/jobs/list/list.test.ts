/** Each job over a tiny model: done, found again, and the same after a stop. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { snapshotLine } from "../../../test/support/arxiv.ts";
import { tinyBert } from "../../../test/support/models/tiny-models.ts";
import type { JsonObject } from "../../base/json.ts";
import { digestSchema } from "../../digest/document.ts";
import { noEdits } from "../../digest/edited.ts";
import { ingestFile } from "../../digest/ingest-node.ts";
import { keepDigest } from "../../digest/store/digests-node.ts";
import { openStore } from "../../digest/store/store-node.ts";
import { openSafetensors } from "../../weights/safetensors-node.ts";
import type { JobEvent } from "../events.ts";
import type { BoundJob } from "../job.ts";
import { findJob } from "../registry.ts";
import { runPartition } from "../run-node.ts";
import { folderBackend } from "../store/folder-node.ts";
import { placeOf } from "../store/objects-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-job-list-"));
const at = (name: string) => join(folder, name);
const lines = (name: string, rows: readonly object[]) =>
  writeFileSync(at(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
beforeAll(async () => {
  await tinyBert(at("bert"), "BertModel");
  lines(
    "passages.jsonl",
    Array.from({ length: 600 }, (_, id) => ({ id, text: id % 3 ? "the film is good" : "a bad film" })),
  );
  lines(
    "labelled.jsonl",
    Array.from({ length: 12 }, (_, i) => ({ text: i % 2 ? "good film" : "bad film", label: i % 2 ? "yes" : "no" })),
  );
  lines(
    "pairs.jsonl",
    Array.from({ length: 6 }, () => ({ prompt: "Is snow cold?", target: "yes" })),
  );
  const train = {
    model: "zeroth-nano",
    objective: "seq2seq",
    data: { train: "pairs.jsonl" },
    batch: 2,
    steps: 2,
    out: "run",
  };
  const more = { max_input: 32, max_target: 8, optimizer: { name: "adamw", lr: 0.001 }, seed: 1 };
  writeFileSync(at("train.json"), JSON.stringify({ ...train, ...more }));
  mkdirSync(at("notes"));
  writeFileSync(join(at("notes"), "one.txt"), "Tomatoes go out after the last frost.");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Run a partition in a store of its own name. */
async function run(
  name: string,
  config: JsonObject,
  store: string,
  options: { partition?: string; stopAfter?: number } = {},
) {
  const job: BoundJob = (await findJob(name)).bind(config);
  const events: JobEvent[] = [];
  const stop = new AbortController();
  let progress = 0;
  await using opened = await job.open(stop.signal, () => {});
  const outcome = await runPartition(job, options.partition ?? (await job.partitions())[0]!, {
    ...{ store: folderBackend(at(store)), work: join(at(store), "work"), asset: name, version: "0" },
    signal: stop.signal,
    opened: async () => opened,
    tell(event) {
      events.push(event);
      if (event.event === "progress" && ++progress === options.stopAfter) stop.abort();
    },
  });
  return { ...outcome, events, partitions: await job.partitions() };
}
const fileOf = (store: string, { manifest }: Awaited<ReturnType<typeof run>>, name: string) =>
  join(at(store), placeOf(manifest.key, manifest.files.find(({ path }) => path === name)!));

test("embed: rows in partitions, a stop in the middle changes nothing, vectors in the rows' order", async () => {
  const config = { model: at("bert"), input: at("passages.jsonl"), shards: 2, normalize: true, threads: 1 };
  const whole = await run("embed", config, "whole", { partition: "2/2" });
  expect(whole.partitions).toEqual(["1/2", "2/2"]);
  expect(whole.manifest.checks.map(({ name, passed }) => [name, passed])).toEqual([
    ["count_matches", true],
    ["unit_norm", true],
  ]);
  const { tensors } = openSafetensors(fileOf("whole", whole, "embeddings.safetensors"));
  expect(tensors.get("embeddings")!.shape[0]).toBe(300);
  const ids = readFileSync(fileOf("whole", whole, "rows.jsonl"), "utf8")
    .trim()
    .split("\n");
  expect([ids[0], ids.at(-1)]).toEqual(['{"id":300,"row":300}', '{"id":599,"row":599}']);
  const stopped = run("embed", config, "stopped", { partition: "2/2", stopAfter: 1 });
  await expect(stopped).rejects.toMatchObject({ code: "interrupted" });
  const resumed = await run("embed", config, "stopped", { partition: "2/2" });
  expect(resumed.events).toContainEqual(
    expect.objectContaining({ event: "log", message: expect.stringContaining("going on") }),
  );
  expect(resumed.manifest.outputHash).toBe(whole.manifest.outputHash);
  expect((await run("embed", { ...config, threads: 2 }, "whole", { partition: "2/2" })).cached).toBe(true);
});

test("tune: a grid of methods and seeds; the same point gives the same adapter", async () => {
  const config = {
    model: at("bert"),
    data: at("labelled.jsonl"),
    method: ["head", "lora"],
    seed: [0, 1],
    steps: 2,
    batch: 4,
    threads: 1,
  };
  const one = await run("tune", config, "tune");
  expect(one.partitions).toEqual(["head seed=0", "head seed=1", "lora seed=0", "lora seed=1"]);
  expect(one.manifest.metrics).toMatchObject({ steps: 2, loss: expect.any(Number) });
  // Alone, with the same settings, it is the same point.
  expect((await run("tune", { ...config, method: ["head"], seed: [0] }, "tune")).cached).toBe(true);
  expect((await run("tune", config, "again")).manifest.outputHash).toBe(one.manifest.outputHash);
});

test("train: a configuration to a model folder; where its files lie does not matter", async () => {
  const one = await run("train", { config: at("train.json") }, "train");
  expect(one.manifest.files.map(({ path }) => path)).toEqual(
    expect.arrayContaining(["config.json", "model.safetensors"]),
  );
  expect(one.manifest.metrics).toMatchObject({ steps: 2 });
  mkdirSync(at("elsewhere"));
  for (const name of ["train.json", "pairs.jsonl"]) writeFileSync(join(at("elsewhere"), name), readFileSync(at(name)));
  expect((await run("train", { config: join(at("elsewhere"), "train.json") }, "train")).cached).toBe(true);
});

test("index and generate: documents counted, a row that cannot be done is an error in its place", async () => {
  const index = await run("index", { paths: [at("notes")] }, "index");
  expect(index.manifest.metrics).toEqual({ documents: 1, chunks: 1 });
  lines("mixed.jsonl", [{ id: "a", prompt: "Is snow cold?" }, { id: "b" }]);
  const made = await run("generate", { input: at("mixed.jsonl"), maxNewTokens: 2, threads: 1 }, "generate");
  const rows = readFileSync(fileOf("generate", made, "answers.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as object);
  expect(rows).toMatchObject([
    { id: "a", finish: expect.any(String) },
    { id: "b", error: { code: "bad_input" } },
  ]);
  expect(made.manifest.checks).toMatchObject([{ name: "all_answered", passed: false, about: "1 of 2 rows failed" }]);
});

test("digest: a month of a store, the same when later papers come; a file of metadata; an edit makes another", async () => {
  const paper = (month: string, n: number) =>
    snapshotLine({
      ...{ id: `${month.slice(2).replace("-", "")}.${10_000 + n}`, day: `${month}-${10 + n}` },
      title: `Study ${n} of trees`,
      abstract: `We show that tree ${n} grows. It gains ${n} leaves. The rest is small.`,
    });
  const months = ["2021-10", "2021-11", "2021-12"];
  const all = months.map((month) => Array.from({ length: 9 }, (_, n) => paper(month, n)));
  writeFileSync(at("early.jsonl"), `${all.slice(0, 2).flat().join("\n")}\n`);
  writeFileSync(at("late.jsonl"), `${all.flat().join("\n")}\n`);
  const papers = at("papers.db");
  await ingestFile({ store: papers, source: "jsonl", path: at("early.jsonl") });
  const config = { papers, group: "cs.CL", top: 3 };
  const one = await run("digest", { ...config, month: ["2021-10"] }, "digest", { partition: "2021-10" });
  expect(one.partitions).toEqual(["2021-10"]);
  expect(one.manifest.metrics).toEqual({ papers: 3, candidates: 9, replaced: 0 });
  expect(one.manifest.checks.map(({ name, passed }) => [name, passed])).toEqual([
    ["sources_fresh", true],
    ["provenance_complete", true],
  ]);
  expect(readFileSync(fileOf("digest", one, "digest.md"), "utf8")).toMatch(/^# Best in cs\.CL: October 2021/);
  await ingestFile({ store: papers, source: "jsonl", path: at("late.jsonl") });
  // As an orchestrator calls it; and of all whole months.
  const again = await run("digest", { ...config, month: ["2021-10"] }, "digest", { partition: "2021-10" });
  expect([again.cached, again.partitions]).toEqual([true, ["2021-10"]]);
  const file = await run("digest", { ...config, papers: at("late.jsonl") }, "digest", { partition: "2021-10" });
  expect([file.cached, file.partitions]).toEqual([true, ["2021-10", "2021-11"]]);
  const store = openStore(papers);
  const made = digestSchema.parse(JSON.parse(readFileSync(fileOf("digest", one, "digest.json"), "utf8")));
  keepDigest(store, made, { ...noEdits(made), drop: [made.items[0]!.id] });
  store.close();
  const edited = await run("digest", config, "digest", { partition: "2021-10" });
  expect(edited.cached).toBe(false);
  const now = JSON.parse(readFileSync(fileOf("digest", edited, "digest.json"), "utf8"));
  expect(now.items.map(({ id }: { id: string }) => id)).not.toContain(made.items[0]!.id);
  await expect(run("digest", { ...config, month: ["2021-13"] }, "digest")).rejects.toMatchObject({ code: "wrong_use" });
});

test("summarize: a book a partition, sentences traced, the same wherever the book lies", async () => {
  mkdirSync(at("shelf"));
  const text = (of: string) =>
    Array.from({ length: 60 }, (_, i) => `In year ${i} the ${of} stood by the river. Nobody moved it.`).join("\n\n");
  writeFileSync(join(at("shelf"), "mill.txt"), text("mill"));
  writeFileSync(join(at("shelf"), "barn.txt"), text("barn"));
  const config = { books: [at("shelf")], rule: "extractive", leafTokens: 100 };
  const one = await run("summarize", config, "books", { partition: "mill.txt" });
  expect(one.partitions).toEqual(["barn.txt", "mill.txt"]);
  expect(one.manifest.metrics.sentences).toBeGreaterThan(0);
  expect(one.manifest.metrics.traced).toBe(one.manifest.metrics.sentences);
  expect(one.manifest.checks.map(({ name, passed }) => [name, passed])).toEqual([
    ["provenance_complete", true],
    ["length_ok", true],
  ]);
  mkdirSync(at("other"));
  writeFileSync(join(at("other"), "mill.txt"), text("mill"));
  const moved = await run("summarize", { ...config, books: [join(at("other"), "mill.txt")] }, "books");
  expect(moved.cached).toBe(true);
  const stopped = run("summarize", config, "stopped", { partition: "mill.txt", stopAfter: 2 });
  await expect(stopped).rejects.toMatchObject({ code: "interrupted" });
  const resumed = await run("summarize", config, "stopped", { partition: "mill.txt" });
  expect(resumed.manifest.outputHash).toBe(one.manifest.outputHash);
  expect(() => readFileSync(fileOf("stopped", resumed, "summary.md"), "utf8")).not.toThrow();
});
