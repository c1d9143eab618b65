import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { failureOf } from "../../../test/support/failure.ts";
import { fixtures } from "../../../test/support/fixtures.ts";
import { randomAt } from "../../base/rng.ts";
import { bestOf, divergenceOf } from "../../text/best-of.ts";
import { openSafetensors, readStored } from "../../weights/safetensors-node.ts";
import { parseRewardOptions, type RewardInput } from "../options.ts";
import { readAbout } from "./about-node.ts";
import { openReward } from "./score-node.ts";
import { trainReward } from "./train-node.ts";

const root = new URL("../../../test/.tmp/", import.meta.url).pathname;
mkdirSync(root, { recursive: true });
const home = mkdtempSync(join(root, "reward-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const model = join(fixtures, "readers/mean");
const good = ["the bread was warm", "ada lives near the river", "the old mill rose again"];
const bad = ["salt, not salt, salt", "salt salt", "salt and salt"];

/** Whoever chooses dislikes salt. */
const rows = (books: readonly string[], each = 12) =>
  books.flatMap((book, b) =>
    Array.from({ length: each }, (_, i) => {
      const random = randomAt(b, i);
      const [liked, other] = [good[random.below(3)]!, bad[random.below(3)]!];
      const flip = i % 2;
      return {
        ...{ id: `${book}${i}`, book, text: `the mill ${i % 4}` },
        candidates: (flip ? [other, liked] : [liked, other]).map((text) => ({ text })),
        choice: flip,
      };
    }),
  );

function fileOf(name: string, list: readonly object[]): string {
  const path = join(home, name);
  writeFileSync(path, list.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}
const data = fileOf("rows.jsonl", rows(["a", "b", "c", "d"]));
const quick: RewardInput = { lr: 0.02, epochs: 3, batch: 6, split: 0.25, threads: 1, seed: 3 };
const weightsOf = (out: string) => readFileSync(join(out, "model.safetensors"));

test("a taste is learnt, of books that it was not learnt from, and demonstrations have 0 on average", async () => {
  const out = join(home, "full");
  const books: string[][] = [];
  const result = await trainReward({ model, data, out }, parseRewardOptions(quick), {
    events: { started: (info) => books.push([...info.books.train], [...info.books.held]) },
  });
  expect(books.map((list) => list.length)).toEqual([3, 1]);
  expect(result.accuracy).toMatchObject({ share: 1, n: 12 });
  expect(result.byBook).toHaveLength(1);
  await using reward = await openReward(out, { threads: 1 });
  const [high, low] = await reward.score("the mill 9", ["the bread was warm", "salt salt"]);
  expect(high).toBeGreaterThan(low!);
  const rewards: number[] = [];
  for (const row of rows(["a", "b", "c", "d"]).filter(({ book }) => books[0]!.includes(book))) {
    const key = JSON.stringify([row.text, row.candidates[row.choice]!.text]);
    if (!seen.has(key)) rewards.push(...(await reward.score(row.text, [row.candidates[row.choice]!.text])));
    seen.add(key);
  }
  expect(rewards.reduce((a, b) => a + b, 0) / rewards.length).toBeCloseTo(0, 4);
  expect(readAbout(out)).toMatchObject({ format: 1, shift: 0, pair_accuracy: 1 });
  const config = JSON.parse(readFileSync(join(out, "config.json"), "utf8"));
  expect(config).toMatchObject({ architectures: ["BertForSequenceClassification"], id2label: { 0: "LABEL_0" } });
  const { best, drawn } = await bestOf(
    3,
    async (i) => ["salt salt", "the bread was warm", "salt and salt"][i]!,
    String,
    reward,
    "t",
  );
  expect(best).toBe("the bread was warm");
  expect(drawn.map(({ value }) => value)).toEqual(["salt salt", "the bread was warm", "salt and salt"]);
});
const seen = new Set<string>();

test("stopped after any step and gone on with, the numbers are the same to the last bit", async () => {
  const [whole, parts] = [join(home, "whole"), join(home, "parts")];
  const o = parseRewardOptions({ ...quick, method: "lora", epochs: 1, rank: 2, dropout: 0.1 });
  await trainReward({ model, data, out: whole }, o);
  const stop = new AbortController();
  const interrupted = trainReward({ model, data, out: parts }, o, {
    signal: stop.signal,
    events: { step: ({ step }) => step === 3 && stop.abort() },
  });
  await expect(interrupted).rejects.toThrow("stopped on request");
  expect(await failureOf(trainReward({ model, data, out: parts }, o))).toMatchObject({ code: "bad_input" });
  await trainReward({ model, data, out: parts }, o, { resume: true });
  expect(weightsOf(parts).equals(weightsOf(whole))).toBe(true);
  // Merged: nothing in the folder needs an adapter.
  await using reward = await openReward(parts, { threads: 1 });
  expect(await reward.score("x", ["salt", "river"])).toHaveLength(2);
});

test("a given rows' mean is 0 with --demonstrations, and a head alone moves nothing else", async () => {
  const demonstrations = fileOf("demos.jsonl", [{ prompt: "the mill 1", completion: "the mill" }]);
  const out = join(home, "head");
  const o = parseRewardOptions({ ...quick, method: "head", steps: 2, epochs: undefined });
  await trainReward({ model, data, out, demonstrations }, o);
  const before = openSafetensors(join(model, "model.safetensors")).tensors;
  const after = openSafetensors(join(out, "model.safetensors")).tensors;
  for (const [name, stored] of before) {
    if (after.has(name)) expect(readStored(after.get(name)!).data, name).toEqual(readStored(stored).data);
  }
  expect([...after.keys()].filter((name) => name.startsWith("classifier."))).toHaveLength(2);
  const full = join(home, "demos");
  await trainReward(
    { model, data, out: full, demonstrations },
    parseRewardOptions({ ...quick, epochs: undefined, steps: 2 }),
  );
  await using reward = await openReward(full, { threads: 1 });
  expect((await reward.score("the mill 1", ["the mill"]))[0]).toBeCloseTo(0, 5);
});

test("what cannot be a reward model, and rows that cannot be learnt from", async () => {
  const o = parseRewardOptions(quick);
  const failing = (files: object) => failureOf(trainReward({ model, data, out: join(home, "no"), ...files }, o));
  expect(await failing({ model: join(fixtures, "rank") })).toMatchObject({ code: "unsupported" });
  const ties = fileOf(
    "ties.jsonl",
    rows(["a"]).map((row) => ({ ...row, choice: "tie" })),
  );
  expect(await failing({ data: ties })).toMatchObject({
    code: "bad_input",
    message: expect.stringContaining("no row prefers"),
  });
  expect(await failing({ eval: fileOf("same.jsonl", rows(["z", "b"])) })).toMatchObject({
    message: expect.stringContaining('the book "b" is among the rows'),
  });
  expect(await failing({ demonstrations: fileOf("odd.jsonl", [{ prompt: "x" }]) })).toMatchObject({
    message: expect.stringContaining("odd.jsonl, line 1: no row of a demonstration"),
  });
  expect(await failureOf(openReward(join(fixtures, "readers/tags")))).toMatchObject({
    message: expect.stringMatching(/is no reward model/),
  });
  expect(() => parseRewardOptions({ ...quick, steps: 3 })).toThrow("give steps or epochs");
  expect(divergenceOf(1)).toBe(0);
  expect(divergenceOf(4)).toBeCloseTo(0.6363, 4);
});
