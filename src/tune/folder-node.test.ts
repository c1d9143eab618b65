/** Tuning small models on small files: what is learnt is written, opens again, and says the same. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fixtures } from "../../test/support/fixtures.ts";
import type { Evaluation } from "../learn/fit/fit.ts";
import { openEncoder, openLanguageModel } from "../text/open-node.ts";
import { type TuneFolderRun, tune } from "./folder-node.ts";
import type { Sample } from "./live.ts";
import { parseTuneOptions, type TuneInput } from "./options.ts";

const folder = mkdtempSync(join(tmpdir(), "tune-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bert = join(fixtures, "readers/mean");
const tagger = join(fixtures, "readers/tags");

let files = 0;
const written = (rows: readonly object[]): string => {
  const path = join(folder, `rows-${++files}.jsonl`);
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
};
const out = () => join(folder, `out-${++files}`);

const warm = ["the bread was warm", "snow is white", "ada lives near the river", "the old mill rose again"];
const cold = ["the house burnt down", "salt, not bread", "when the mill was cold", "the river was not white"];
const rows = Array.from({ length: 32 }, (_, i) => ({
  text: `${(i % 2 ? warm : cold)[(i >> 1) % 4]} ${i % 5}`,
  label: i % 2 ? "yes" : "no",
}));
const data = written(rows);

const quick = { epochs: 4, batch: 8, dropout: 0, threads: 1, seed: 3, init: "normal(0.3)" } as const;

const run = (given: TuneInput, more: Partial<Parameters<typeof tune>[0]> = {}, events: TuneFolderRun = {}) =>
  tune({ model: bert, data, out: out(), ...more }, parseTuneOptions({ ...quick, ...given } as TuneInput), events);

describe.each([
  ["p-tuning-v2", { length: 4 }],
  ["p-tuning-v2", { length: 4, projection: 6 }],
  ["prompt", { length: 3 }],
  ["lora", { rank: 2 }],
  ["head", {}],
  ["full", { lr: 1e-3 }],
] as const)("%s %o", (method, more) => {
  test("learns, and the written folder says what the evaluation found", async () => {
    const seen: Evaluation[] = [];
    const tuned = await run({ method, ...more }, {}, { events: { evaluated: (row) => void seen.push(row) } });
    expect(seen.length).toBe(4);
    expect(tuned.best!.value).toBeGreaterThanOrEqual(seen[0]!.value);
    const where = method === "full" ? { name: tuned.adapter } : { name: bert, adapter: tuned.adapter };
    await using opened = await openEncoder(where.name, {
      threads: 1,
      ...(where.adapter && { adapter: where.adapter }),
    });
    expect(opened.encoder.labels).toEqual(["no", "yes"]);
    const texts = rows.map(({ text }) => text);
    const found = await opened.encoder.classifyAll!(texts);
    const right = found.filter((one, i) => "label" in one && one.label === rows[i]!.label).length;
    // Those that were held out are among them.
    expect(right / rows.length).toBeGreaterThanOrEqual(0.5);
    expect(opened.adapter?.warnings ?? []).toEqual([]);
  });
});

// After step 8 everything is evaluated: who stops there finds it done when it goes on.
test.each([6, 8])("the same numbers whether it ran at once or was stopped after step %i and resumed", async (last) => {
  const whole = await run({ method: "p-tuning-v2", length: 3, dropout: 0.1 });
  const target = out();
  const stop = new AbortController();
  const options = { method: "p-tuning-v2", length: 3, dropout: 0.1 } as const;
  await expect(
    run(
      options,
      { out: target },
      { signal: stop.signal, events: { step: ({ step }) => step === last && stop.abort() } },
    ),
  ).rejects.toThrow("stopped on request");
  expect(existsSync(join(target, "adapter_config.json"))).toBe(false);
  await expect(run(options, { out: target })).rejects.toThrow("there is a tuning in this folder already");
  const resumed = await run(options, { out: target }, { resume: true });
  expect(resumed.loss).not.toBeNaN();
  const bytes = (path: string) => readFileSync(join(path, "adapter_model.safetensors"));
  expect(bytes(target).equals(bytes(whole.adapter))).toBe(true);
  expect(resumed.best).toEqual(whole.best);
  const steps = readFileSync(join(target, "metrics.jsonl"), "utf8").trim().split("\n").length;
  expect(steps).toBe(readFileSync(join(whole.adapter, "metrics.jsonl"), "utf8").trim().split("\n").length);
});

test("patience ends it, and a loss that is no number keeps the best adapter", async () => {
  const patient = await run({ method: "head", lr: 1e-6, patience: 2, epochs: 20 });
  expect(patient.stopped).toBe("patience");
  expect(patient.steps).toBeLessThan(20 * 4);
  const warnings: string[] = [];
  const broken = await run(
    { method: "full", lr: 1e18, clip: 0, epochs: 6 },
    {},
    { events: { warned: (text) => void warnings.push(text) } },
  )
    .then((tuned) => tuned.stopped)
    .catch((error: Error) => error.message);
  expect(["diverged", "the loss of step 2 is NaN"]).toContain(broken);
  expect(warnings.join()).toContain("lr");
});

test("tags of words, from a file of words and tags", async () => {
  const file = join(folder, "words.conll");
  const sentence = "Ada B-PER\nlives O\nin O\nBern B-LOC\n. O\n\nthe O\nmill O\nnear O\nthe O\nriver B-LOC\n\n";
  writeFileSync(file, `\uFEFF-DOCSTART- O\r\n\r\n${sentence.repeat(10).replaceAll("\n", "\r\n")}`);
  const tuned = await run(
    { method: "p-tuning-v2", length: 3, epochs: 30, lr: 5e-2, split: 0.2 },
    { model: tagger, data: file },
  );
  expect(tuned.best!.metric).toBe("f1");
  await using opened = await openEncoder(tagger, { adapter: tuned.adapter, threads: 1 });
  const found = await opened.encoder.tag!(["Ada", "lives", "in", "Bern", "."]);
  expect(found.words.map(({ label }) => label)).toEqual(["B-PER", "O", "O", "B-LOC", "O"]);
});

test("answers in passages, and choices", async () => {
  const context = "the mill was built near the river";
  const qa = written(
    Array.from({ length: 10 }, (_, i) => ({
      question: i % 2 ? "what was built?" : "near what?",
      context,
      answers: i % 2 ? { text: ["mill"], answer_start: [4] } : { text: ["river"], answer_start: [28] },
    })),
  );
  const tuned = await run({ method: "p-tuning-v2", length: 4, epochs: 12, lr: 5e-2, split: 0.2 }, { data: qa });
  await using opened = await openEncoder(bert, { adapter: tuned.adapter, threads: 1 });
  expect((await opened.encoder.answer!("what was built?", context)).text).toBe("mill");
  const choices = written(
    Array.from({ length: 12 }, (_, i) => ({
      text: "the mill",
      choices: i % 2 ? ["burnt", "salt"] : ["salt", "burnt"],
      label: i % 2 ? 0 : 1,
    })),
  );
  const chosen = await run({ method: "p-tuning-v2", length: 3, epochs: 10, lr: 3e-2 }, { data: choices });
  await using chooser = await openEncoder(bert, { adapter: chosen.adapter, threads: 1 });
  expect((await chooser.encoder.choose!("the mill", ["salt", "burnt"])).choice).toBe("burnt");
});

test("answers in passages longer than the model reads: windows in training, in judging and in reading", async () => {
  const before = "snow is white . ".repeat(6);
  const qa = written(
    Array.from({ length: 10 }, (_, i) => {
      const context = `${i % 2 ? before : ""}the mill was built ${i % 2 ? "" : before}`;
      return { question: "what ?", context, answers: { text: ["mill"], answer_start: [context.indexOf("mill")] } };
    }),
  );
  const told: { windowed: number; skipped: number }[] = [];
  const given = { method: "p-tuning-v2", length: 4, epochs: 12, lr: 0.2, split: 0.2 } as const;
  const tuned = await run(given, { data: qa }, { events: { started: (info) => void told.push(info) } });
  expect(told).toMatchObject([{ windowed: 10, skipped: 0 }]);
  expect(tuned.best).toMatchObject({ metric: "f1", value: 1, more: { exact_match: 1 } });
  await using opened = await openEncoder(bert, { adapter: tuned.adapter, threads: 1 });
  const passage = `${before}the mill was built`;
  const found = await opened.encoder.answer!("what ?", passage);
  expect(found).toMatchObject({ text: "mill", start: passage.indexOf("mill") });
  await expect(run({ ...given, tooLong: "error" }, { data: qa })).rejects.toThrow(/row \d+ has \d+ tokens, 20 fit/);
});

test("text to text with an encoder-decoder, at every site, and quantised", async () => {
  const pairs = written(
    Array.from({ length: 12 }, (_, i) => ({ prompt: `say ${i % 2 ? "yes" : "no"}`, target: i % 2 ? "yes" : "no" })),
  );
  const given = {
    method: "prefix",
    length: 4,
    sites: ["encoder", "decoder", "cross"],
    epochs: 3,
    split: 0.2,
  } satisfies TuneInput;
  const tuned = await run(given, { model: "zeroth-nano", data: pairs });
  expect(tuned.best!.metric).toBe("log_likelihood");
  await using opened = await openLanguageModel("zeroth-nano", { adapter: tuned.adapter, threads: 1 });
  const { scores } = await opened.text.score("say yes", ["yes", "no"]);
  expect(scores.every(Number.isFinite)).toBe(true);
  const answer = await opened.text.generate("say yes", { maxNewTokens: 4 });
  expect(answer.finish).toBeDefined();
});

test("text judged as classes: the likeliest of the targets; held rows are shown, and enough is enough", async () => {
  const pairs = written(
    rows.slice(0, 16).map(({ text, label }) => ({ prompt: text, target: label === "yes" ? "warm" : "cold" })),
  );
  const enough = new AbortController();
  const seen: (Evaluation & { readonly samples: readonly Sample[] })[] = [];
  const before: number[] = [];
  const given = { method: "p-tuning-v2", length: 3, split: 0.25, lr: 5e-2, metric: "accuracy", epochs: 9 } as const;
  const tuned = await run(
    given,
    { model: "zeroth-nano", data: pairs },
    {
      samples: 2,
      enough: enough.signal,
      before: async (step) => void before.push(step),
      events: {
        evaluated: (row) => void seen.push(row),
        step: ({ step }) => step === 4 && enough.abort(),
      },
    },
  );
  expect([tuned.stopped, tuned.steps, tuned.best!.metric]).toEqual(["enough", 4, "accuracy"]);
  expect(before).toEqual([1, 2, 3, 4]);
  expect(seen.length).toBe(2);
  expect(seen[0]!.more.log_likelihood).toBeLessThan(0);
  const { samples } = seen.at(-1)!;
  expect(samples.map(({ wanted }) => ["warm", "cold"].includes(wanted))).toEqual([true, true]);
  // The written adapter says what the last evaluation heard, where that was the best one.
  await using opened = await openLanguageModel("zeroth-nano", { adapter: tuned.adapter, threads: 1 });
  const { text } = await opened.text.choose(samples[0]!.text, ["warm", "cold"]);
  expect(text).toBe(seen.find(({ step }) => step === tuned.best!.step)!.samples[0]!.said);
  const many = written(rows.flatMap((_, i) => [0, 1, 2, 3].map((j) => ({ prompt: `say ${i}`, target: `${i} ${j}` }))));
  await expect(run(given, { model: "zeroth-nano", data: many })).rejects.toThrow(/different targets/);
});

test("starts read off the frozen model, and goes on from an adapter", async () => {
  const text = await run({ method: "p-tuning-v2", length: 4, init: "text", initText: "the mill was built", epochs: 1 });
  expect(readdirSync(text.adapter)).toContain("adapter_config.json");
  const words = await run({ method: "prompt", length: 4, init: "vocabulary", epochs: 1 });
  const more = await run({ method: "prompt", length: 4, epochs: 1, lr: 1e-4 }, { from: words.adapter });
  expect(more.steps).toBe(4);
  await expect(run({ method: "prompt", length: 6 }, { from: words.adapter })).rejects.toThrow("--from");
});

test.each<[string, readonly object[], RegExp]>([
  ["one class only", rows.map(({ text }) => ({ text, label: "no" })), /all rows have the same label/],
  ["an empty text", [...rows, { text: " ", label: "no" }], /row 33.*"text"/],
  ["a row without a label", [...rows, { text: "snow" }], /row 33 has no label/],
  ["columns of no task", [{ words: "snow" }], /are those of no task/],
  [
    "words and tags that differ",
    [
      { tokens: ["a", "b"], tags: ["O"] },
      { tokens: ["a"], tags: ["B-X"] },
    ],
    /2 words and 1 tags/,
  ],
  [
    "an answer that is not there",
    [{ question: "q", context: "the mill", answers: { text: ["mill"], answer_start: [3] } }],
    /is not what the passage has/,
  ],
  ["a text past the window", [...rows, { text: "the mill ".repeat(300), label: "no" }], /tokens, .* fit/],
])("%s is an error that says where", async (_, bad, expected) => {
  await expect(run({ method: "p-tuning-v2", length: 3, split: 0 }, { data: written(bad) })).rejects.toThrow(expected);
});

test("an evaluation's unknown label, an empty file, and a model that is not there are errors", async () => {
  const other = written([{ text: "snow", label: "perhaps" }]);
  await expect(run({ method: "head" }, { eval: other })).rejects.toThrow('"perhaps" is none of the 2 labels');
  await expect(run({ method: "head" }, { data: written([]) })).rejects.toThrow("no rows");
  await expect(run({ method: "head" }, { model: join(folder, "none") })).rejects.toThrow("no model");
  await expect(run({ method: "head" }, { model: tagger })).rejects.toThrow("pooler");
  expect(() => parseTuneOptions({ method: "lora", length: 3 })).toThrow("lora has none");
});
