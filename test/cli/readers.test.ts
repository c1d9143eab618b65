/** `zeroth embed` and `zeroth predict`: rows as scripts read them, pictures as people do. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rowsOf, runIn } from "../support/cli.ts";
import { expectClose, fixtures, readJson } from "../support/fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-readers-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(() => cpSync(join(fixtures, "readers"), folder, { recursive: true }));
const zeroth = runIn(folder);
const rows = (name: string, content: readonly object[]) =>
  writeFileSync(join(folder, name), content.map((row) => `${JSON.stringify(row)}\n`).join(""));

test("embed: a row a text, in order, the error of one in its place", () => {
  const { texts, cases } = readJson<{ texts: string[]; cases: { vectors: number[][] }[] }>(
    "readers/below",
    "expected.json",
  );
  const given = texts.map((text, id) => ({ id, text }));
  rows("texts.jsonl", [
    ...given.slice(0, 2),
    { id: "long", text: "the ".repeat(40) },
    ...given.slice(2),
    { id: "none" },
  ]);
  const ran = zeroth(["embed", "--model", "below", "--input", "texts.jsonl", "--json"]);
  const got = rowsOf(ran);
  expect([ran.status, got.map(({ id }) => id)]).toEqual([1, [0, 1, "long", 2, 3, 4, "none"]]);
  expect(got.map(({ error }) => (error as { code: string } | undefined)?.code)).toEqual([
    ...[undefined, undefined, "too_long", undefined, undefined, undefined, "bad_input"],
  ]);
  const vectors = got.flatMap(({ embedding }) => (embedding ? [embedding as number[]] : []));
  expectClose(vectors.flat(), cases[0]!.vectors.flat(), 1e-5, "vectors");
  const flags = ["--pooling", "cls", "--normalize", "--dimensions", "3", "--json"];
  const [short] = rowsOf(zeroth(["embed", "--model", "joined", ...flags, "Bread"])) as { embedding: number[] }[];
  expect(short!.embedding).toHaveLength(3);
  expect(Math.hypot(...short!.embedding)).toBeCloseTo(1, 5);
});

test("embed: how near texts are, or the files that hold them", () => {
  writeFileSync(join(folder, "a.txt"), "the mill was built\n");
  writeFileSync(join(folder, "b.txt"), "snow is white");
  const texts = zeroth(["embed", "--model", "mean", "the mill was built", "snow is white"]).stdout;
  const files = zeroth(["embed", "--model", "mean", "a.txt", "b.txt"]).stdout;
  expect(texts).toMatch(
    /^cosine similarity, more is nearer\n +1 +2\n +1 +1\.000 +(\S+) +the mill was built\n +2 +\1 +1\.000/,
  );
  expect(files).toBe(texts.replace("the mill was built", "a.txt").replace("snow is white", "b.txt"));
  const bare = zeroth(["embed", "--model", "masked", "Bread"]);
  expect(bare.stdout).toContain("12 numbers");
  expect(bare.stderr).toContain("does not say how its vectors are made");
});

test("predict: tags of given words and of a text's own", () => {
  const { rows: expected } = readJson<{ rows: { tokens: string[]; tags: string[]; logits: number[][] }[] }>(
    "readers/tags",
    "expected.json",
  );
  const [first] = expected;
  rows("words.jsonl", [
    { id: 7, tokens: first!.tokens },
    { text: "Ada lives in Bern." },
    { tokens: [3] },
    { adapter: "x", text: "a" },
  ]);
  const ran = zeroth(["predict", "--model", "tags", "--input", "words.jsonl", "--json"]);
  const [given, own, ...wrong] = rowsOf(ran);
  expect([ran.status, given!.id, given!.tags, own!.tags]).toEqual([1, 7, first!.tags, first!.tags]);
  expectClose((given!.logits as number[][]).flat(), first!.logits.flat(), 1e-4, "logits");
  expect(own!.words).toEqual(["Ada", "lives", "in", "Bern", "."]);
  expect(own!.offsets).toContainEqual([13, 17]);
  expect(wrong.map(({ error }) => (error as { code: string }).code)).toEqual(["bad_input", "not_found"]);
  const picture = zeroth(["predict", "--model", "tags", "Ada lives in Bern."]).stdout;
  expect(picture).toMatch(/^Ada +lives +in +Bern +\.\n[BI]-/);
});

test("predict: answers, hidden words, classes and their pictures", () => {
  const { rows: asked } = readJson<{ rows: { question: string; context: string; answer: string; score: number }[] }>(
    "readers/answers",
    "expected.json",
  );
  rows(
    "asked.jsonl",
    asked.map(({ question, context }) => ({ question, context })),
  );
  const answers = rowsOf(zeroth(["predict", "--model", "answers", "--input", "asked.jsonl", "--json"]));
  expect(answers.map(({ answer }) => answer)).toEqual(asked.map(({ answer }) => answer));
  expect(answers.map((row) => asked[0]!.context.slice(row.start as number, row.end as number))[0]).toBe(
    asked[0]!.answer,
  );

  const filled = zeroth(["predict", "--model", "masked", "--top", "2", "Snow is [MASK]."]);
  expect(filled.stdout).toMatch(/^Snow is \w+\.\n\n\S+ +[\d.]+ %\n\S+ +[\d.]+ %\n$/);
  const none = zeroth(["predict", "--model", "masked", "Snow is white."]);
  expect([none.status, none.stderr]).toEqual([1, expect.stringContaining("write [MASK] where a word")]);

  const [row] = rowsOf(zeroth(["predict", "--model", "decoder-classes", "--json", "the mill", "--pair", "Bern"]));
  const { logits } = readJson<{ rows: { logits: number[] }[] }>("readers/decoder-classes", "expected.json").rows.at(
    -1,
  )!;
  expectClose(row!.logits as number[], logits, 1e-4, "logits");
  expect(row!.probabilities).toMatchObject({
    cold: expect.any(Number),
    mild: expect.any(Number),
    warm: expect.any(Number),
  });
  expect(zeroth(["predict", "--model", "decoder-classes", "the mill"]).stdout).toMatch(/^\w+ +█+░* +[\d.]+ %\n/);
});

test("predict: what a model without a head does instead", () => {
  const bare = zeroth(["predict", "--model", "mean", "x"]);
  expect([bare.status, bare.stderr]).toEqual([1, expect.stringContaining("zeroth embed --model mean")]);
  const nano = zeroth(["predict", "--model", "zeroth-nano", "x"]);
  expect([nano.status, nano.stderr]).toEqual([1, expect.stringContaining("zeroth generate")]);
  const alone = zeroth(["predict", "--model", "answers", "who?"]);
  expect([alone.status, alone.stderr]).toEqual([2, expect.stringContaining("--context")]);
  expect(zeroth(["predict", "x"]).status).toBe(2);
  expect(zeroth(["embed", "x"]).status).toBe(2);
});

test("a quantised folder gives nearly the same vectors and keeps its layers", () => {
  const made = zeroth(["quantize", "dense", "--dtype", "int8", "--out", "small"]);
  expect([made.status, made.stderr.includes("error")]).toEqual([0, false]);
  const vector = (model: string) =>
    (rowsOf(zeroth(["embed", "--model", model, "--json", "the mill was built"])) as { embedding: number[] }[])[0]!
      .embedding;
  const [whole, small] = [vector("dense"), vector("small")];
  expect(small).toHaveLength(7);
  expectClose(small, whole, 0.1, "vectors");
});
