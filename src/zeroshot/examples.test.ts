/** Rows under templates: columns as templates expect them, what is skipped, and what is an error. */
import { expect, test } from "vitest";
import { type Row, rowFromObject } from "../data/values.ts";
import type { Template } from "../prompts/template.ts";
import { canonicalRows } from "./columns.ts";
import { examplesOf, referencesOf } from "./examples.ts";
import { isTaskFile, parseTaskFile } from "./task-file.ts";
import { chosenTemplates, templateNames } from "./tasks.ts";

const template = (jinja: string, answerChoices?: string): Template => ({
  id: "id",
  name: "asked",
  jinja,
  ...(answerChoices === undefined ? {} : { answerChoices }),
  metadata: { languages: [], metrics: [] },
  where: "weather.yaml",
});
const rowsOf = (...rows: Record<string, unknown>[]): Row[] => rows.map(rowFromObject);
const weather = template("{{ text }} Dry or wet? ||| {{ answer_choices[label] }}", "dry ||| wet");

test("examples with the place of the right choice; rows a template does not apply to are counted", () => {
  const some = template("{% if label == 1 %}{{ text }} ||| wet{% endif %}", "dry ||| wet");
  const rows = rowsOf({ text: "Rain.", label: 1 }, { text: "Sun.", label: 0 });
  expect(examplesOf(weather, rows).examples).toEqual([
    { index: 0, prompt: "Rain. Dry or wet?", target: "wet", ranked: { choices: ["dry", "wet"], gold: 1 } },
    { index: 1, prompt: "Sun. Dry or wet?", target: "dry", ranked: { choices: ["dry", "wet"], gold: 0 } },
  ]);
  expect(examplesOf(some, rows)).toMatchObject({ skipped: 1, examples: [{ index: 0 }] });
});

test.each([
  [weather, { text: "x", label: -1 }, /row 1: its label is -1/],
  [weather, { text: "x" }, /asks for label; the data has text/],
  [
    template("{{ text }} ||| {{ label }}", "dry ||| wet"),
    { text: "x", label: "damp" },
    /"damp" is none of the choices "dry", "wet"/,
  ],
  [template("{{ text }} ||| dry", "dry"), { text: "x" }, /there is one choice, "dry"/],
  [template("{{ text }} ||| dry", "dry ||| {{ text }} ||| "), { text: "x" }, /one of the choices is empty/],
])("what would make a result wrong is an error: %#", (asked, row, message) => {
  expect(() => examplesOf(asked, rowsOf(row))).toThrow(message);
  expect(() => examplesOf(asked, rowsOf(row))).toThrow("weather.yaml");
});

test("a choice that stands twice is a warning, and the first counts", () => {
  const twice = template("{{ text }} ||| wet", "dry ||| wet ||| wet");
  const { examples, warnings } = examplesOf(twice, rowsOf({ text: "x" }, { text: "y" }));
  expect(examples[0]!.ranked!.gold).toBe(1);
  expect(warnings).toEqual(['row 1: a choice stands twice in "dry", "wet", "wet"; of equal ones the first counts']);
});

test("SuperGLUE's labels become numbers, and nested rows flat; rows that are so already stay", () => {
  const objects = (task: string, ...rows: Record<string, unknown>[]) =>
    canonicalRows(task, rowsOf(...rows)).map((row) => Object.fromEntries(row));
  expect(objects("super_glue/cb", { label: "contradiction" }, { label: 2 })).toEqual([{ label: 1 }, { label: 2 }]);
  expect(objects("super_glue/wic", { label: true })).toEqual([{ label: 1 }]);
  expect(objects("super_glue/wsc.fixed", { text: "t", target: { span1_text: "a" }, label: false })).toEqual([
    { text: "t", span1_text: "a", label: 0 },
  ]);
  const passage = {
    text: "P",
    questions: [
      {
        question: "Q",
        answers: [
          { text: "A", label: 1 },
          { text: "B", label: 0 },
        ],
      },
      { question: "R", answers: [{ text: "C" }] },
    ],
  };
  const flat = canonicalRows("super_glue/multirc", rowsOf({ idx: 7, passage }));
  expect(flat.map((row) => [row.get("question"), row.get("answer"), row.get("label")])).toEqual([
    ["Q", "A", 1],
    ["Q", "B", 0],
    ["R", "C", -1],
  ]);
  expect(flat[1]!.get("idx")).toEqual(
    new Map([
      ["paragraph", 7],
      ["question", 0],
      ["answer", 1],
    ]),
  );
  expect(canonicalRows("super_glue/multirc", flat)).toEqual(flat);
  // "Ann" stands twice in the passage and is one entity.
  const text = "Ann met Tom. Ann left.";
  const entities = [
    { start: 8, end: 10 },
    { start: 0, end: 2 },
    { start: 13, end: 15 },
  ];
  const query = { query: "@placeholder stayed", idx: 4, answers: [{ start: 8, end: 10, text: "Tom" }] };
  const record = objects("super_glue/record", { source: "s", idx: 3, passage: { text, entities }, qas: [query] });
  expect(record).toMatchObject([
    { passage: text, query: "@placeholder stayed", entities: ["Ann", "Tom"], answers: ["Tom"] },
  ]);
  expect(objects("hellaswag", { query: "Cooking: She stirs.", label: 1 })).toEqual([
    { query: "Cooking: She stirs.", label: 1, activity_label: "Cooking", ctx: "She stirs." },
  ]);
});

test("a task of one's own in a few lines", () => {
  const yaml =
    'task: weather\nprompts:\n  short: "{{ text }} Dry or wet?"\n  long: "Was it dry or wet? {{ text }}"\nchoices: [dry, wet]\nlabel: kind\n';
  expect(isTaskFile(yaml)).toBe(true);
  expect(isTaskFile("dataset: x\ntemplates:\n  a: !Template {}\n")).toBe(false);
  const file = parseTaskFile(yaml, "weather.yaml");
  expect(file.templates.map(({ name }) => name)).toEqual(["short", "long"]);
  // A choice, its number, and its number as CSV has it.
  const rows = rowsOf({ text: "Rain.", kind: "wet" }, { text: "Rain.", kind: 1 }, { text: "Rain.", kind: "1" });
  for (const { ranked } of examplesOf(file.templates[1]!, rows).examples) expect(ranked!.gold).toBe(1);
  const json = parseTaskFile('{"task": "louder", "prompts": "{{ a }}?", "answer": "{{ a }}!"}', "louder.json");
  expect(examplesOf(json.templates[0]!, rowsOf({ a: 1 })).examples).toMatchObject([
    { index: 0, prompt: "1?", target: "1!" },
  ]);
  expect(() => parseTaskFile("task: x\nprompts: y\n", "x.yaml")).toThrow(/x.yaml: needs label/);
  expect(() => parseTaskFile("task: x\nprompt: y\nlabel: z\n", "x.yaml")).toThrow(/x.yaml: /);
});

test("templates by name, also names with commas", () => {
  const named = ["true, false", "suppose", "because, so"].map((name) => ({ ...weather, name }));
  const file = { dataset: "d", templates: named };
  expect(templateNames("suppose,true, false", file)).toEqual(["suppose", "true, false"]);
  expect(templateNames("nothing, suppose", file)).toEqual(["nothing", "suppose"]);
  expect(() => chosenTemplates(file, ["supose"], () => "suppose")).toThrow(/no template "supose"/);
  expect(chosenTemplates(file, "original", () => undefined)).toHaveLength(3);
});

test("a written answer may be said in every way the data accepts", () => {
  const [trivia, squad, web, alone, plain] = rowsOf(
    { answer: "THE BILL", aliases: ["The Bill", "Sun Hill"] },
    { answers: { text: ["in 1903", "1903"], answer_start: [4, 7] } },
    { answers: ["Padmé Amidala", "Amidala"] },
    { answers: ["a question's answer"] },
    { text: "t" },
  );
  expect(referencesOf(trivia!, "THE BILL")).toEqual(["THE BILL", "The Bill", "Sun Hill"]);
  expect(referencesOf(squad!, "1903")).toEqual(["1903", "in 1903"]);
  expect(referencesOf(web!, "Amidala")).toEqual(["Amidala", "Padmé Amidala"]);
  // A template that turns the task around asks for something else.
  expect(referencesOf(alone!, "Who?")).toEqual(["Who?"]);
  expect(referencesOf(plain!, "t")).toEqual(["t"]);
});
