/** An encoder that nothing learnt reaches is run once a text; the numbers are those of one that runs in every step. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fixtures } from "../../test/support/fixtures.ts";
import { readAdapterFiles } from "../text/adapters/files-node.ts";
import { tune } from "./folder-node.ts";
import { openTuning } from "./open-node.ts";
import { parseTuneOptions, type TuneInput } from "./options.ts";
import { prepare } from "./prepare.ts";

const folder = mkdtempSync(join(tmpdir(), "tune-frozen-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const written = (name: string, rows: readonly object[]) => {
  const path = join(folder, `${name}.jsonl`);
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
};
const texts = ["the bread was warm", "snow is white", "the house burnt down near the river", "salt"];
const classes = written(
  "classes",
  Array.from({ length: 20 }, (_, i) => ({ text: texts[i % 4], label: i % 2 ? "a" : "b" })),
);
const words = written(
  "words",
  Array.from({ length: 12 }, (_, i) => {
    const tokens = texts[i % 4]!.split(" ");
    return { tokens, tags: tokens.map((_, j) => (j % 2 ? "B-X" : "O")) };
  }),
);
const pairs = written(
  "pairs",
  Array.from({ length: 8 }, (_, i) => ({
    prompt: `say ${i % 2 ? "yes" : "no, and then"}`,
    target: i % 2 ? "yes" : "no",
  })),
);
const bert = join(fixtures, "readers/mean");

test.each<[string, string, string, TuneInput]>([
  ["a head of classes", bert, classes, { method: "head" }],
  ["a head of tags", join(fixtures, "readers/tags"), words, { method: "head" }],
  ["prefixes of the decoder", "zeroth-nano", pairs, { method: "prefix", length: 3, sites: ["decoder", "cross"] }],
])("%s", async (name, model, data, given) => {
  const run = async (dropout: number) => {
    const options = parseTuneOptions({ ...given, dropout, steps: 4, batch: 4, threads: 1, seed: 5, split: 0.25 });
    const files = { model, data, out: join(folder, `${name} ${dropout}`) };
    const { model: prepared } = prepare(await openTuning(files), options);
    expect(prepared.encoded === undefined).toBe(dropout > 0);
    // Weights that are not in the step's graph are counted all the same.
    return { tuned: await tune(files, options), size: prepared.all.length };
  };
  // So little is dropped that nothing is, and yet the encoder runs in every step.
  const [kept, plain] = [await run(0), await run(1e-10)];
  expect(kept.size).toBe(plain.size);
  expect(kept.tuned.loss).toBeCloseTo(plain.tuned.loss, 5);
  expect(kept.tuned.last!.value).toBeCloseTo(plain.tuned.last!.value, 5);
  const numbers = (path: string) =>
    [...readAdapterFiles(path).tensors.values()].flatMap(({ data }) => Array.from(data as Float32Array));
  const other = numbers(plain.tuned.adapter);
  for (const [i, value] of numbers(kept.tuned.adapter).entries()) expect(value).toBeCloseTo(Number(other[i]), 4);
});
