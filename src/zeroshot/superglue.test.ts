/** SuperGLUE's metrics on cases worked out by hand. */
import { expect, test } from "vitest";
import { rowFromObject } from "../data/values.ts";
import type { RankedResult, TemplateResult } from "./evaluate.ts";
import { superGlueResult, superGlueScore, superGlueTasks } from "./superglue.ts";
import type { TaskResult } from "./tasks.ts";

const choices = ["entailment", "contradiction", "neutral"];
const ranked = (pairs: readonly (readonly [gold: number, predicted: number])[], texts = choices): RankedResult[] =>
  pairs.map(([gold, predicted], index) => ({
    index,
    gold,
    predicted,
    target: texts[gold]!,
    choices: texts,
    sums: [],
    tokens: [],
    confidence: 1,
  }));

function taskResult(templates: readonly { results: readonly RankedResult[]; skipped?: number }[]): TaskResult {
  const made = templates.map(
    ({ results, skipped = 0 }, i): TemplateResult => ({
      template: `template ${i}`,
      metric: "accuracy",
      value: 0,
      stderr: 0,
      interval: { low: 0, high: 0, stderr: 0 },
      n: results.length,
      skipped,
      cut: 0,
      chance: 0.5,
      majority: 0.5,
      metrics: {},
      warnings: [],
      ranked: { results, bins: [], ece: 0 },
    }),
  );
  return { task: "t", dataset: "t", templates: made, aggregates: [] };
}
const task = (name: string) => superGlueTasks.find((one) => one.name === name)!;
const empty = Array.from({ length: 10 }, () => rowFromObject({}));

test("CB: the mean of accuracy and macro F1", () => {
  // F1: class 0 has 2·2/(2+3), class 1 has 2·1/(2+1), class 2 is whole.
  const results = ranked([
    [0, 0],
    [0, 0],
    [1, 1],
    [1, 0],
    [2, 2],
  ]);
  const { metrics, score } = superGlueScore(task("cb"), taskResult([{ results }]), empty);
  const f1 = (4 / 5 + 2 / 3 + 1) / 3;
  expect(metrics).toEqual({ accuracy: 0.8, f1: expect.closeTo(f1, 12) });
  expect(score).toBeCloseTo((0.8 + f1) / 2, 12);
});

test("MultiRC: F1 over all answers, and questions that are right in every answer", () => {
  const rows = [
    { label: 1, idx: { paragraph: 0, question: 0 } },
    { label: 0, idx: { paragraph: 0, question: 0 } },
    { label: 1, idx: { paragraph: 0, question: 1 } },
    { label: 1, idx: { paragraph: 1, question: 0 } },
    { label: 0, idx: { paragraph: 1, question: 0 } },
  ].map(rowFromObject);
  // Of this template's choices the first is the right answer: only the label counts.
  const results = ranked(
    [
      [0, 0],
      [1, 1],
      [0, 1],
      [0, 0],
      [1, 0],
    ],
    ["Yes", "No"],
  );
  const { metrics, score } = superGlueScore(task("multirc"), taskResult([{ results }]), rows);
  // Right answers 0, 2 and 3; said to be 0, 3 and 4. Only the first question is whole.
  expect(metrics).toEqual({ f1a: expect.closeTo(2 / 3, 12), em: expect.closeTo(1 / 3, 12) });
  expect(score).toBeCloseTo(0.5, 12);
});

test("ReCoRD: the best of several right entities", () => {
  const rows = [rowFromObject({ answers: ["Diego Costa", "Costa"] }), rowFromObject({ answers: ["Chelsea"] })];
  const results = ranked(
    [
      [0, 1],
      [2, 0],
    ],
    ["Diego Costa", "the Costa", "Chelsea"],
  );
  const { metrics } = superGlueScore(task("record"), taskResult([{ results }]), rows);
  expect(metrics).toEqual({ f1: 0.5, em: 0.5 });
});

test("medians over the templates that apply to every row; the average names what is missing", () => {
  const [good, bad] = [
    ranked([
      [0, 0],
      [1, 1],
    ]),
    ranked([
      [0, 1],
      [1, 0],
    ]),
  ];
  const half = ranked([
    [0, 0],
    [1, 0],
  ]);
  const result = taskResult([{ results: good }, { results: half }, { results: bad }, { results: good, skipped: 5 }]);
  const rte = superGlueScore(task("rte"), result, empty);
  expect(rte).toEqual({ name: "rte", metrics: { accuracy: 0.5 }, score: 0.5, templates: 3 });
  const copa = superGlueScore(task("copa"), taskResult([{ results: good, skipped: 1 }]), empty);
  expect(copa.templates).toBe(1);
  const all = superGlueResult([copa, rte]);
  expect(all.average).toBe(0.75);
  expect(all.missing).toEqual(["boolq", "cb", "multirc", "record", "wic", "wsc"]);
});
