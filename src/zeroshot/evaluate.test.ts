/** An evaluation over a model that answers by rule: values, what is asked of it, what is kept, what an interrupt leaves. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bytes, fakeModel } from "../../test/support/fake-text.ts";
import { rowFromObject } from "../data/values.ts";
import type { ModelFolder } from "../folders/open-node.ts";
import type { Template } from "../prompts/template.ts";
import { textModel } from "../text/model.ts";
import { evaluateTemplate, type TemplateOptions } from "./evaluate.ts";
import { memoryStore } from "./scoring.ts";
import { diskStore } from "./store-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-eval-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "config.json"), "{}");

/** Says "wet" where the prompt has an r, else "dry". */
function subject() {
  const asked: string[] = [];
  const { model } = fakeModel((ids) => [...bytes.encode(bytes.decode(ids).includes("r") ? "wet" : "dry").ids], {
    onEncode: (prompts) => asked.push(...prompts.map((ids) => bytes.decode(ids))),
  });
  return { text: textModel({ model, tokenizer: bytes }), tokenizer: bytes, asked };
}

const template: Template = {
  id: "id",
  name: "asked",
  jinja: "{{ text }}? ||| {{ answer_choices[label] }}",
  answerChoices: "dry ||| wet",
  metadata: { languages: [], metrics: [] },
  where: "weather.yaml",
};
const rows = Array.from({ length: 150 }, (_, i) =>
  rowFromObject({ text: `${i % 3 === 0 ? "rain" : "sun"} ${i}`, label: Number(i % 2 === 0) }),
);
const defaults: Omit<TemplateOptions, "store"> = {
  normalize: "sum",
  nullPrompt: "",
  seed: 0,
  promptEnd: false,
  eos: true,
  delimiter: "",
  window: 64,
  maxNewTokens: 8,
};
const disk = (settings: unknown = null) =>
  diskStore({
    home: folder,
    folder: { path: folder, files: ["config.json"] } as unknown as ModelFolder,
    settings,
    group: "weather\nasked",
  });

test("accuracy with its interval, beside chance and the commonest answer", async () => {
  const result = await evaluateTemplate(subject(), template, rows, { ...defaults, store: memoryStore() });
  const right = rows.filter((_, i) => (i % 3 === 0) === (i % 2 === 0)).length;
  expect(result).toMatchObject({
    metric: "accuracy",
    value: right / 150,
    n: 150,
    skipped: 0,
    chance: 0.5,
    majority: 0.5,
  });
  expect(result.stderr).toBeCloseTo(Math.sqrt((result.value * (1 - result.value)) / 149), 12);
  expect(result.interval.low).toBeLessThan(result.value);
  expect(result.interval.high).toBeGreaterThan(result.value);
  const [first] = result.ranked!.results;
  // "wet" and the end token, each at its place.
  expect(first).toMatchObject({ index: 0, target: "wet", predicted: 1, sums: [-3 - 3 - 3 - 0.5, -2], tokens: [4, 4] });
});

test("prompts have no end token unless asked for, and are cut at the window with a count", async () => {
  const one = subject();
  const long = [rowFromObject({ text: "s".repeat(100), label: 0 }), rowFromObject({ text: "sun", label: 0 })];
  const result = await evaluateTemplate(one, template, long, { ...defaults, store: memoryStore() });
  expect(result.cut).toBe(1);
  expect(one.asked.map(({ length }) => length).sort((a, b) => a - b)).toEqual([4, 64]);
  const choice = { ...template, answerChoices: `dry ||| ${"w".repeat(70)}` };
  await expect(evaluateTemplate(subject(), choice, long, { ...defaults, store: memoryStore() })).rejects.toThrow(
    /weather.yaml.*row 1: the choice "w+"… has 70 tokens, the limit is 64/,
  );
});

test("unconditional scores ask the null prompt once a set of choices", async () => {
  const one = subject();
  const options = { ...defaults, normalize: "unconditional", nullPrompt: "r", store: memoryStore() } as const;
  const result = await evaluateTemplate(one, template, rows.slice(0, 4), options);
  expect(one.asked.filter((prompt) => prompt === "r")).toHaveLength(1);
  expect(result.ranked!.results[0]).toMatchObject({ unconditional: [-9.5, -2] });
});

test("an interrupted evaluation goes on where it was, and a repeated one asks nothing", async () => {
  const controller = new AbortController();
  const first = subject();
  const done: number[] = [];
  const interrupted = evaluateTemplate(first, template, rows, {
    ...defaults,
    store: disk(),
    signal: controller.signal,
    onDone(count) {
      done.push(count);
      if (count >= 64) controller.abort();
    },
  });
  await expect(interrupted).rejects.toMatchObject({ code: "interrupted" });
  expect(done).toEqual([0, 32, 64]);
  expect(first.asked).toHaveLength(64);
  const second = subject();
  const resumed = await evaluateTemplate(second, template, rows, { ...defaults, store: disk() });
  expect(second.asked).toHaveLength(150 - 64);
  expect(second.asked.some((prompt) => first.asked.includes(prompt))).toBe(false);
  const whole = await evaluateTemplate(subject(), template, rows, { ...defaults, store: memoryStore() });
  expect(resumed).toEqual(whole);
  const third = subject();
  expect(await evaluateTemplate(third, template, rows, { ...defaults, store: disk() })).toEqual(whole);
  expect(third.asked).toEqual([]);
  // Another setting, another template text: asked anew.
  const fourth = subject();
  await evaluateTemplate(fourth, template, rows.slice(0, 2), { ...defaults, store: disk("bf16") });
  await evaluateTemplate(fourth, { ...template, jinja: `So: ${template.jinja}` }, rows.slice(0, 2), {
    ...defaults,
    store: disk(),
  });
  expect(fourth.asked).toHaveLength(4);
});

test("a block that was damaged counts as not there", async () => {
  const setups = join(folder, "evaluations");
  const places = readdirSync(setups, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const { name, parentPath, path } of places as ((typeof places)[number] & { path?: string })[]) {
    const file = join(parentPath ?? path, name);
    writeFileSync(file, readFileSync(file, "utf8").replace("-", "-1"));
  }
  const one = subject();
  await evaluateTemplate(one, template, rows.slice(0, 5), { ...defaults, store: disk() });
  expect(one.asked).toHaveLength(5);
});

test("without choices the answer is written and compared by the template's metric", async () => {
  const { id, name, where } = template;
  const jinja = "{{ text }} ||| {{ 'wet' if label == 1 else 'dry' }}";
  const written: Template = { id, name, where, jinja, metadata: { languages: [], metrics: ["Trivia QA"] } };
  const result = await evaluateTemplate(subject(), written, rows, { ...defaults, store: memoryStore() });
  const right = rows.filter((_, i) => (i % 3 === 0) === (i % 2 === 0)).length;
  expect(result).toMatchObject({ metric: "exact_match", value: right / 150, chance: 0, majority: 0.5 });
  expect(result.written![0]).toEqual({ index: 0, target: "wet", references: ["wet"], answer: "wet" });
  expect(result.metrics.f1).toBe(result.value);
  // Where either word is accepted, either is right.
  const both = rows.map((row) => new Map([...row, ["answers", ["Dry.", "wet"]]]));
  expect((await evaluateTemplate(subject(), written, both, { ...defaults, store: memoryStore() })).value).toBe(1);
  const bleu = { ...written, metadata: { languages: [], metrics: ["BLEU"] } };
  expect(await evaluateTemplate(subject(), bleu, rows, { ...defaults, store: memoryStore() })).toMatchObject({
    metric: "bleu",
    value: 0,
  });
});

test("no rows, and a template that applies to none", async () => {
  const store = memoryStore();
  await expect(evaluateTemplate(subject(), template, [], { ...defaults, store })).rejects.toThrow(/there are no rows/);
  const never = { ...template, jinja: "{% if label == 9 %}{{ text }} ||| dry{% endif %}" };
  await expect(evaluateTemplate(subject(), never, rows, { ...defaults, store })).rejects.toThrow(
    /applies to none of the 150 rows/,
  );
});
