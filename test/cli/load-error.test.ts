/** A model without one of its tensors: every command that runs it names the tensor, none hides it behind another error. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { float32 } from "../../src/graph/array.ts";
import { writeSafetensors } from "../../src/weights/safetensors-node.ts";
import { runIn } from "../support/cli.ts";
import { fixtures, readFloats, readTensors } from "../support/fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-load-error-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let missing: string;

beforeAll(async () => {
  cpSync(join(fixtures, "rank"), join(folder, "model"), { recursive: true });
  const tensors = readTensors("rank", "model.safetensors");
  missing = [...tensors.keys()].find((name) => /^encoder\.block\.0\..*\.wo\.weight$/.test(name))!;
  const others = [...tensors].filter(([name]) => name !== missing);
  await writeSafetensors(
    join(folder, "model", "model.safetensors"),
    others.map(([name, tensor]) => [name, float32([...tensor.shape], readFloats(tensor))] as const),
  );
  writeFileSync(join(folder, "pairs.jsonl"), `${JSON.stringify({ prompt: "a", target: "b" })}\n`);
  const training = { model: "./model", data: { train: "pairs.jsonl" }, batch: 1, steps: 1, out: "run" };
  writeFileSync(join(folder, "train.json"), JSON.stringify(training));
  writeFileSync(join(folder, "news.jsonl"), `${JSON.stringify({ text: "news", label: 0 })}\n`);
});

test.each([
  ["generate", "hi", "--model", "./model"],
  ["generate", "hi", "--model", "./model", "--num-beams", "2"],
  ["generate", "hi", "--model", "./model", "--choices", "a,b"],
  ["score", "hi", "--model", "./model", "--choices", "a,b"],
  ["eval", "--model", "./model", "--task", "ag_news", "--data", "news.jsonl"],
  ["bench", "./model"],
  ["export", "./model", "--format", "onnx", "--out", "out"],
  ["export", "./model", "--format", "safetensors", "--out", "out"],
  ["quantize", "./model", "--dtype", "int8", "--out", "out"],
  ["inspect", "./model"],
  ["train", "--config", "train.json"],
])("zeroth %s %s", (...args) => {
  const plain = runIn(folder)(args);
  expect([plain.status, plain.stderr]).toEqual([1, expect.stringContaining(missing)]);
  expect(plain.stderr).not.toMatch(/suppressed|bug/);
  const { status, stderr } = runIn(folder)([...args, "--json"]);
  expect(status).toBe(1);
  const { error } = JSON.parse(stderr.trimEnd().split("\n").at(-1)!);
  expect(error).toMatchObject({ code: "corrupt_file", message: expect.stringContaining(missing) });
});
