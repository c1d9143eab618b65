/** Files of fine-tuning that are not in order: what is told, by which field and of which row. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fixtures } from "../../../test/support/fixtures.ts";
import { ZerothError } from "../../errors.ts";
import { findModel } from "../../hub/find-node.ts";
import { lookAtFiles } from "./tuning-check-node.ts";
import { metricRows, metricsAt, resultsCsv, tokensOf } from "./tuning-csv.ts";
import { failureOf } from "./tuning-failure.ts";
import { type AskedTuning, chooseOptions, inFields } from "./tuning-options.ts";

const folder = mkdtempSync(join(tmpdir(), "tuning-check-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bert = join(fixtures, "readers/mean");
const nano = findModel("zeroth-nano").path;
const asked: AskedTuning = { hyperparameters: {}, tuning: { length: 3 } };

const rows = Array.from({ length: 20 }, (_, i) => ({ text: `the mill ${i}`, label: i % 2 ? "yes" : "no" }));
const says = (user: string, assistant: string) => ({
  messages: [
    { role: "user", content: user },
    { role: "assistant", content: assistant },
  ],
});

let count = 0;
const written = (given: readonly unknown[] | string, ending = "jsonl"): string => {
  const path = join(folder, `${count++}.${ending}`);
  writeFileSync(path, typeof given === "string" ? given : given.map((row) => JSON.stringify(row)).join("\n"));
  return path;
};

async function look(
  model: string,
  training: readonly unknown[] | string,
  { held, more = {}, ending }: { held?: readonly unknown[]; more?: Partial<AskedTuning>; ending?: string } = {},
) {
  const start = {
    model: { path: model, name: "the/model" },
    training: { path: written(training, ending), name: "Mine.jsonl" },
    validation: held && { path: written(held), name: "Held.jsonl" },
    work: { stage: "files", asked: { ...asked, ...more }, seed: 1, threads: 1 },
  } as const;
  try {
    return await lookAtFiles(start);
  } catch (error) {
    const failure = failureOf(error, start) ?? expect.fail(String(error));
    expect(failure.message).not.toContain(folder);
    expect(failure.message).not.toContain(model);
    return failure;
  }
}

describe("what is wrong with a file is said with its field, row and name", () => {
  test.each<[string, string, readonly unknown[] | string, object]>([
    [
      "one class",
      bert,
      rows.map(({ text }) => ({ text, label: "no" })),
      { message: expect.stringContaining("same label") },
    ],
    [
      "an empty text",
      bert,
      [...rows, { text: " ", label: "no" }],
      { row: 21, message: expect.stringContaining('"text" is empty') },
    ],
    ["no label", bert, [...rows, { text: "snow" }], { row: 21 }],
    ["no task's columns", bert, [{ words: "snow" }], { message: expect.stringContaining("are those of no task") }],
    ["no rows", bert, "\n\n", { message: expect.stringContaining("no rows") }],
    ["a broken line", bert, '{"text":"a","label":"b"}\n{"text":', { row: 2 }],
    ["a line that is no object", bert, '{"text":"a","label":"b"}\n[1]', { row: 2 }],
    [
      "past the window",
      bert,
      [...rows, { text: "the mill ".repeat(300), label: "no" }],
      { code: "row_too_long", row: 21, message: expect.stringContaining("tuning.too_long skip") },
    ],
    [
      "conversations without an answer",
      nano,
      [says("a", "b"), { messages: [{ role: "user", content: "a" }] }],
      { row: 2, message: expect.stringContaining("no message of the assistant") },
    ],
    [
      "an answer first",
      nano,
      [{ messages: [{ role: "assistant", content: "a" }] }],
      { row: 1, message: expect.stringContaining("nothing comes before it") },
    ],
    [
      "an empty answer",
      nano,
      [says("a", "b"), says("a", " ")],
      { row: 2, message: expect.stringContaining("answer is empty") },
    ],
    ["messages that are none", nano, [says("a", "b"), { messages: [] }], { row: 2 }],
    ["a message without a role", nano, [says("a", "b"), { messages: [{ content: "a" }] }], { row: 2 }],
    [
      "a wrong weight",
      nano,
      [
        {
          messages: [
            { role: "user", content: "a" },
            { role: "assistant", content: "b", weight: 2 },
          ],
        },
      ],
      { row: 1, message: expect.stringContaining("weight") },
    ],
    [
      "only answers of weight 0",
      nano,
      [
        {
          messages: [
            { role: "user", content: "a" },
            { role: "assistant", content: "b", weight: 0 },
          ],
        },
      ],
      { row: 1 },
    ],
    [
      "calls of tools",
      nano,
      [
        {
          messages: [
            { role: "user", content: "a" },
            { role: "assistant", tool_calls: [] },
          ],
        },
      ],
      { row: 1, message: expect.stringContaining("calls of tools") },
    ],
    [
      "a picture",
      nano,
      [
        {
          messages: [
            { role: "user", content: [{ type: "image_url" }] },
            { role: "assistant", content: "b" },
          ],
        },
      ],
      { row: 1 },
    ],
    [
      "plain rows after conversations",
      nano,
      [says("a", "b"), { prompt: "a", completion: "b" }],
      { row: 2, message: expect.stringContaining("no messages") },
    ],
  ])("%s", async (_, model, given, expected) => {
    expect(await look(model, given)).toMatchObject({
      param: "training_file",
      code: "invalid_training_file",
      ...expected,
    });
  });

  test("of the rows that are judged by, and numbers that count those of the file", async () => {
    expect(
      await look(bert, rows, {
        held: [
          { text: "snow", label: "no" },
          { text: "snow", label: "perhaps" },
        ],
      }),
    ).toMatchObject({
      ...{ param: "validation_file", code: "invalid_validation_file", row: 2 },
      message: expect.stringContaining('"perhaps" is none of the 2 labels'),
    });
    // Others are held out, and the row is still the file's twentieth.
    const late = [...rows.slice(0, 19), { text: "", label: "yes" }];
    expect(await look(bert, late, { more: { tuning: { length: 3, split: 0.5 } } })).toMatchObject({ row: 20 });
  });

  test("what the model cannot do, and what does not go together", async () => {
    expect(await look(nano, rows)).toMatchObject({
      param: "model",
      message: expect.stringContaining("let it write the answer"),
    });
    expect(await look(bert, [says("a", "b")])).toMatchObject({ param: "model" });
    const lora = { tuning: { method: "lora", length: 3 } } as const;
    expect(await look(bert, rows, { more: lora })).toMatchObject({
      ...{ param: "tuning", code: "invalid_hyperparameters" },
      message: expect.stringContaining("tuning.length"),
    });
  });
});

test("a loss that is no number, and what another try may mend", () => {
  const files = { training: { path: "/t", name: "t" }, validation: undefined };
  const diverged = new ZerothError("bad_input", "the loss of step 3 is NaN", {
    hint: "lower the learning rate (now 1)",
  });
  expect(failureOf(diverged, files)).toEqual({
    ...{ code: "training_diverged", param: "tuning" },
    message: "the loss of step 3 is NaN (lower the learning rate (now 1))",
  });
  for (const code of ["storage_failed", "out_of_memory", "engine_failed", "interrupted"] as const) {
    expect(failureOf(new ZerothError(code, "away"), files)).toBeUndefined();
  }
  expect(failureOf(new TypeError("a fault of ours"), files)).toBeUndefined();
});

test("rows as people have them: conversations, completions, tables", async () => {
  const talk = {
    messages: [
      { role: "system", content: "be brief" },
      { role: "user", content: "a" },
      { role: "assistant", content: "b" },
      { role: "user", content: [{ type: "text", text: "c" }] },
      { role: "assistant", content: "d", weight: 1 },
      { role: "user", content: "e" },
      { role: "assistant", content: "f", weight: 0 },
    ],
  };
  // Every answer with a weight is learnt.
  expect(await look(nano, [talk, says("a", "b")])).toMatchObject({ chosen: { rows: 3, task: "seq2seq" } });
  expect(await look(nano, [{ prompt: "a", completion: "b" }])).toMatchObject({ chosen: { rows: 1, task: "seq2seq" } });
  expect(await look(bert, "text,label\nthe mill,yes\nsnow,no\n", { ending: "csv" })).toMatchObject({
    chosen: { rows: 2, task: "seq-cls", labels: ["yes", "no"] },
  });
  const words = [{ tokens: ["the", "mill"], tags: ["O", "B-X"] }];
  expect(await look(bert, words)).toMatchObject({ chosen: { task: "token-cls", labels: ["O", "B-X"] } });
});

test("what nobody says is chosen by the number of rows", () => {
  const chosen = (count: number) => chooseOptions(asked, count, 1, undefined).hyperparameters;
  expect(chosen(8)).toEqual({ n_epochs: 50, batch_size: 2, learning_rate_multiplier: 1 });
  expect(chosen(300)).toEqual({ n_epochs: 11, batch_size: 16, learning_rate_multiplier: 1 });
  expect(chosen(50_000)).toEqual({ n_epochs: 3, batch_size: 32, learning_rate_multiplier: 1 });
  const { options } = chooseOptions(
    {
      hyperparameters: { learning_rate_multiplier: 2, batch_size: "auto" },
      tuning: { method: "lora", rank: 4, init_text: "x", warmup_steps: 5, eval_every: 7 },
    },
    64,
    9,
    2,
  );
  expect(options).toMatchObject({
    method: "lora",
    rank: 4,
    lr: 2e-3,
    initText: "x",
    warmup: 5,
    evalEvery: 7,
    seed: 9,
    threads: 2,
    split: 0,
  });
  expect(inFields("give --eval FILE, or --split 0.1; lower --lr")).toBe(
    "give validation_file FILE, or tuning.split 0.1; lower tuning.learning_rate",
  );
});

test("a run's numbers as a table, a row a step", () => {
  const rows = metricRows(
    [
      '{"step":1,"loss":0.5,"lr":0.1,"tokens":7,"seconds":9,"grad_norm":1}',
      '{"step":2,"loss":0.25,"lr":0.05,"tokens":8,"seconds":3,"grad_norm":1}',
      '{"step":2,"eval_accuracy":0.75,"macro_f1":0.7,"eval_loss":2}',
      "",
    ].join("\n"),
  );
  expect(resultsCsv(rows)).toBe(
    "step,train_loss,learning_rate,tokens,valid_accuracy,valid_macro_f1,valid_loss\n1,0.5,0.1,7,,,\n2,0.25,0.05,8,0.75,0.7,2\n",
  );
  expect(metricsAt(rows, 2)).toEqual({
    step: 2,
    train_loss: 0.25,
    valid_accuracy: 0.75,
    valid_macro_f1: 0.7,
    valid_loss: 2,
  });
  expect(tokensOf(rows)).toBe(15);
});
