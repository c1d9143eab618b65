import { expect, test } from "vitest";
import { parseTrainingConfig } from "./config.ts";

const base = { model: "m", steps: 1, out: "o" };

test.each([
  [{ data: {} }, /data\.train: give train \(files of rows\) or mixture/],
  [{ data: { train: "a.jsonl", mixture: "m.json" } }, /data\.train: give train/],
  [{ data: { mixture: "m.json", validation: "v.jsonl" } }, /data\.validation: a mixture file names/],
  [{ data: { mixture: "m.json" }, objective: "prefix-lm" }, /objective: a mixture gives prompts and targets/],
  [{ data: { train: "a.jsonl" }, pack: "yes" }, /pack: /],
  [{ data: { train: "a.jsonl" }, z_loss: -1 }, /z_loss: /],
  [{ data: { train: "a.jsonl" }, too_long: "trim" }, /too_long: /],
])("%j names its key", (json, message) => {
  expect(() => parseTrainingConfig({ ...base, ...json }, "train.json")).toThrow(message);
});

test("packing, prompts without an end and z-loss are off unless asked for", () => {
  const { pack, prompt_end, z_loss } = parseTrainingConfig({ ...base, data: { mixture: "m.json" } }, "train.json");
  expect([pack, prompt_end, z_loss]).toEqual([false, true, 0]);
});
