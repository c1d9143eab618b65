/** Each job over a tiny model: done, found again, and the same after a stop. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyBert } from "../../../test/support/models/tiny-models.ts";
import type { JsonObject } from "../../base/json.ts";
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
