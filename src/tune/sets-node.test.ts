/** Several tasks over one prefix, other starts and other measures. */
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fixtures } from "../../test/support/fixtures.ts";
import { openModelFolder, openTokenizer } from "../folders/open-node.ts";
import type { NdArray } from "../graph/array.ts";
import type { Evaluation } from "../learn/fit/fit.ts";
import { compile } from "../runtime/compile-node.ts";
import { readAdapterFiles } from "../text/adapters/files-node.ts";
import { readBase } from "../text/adapters/read.ts";
import { openEncoder } from "../text/open-node.ts";
import { tune } from "./folder-node.ts";
import { writtenScores } from "./live.ts";
import { parseTuneOptions, type TuneInput } from "./options.ts";
import { namesOf } from "./sets.ts";
import { observedStarts } from "./starts.ts";

const folder = mkdtempSync(join(tmpdir(), "tune-sets-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const bert = join(fixtures, "readers/mean");

let made = 0;
function written(name: string, rows: readonly object[]): string {
  const path = join(folder, `${name}.jsonl`);
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
}
const quick = { epochs: 4, batch: 8, dropout: 0, threads: 1, seed: 3, init: "normal(0.3)" } as const;
const run = (
  given: TuneInput,
  files: Omit<Parameters<typeof tune>[0], "out" | "model"> & { model?: string },
  told: Evaluation[] = [],
) =>
  tune(
    { model: bert, out: join(folder, `out-${++made}`), ...files },
    parseTuneOptions({ ...quick, ...given } as TuneInput),
    { events: { evaluated: (row) => void told.push(row) } },
  );

const texts = ["the bread was warm", "snow is white", "the house burnt down", "salt, not bread"];
const warmth = written(
  "warmth",
  Array.from({ length: 16 }, (_, i) => ({ text: texts[i % 4], label: i % 4 === 0 ? "warm" : "cold" })),
);
const topics = written(
  "topics",
  Array.from({ length: 18 }, (_, i) => ({ text: texts[i % 4], label: ["food", "weather", "fire", "food"][i % 4] })),
);
const tensors = (path: string) => readAdapterFiles(path).tensors;
const numbers = (path: string, name: string) => Array.from(tensors(path).get(name)!.data as Float32Array);

test("one prefix for two tasks, a head and a folder for each, and on from there", async () => {
  const told: Evaluation[] = [];
  const given = { method: "p-tuning-v2", length: 3, epochs: 40, lr: 0.1 } as const;
  const tuned = await run(given, { data: warmth, more: [{ data: topics }] }, told);
  expect(tuned.parts).toEqual([join(tuned.adapter, "warmth"), join(tuned.adapter, "topics")]);
  expect(Object.keys(told[0]!.more)).toEqual(["warmth", "topics"]);
  expect(told.at(-1)!.value).toBeCloseTo((told.at(-1)!.more.warmth! + told.at(-1)!.more.topics!) / 2, 9);
  const [first, second] = tuned.parts as [string, string];
  expect(numbers(first, "prompt_embeddings")).toEqual(numbers(second, "prompt_embeddings"));
  for (const [path, labels, label] of [
    [first, ["warm", "cold"], "warm"],
    [second, ["food", "weather", "fire"], "food"],
  ] as const) {
    await using opened = await openEncoder(bert, { adapter: path, threads: 1 });
    expect(opened.encoder.labels).toEqual(labels);
    expect(await opened.encoder.classify!(texts[0]!)).toMatchObject({ label });
    expect(opened.adapter!.warnings).toEqual([]);
  }
  // The second stage: each alone, from what they shared; other classes take no head.
  const alone = await run({ ...given, epochs: 1, lr: 2e-5 }, { data: topics, from: first });
  const near = numbers(alone.adapter, "prompt_embeddings");
  for (const [i, value] of numbers(first, "prompt_embeddings").entries()) expect(near[i]).toBeCloseTo(value, 3);
  expect(tensors(alone.adapter).get("base_model.classifier.weight")!.shape[0]).toBe(3);
});

test("a batch of one task moves no other task's head", async () => {
  const once = (lr: number) =>
    run(
      { method: "p-tuning-v2", length: 3, epochs: undefined, steps: 1, lr, split: 0 },
      { data: warmth, more: [{ data: topics }] },
    );
  const [small, large] = [await once(1e-2), await once(2e-2)];
  const same = ["warmth", "topics"].map((name) => {
    const head = (path: string) => numbers(join(path, name), "base_model.classifier.weight").join();
    return head(small.adapter) === head(large.adapter);
  });
  expect(same.sort()).toEqual([false, true]);
});

test("tasks that are none together, and names of folders", async () => {
  const qa = written("qa", [
    { question: "what ?", context: "the mill", answers: { text: ["mill"], answer_start: [4] } },
  ]);
  await expect(run({ method: "head" }, { data: warmth, more: [{ data: qa }] })).rejects.toThrow(/its rows are for qa/);
  await expect(run({ method: "prefix" }, { data: qa, more: [{ data: qa }] })).rejects.toThrow(/heads tell answers/);
  await expect(run({ method: "full" }, { data: warmth, more: [{ data: topics }] })).rejects.toThrow(/one head/);
  expect(namesOf(["a/x.csv", "b/x.jsonl.gz", "checkpoint-3.tsv", ".hidden", "é.csv"])).toEqual([
    ...["x", "x-2", "task-3", "task-hidden", "-"],
  ]);
});

test("virtual tokens that start as the means of the words of the classes", async () => {
  const base = readBase(openModelFolder(bert));
  const tokenizer = openTokenizer(openModelFolder(bert));
  const ids = (text: string) => tokenizer.encode(text, { addSpecialTokens: false }).ids;
  const start = async (options: object) => {
    const found = await observedStarts(
      base,
      base.weights,
      { method: "prompt", length: 4 },
      { init: "labels", seed: 1, ...options },
      tokenizer,
      { compile: (g, weights) => compile(g, { weights, threads: 1 }) },
    );
    const { data } = [...found.values()][0] as NdArray;
    return Array.from({ length: 4 }, (_, i) => Array.from(data.slice(12 * i, 12 * (i + 1)) as Float32Array));
  };
  const words = await start({ init: "text", initText: "snow river mill salt" });
  const labels = await start({ labels: [ids("snow river"), ids("mill")] });
  for (const [i, value] of labels[0]!.entries()) expect(value).toBeCloseTo((words[0]![i]! + words[1]![i]!) / 2, 6);
  for (const [i, value] of labels[1]!.entries()) expect(value).toBeCloseTo(words[2]![i]!, 6);
  expect(labels[2]).not.toEqual(labels[3]);
  await expect(start({})).rejects.toThrow("have no classes");
});

test("answers that are written are judged by every measure, the asked one decides", async () => {
  const { metric, value, more, flat } = writtenScores(
    [
      { wanted: "the mill burnt", said: "the mill burnt" },
      { wanted: "snow", said: "salt" },
    ],
    "rougeL",
  );
  expect([metric, value, flat]).toEqual(["rougeL", 0.5, false]);
  expect(more).toMatchObject({ exact_match: 0.5, f1: 0.5, rouge1: 0.5, rouge2: 0.5 });
  const pairs = written(
    "pairs",
    Array.from({ length: 8 }, (_, i) => ({ prompt: `say ${i % 2 ? "yes" : "no"}`, target: i % 2 ? "yes" : "no" })),
  );
  const given = { method: "prompt", length: 2, steps: 1, epochs: undefined, split: 0.25, lr: 0.3 } as const;
  const lester = { optimizer: "adafactor", factored: false, zLoss: 1e-4, init: "labels", weightDecay: 1e-5 } as const;
  const tuned = await run({ ...given, ...lester, metric: "rougeL" }, { model: "zeroth-nano", data: pairs });
  expect(tuned.best).toMatchObject({ metric: "rougeL" });
  expect(Object.keys(tuned.best!.more)).toEqual(
    expect.arrayContaining(["bleu", "rouge1", "rouge2", "exact_match", "f1", "log_likelihood"]),
  );
  await expect(run({ method: "head", metric: "bleu" }, { data: warmth })).rejects.toThrow("judged by its head");
});

test("to go on from a broken adapter, or from one of another model, is an error that names it", async () => {
  const tuned = await run({ method: "p-tuning-v2", length: 3, epochs: 1 }, { data: warmth });
  const broken = join(folder, "broken");
  cpSync(tuned.adapter, broken, { recursive: true });
  const file = join(broken, "adapter_model.safetensors");
  truncateSync(file, readFileSync(file).length - 3);
  const given = { method: "p-tuning-v2", length: 3, epochs: 1 } as const;
  await expect(run(given, { data: warmth, from: broken })).rejects.toMatchObject({ code: "corrupt_file" });
  const other = join(fixtures, "adapters/bert-prefix");
  await expect(run(given, { data: warmth, from: other })).rejects.toThrow(
    /num_layers|token_dim|made for another model/,
  );
  await expect(openEncoder(bert, { adapter: broken })).rejects.toMatchObject({ code: "corrupt_file" });
});
