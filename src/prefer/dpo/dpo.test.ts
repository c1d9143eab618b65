import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { failureOf } from "../../../test/support/failure.ts";
import { fixtures, readJson } from "../../../test/support/fixtures.ts";
import { openLanguageModel } from "../../text/open-node.ts";
import { type DpoInput, parseDpoOptions } from "../options.ts";
import { rewardsOf, trainDpo } from "./train-node.ts";

const root = new URL("../../../test/.tmp/", import.meta.url).pathname;
mkdirSync(root, { recursive: true });
const home = mkdtempSync(join(root, "dpo-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Whoever chooses likes the answer "yes". */
const rows = ["a", "b", "c"].flatMap((book) =>
  Array.from({ length: 4 }, (_, i) => ({
    ...{ id: `${book}${i}`, book, text: `say it ${i}`, choice: i % 2 },
    candidates: (i % 2 ? ["no", "yes"] : ["yes", "no"]).map((text) => ({ text })),
  })),
);
const data = join(home, "rows.jsonl");
writeFileSync(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
const quick: DpoInput = { lr: 0.02, steps: 4, batch: 4, rank: 2, split: 0.3, threads: 1, evalEvery: 4 };

interface Told {
  readonly beta: number;
  readonly loss: number;
  readonly [name: string]: readonly number[] | number;
}

test.each(["decoder", "encoder-decoder"])("rewards of a step are TRL's: %s", (name) => {
  const told = readJson<Told>("preferences", name, "expected.json");
  const list = (key: string) => told[key] as readonly number[];
  const pairs = (a: string, b: string) => list(a).map((x, i) => [x, list(b)[i]!] as const);
  const { more } = rewardsOf(pairs("chosen", "rejected"), pairs("refChosen", "refRejected"), told.beta);
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  expect(more.reward_chosen).toBeCloseTo(mean(list("rewardsChosen")), 4);
  expect(more.reward_rejected).toBeCloseTo(mean(list("rewardsRejected")), 4);
  expect(more.log_likelihood).toBeCloseTo(-told.loss, 4);
});

test.each([
  ["a decoder", join(fixtures, "chat/model")],
  ["an encoder-decoder", join(fixtures, "rank")],
])("%s comes to write what is preferred, as an adapter that opens", async (_, model) => {
  const out = join(home, `learnt-${model.length}`);
  const seen: number[] = [];
  const result = await trainDpo({ model, data, out }, parseDpoOptions({ ...quick, steps: 12 }), {
    events: { reference: (done) => seen.push(done) },
  });
  expect(seen.at(-1)).toBe(12);
  expect(result.best!.value).toBe(1);
  expect(result.best!.more.reward_margin).toBeGreaterThan(0);
  expect(existsSync(join(out, "adapter_config.json"))).toBe(true);
  await using before = await openLanguageModel(model, { threads: 1 });
  await using after = await openLanguageModel(model, { threads: 1, adapter: out });
  const gap = async (of: typeof before) => {
    const { scores } = await of.text.score("say it 1", ["yes", "no"]);
    return scores[0]! - scores[1]!;
  };
  expect(await gap(after)).toBeGreaterThan(await gap(before));
});

test("stopped and gone on with, the adapter is the same to the last bit, and the reference is read once", async () => {
  const model = join(fixtures, "chat/model");
  const [whole, parts] = [join(home, "whole"), join(home, "parts")];
  const o = parseDpoOptions({ ...quick, dropout: 0.1 });
  await trainDpo({ model, data, out: whole }, o);
  const stop = new AbortController();
  const first = trainDpo({ model, data, out: parts }, o, {
    signal: stop.signal,
    events: { step: ({ step }) => step === 2 && stop.abort() },
  });
  await expect(first).rejects.toThrow("stopped on request");
  const read: number[] = [];
  await trainDpo({ model, data, out: parts }, o, { resume: true, events: { reference: (done) => read.push(done) } });
  expect(read).toEqual([]);
  const weights = (out: string) => readFileSync(join(out, "adapter_model.safetensors"));
  expect(weights(parts).equals(weights(whole))).toBe(true);
});

test("what writes nothing, and pairs that are all too long", async () => {
  const failing = (model: string, more: object = {}) =>
    failureOf(
      trainDpo({ model: join(fixtures, model), data, out: join(home, "no") }, parseDpoOptions({ ...quick, ...more })),
    );
  expect(await failing("readers/mean")).toMatchObject({ code: "unsupported" });
  expect(await failing("rank", { maxLength: 3 })).toMatchObject({ code: "too_long" });
});
