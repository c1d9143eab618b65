/** Rows longer than the model reads, as examples; answers against all that are right. */
import { expect, test } from "vitest";
import { readJson } from "../../test/support/fixtures.ts";
import type { Example } from "../models/kinds/loss.ts";
import { createTokenizer } from "../tokenizers/tokenizer.ts";
import { type LongChoice, shortened } from "./long.ts";
import { answerScores, examplesOf, type Reading, tagScores } from "./tasks.ts";

const tokenizer = createTokenizer(readJson("readers/mean", "tokenizer.json"));
const reading = (tooLong: LongChoice, more: Partial<Reading> = {}): Reading => ({
  ...{ tokenizer, longest: 16, tooLong, stride: 4, file: "rows.jsonl" },
  ...more,
});

const context = `${"the mill by the river . ".repeat(4)}ada lives in bern .`;
const question = {
  question: "where ?",
  context,
  answers: { text: ["bern", "in bern"], answer_start: [context.indexOf("bern"), context.indexOf("in bern")] },
};

test("a passage in windows: the answer is a target where it stands, the first token where it does not", () => {
  const { examples, windowed, cut } = examplesOf([question], "qa", reading("windows"));
  expect([windowed, cut]).toEqual([1, 0]);
  expect(examples.length).toBeGreaterThan(2);
  const bern = tokenizer.tokenId("bern")!;
  const found = (examples as Example[]).map(({ input, target: [first, last] }) => {
    expect(input.length).toBeLessThanOrEqual(16);
    expect(first).toBe(last);
    return { there: input.includes(bern), id: input[first!] };
  });
  for (const { there, id } of found) expect(id).toBe(there ? bern : tokenizer.tokenId("[CLS]"));
  expect(found.some(({ there }) => there)).toBe(true);
  expect(found.some(({ there }) => !there)).toBe(true);
  const [passage] = new Set(examples.map((example) => example.passage));
  expect(passage!.answers).toEqual(["bern", "in bern"]);
  expect(passage!.windows).toHaveLength(examples.length);
});

test.each<[string, object]>([
  ["qa", question],
  ["token-cls", { tokens: context.split(" "), tags: context.split(" ").map(() => "O") }],
  ["seq-cls", { text: context, label: "a" }],
  ["choice", { text: context, choices: ["bern", "snow"], label: 0 }],
  ["seq2seq", { prompt: context, target: "bern" }],
  ["causal", { prompt: context, target: "bern" }],
] as const)("%s: long rows are errors, left out or cut, as asked, and never silently", (task, row) => {
  const rows = [row as Record<string, unknown>];
  const labels = { labels: ["a", "O"] };
  const of = (tooLong: LongChoice) => examplesOf(rows, task as "qa", reading(tooLong, labels));
  expect(() => of("error")).toThrow(/row 1 has \d+ tokens, 16 fit/);
  expect(() => of("skip")).toThrow("every row is too long");
  const { examples, cut, skipped } = of("cut");
  expect([examples.length, cut, skipped]).toEqual([1, 1, 0]);
  const [example] = examples;
  const lengths = "texts" in example! ? example.texts.map(({ ids }) => ids.length) : [example!.input.length];
  expect(Math.max(...lengths)).toBeLessThanOrEqual(16);
  if (task === "qa" || task === "token-cls") expect(of("windows").windowed).toBe(1);
  else expect(() => of("windows")).toThrow("not read in windows");
});

test("of two texts the longer one is cut, and what the tokenizer adds stays", () => {
  const encoded = tokenizer.encode("the mill by the river by the mill", { pair: "snow is salt" });
  const { ids, types } = shortened(encoded, 9);
  expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe("[CLS] the mill by [SEP] snow is salt [SEP]");
  expect(types).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1]);
  expect(shortened(encoded, 50).ids).toEqual(encoded.ids);
});

test("a tag of every word, once, of a sentence in windows", () => {
  const tokens = "ada lives in bern . the houses by the river . snow is cold . the mill".split(" ");
  const tags = tokens.map((_, i) => (i % 3 ? "O" : "B-X"));
  const labels = ["O", "B-X"];
  const { examples } = examplesOf([{ tokens, tags }], "token-cls", reading("windows", { labels, longest: 9 }));
  const judged = (examples as Example[]).flatMap(({ target }) => target.filter((label) => label !== -100));
  expect(judged).toEqual(tags.map((tag) => labels.indexOf(tag)));
  expect(new Set(examples.map(({ sentence }) => sentence)).size).toBe(1);
});

test("an answer is worth what it shares with the best of the right ones; none is right where there is none", () => {
  const { value, more, flat } = answerScores([
    ["the Mill", ["a mill.", "river"]],
    ["the old mill", ["mill"]],
    ["", []],
    ["snow", []],
  ]);
  expect(value).toBeCloseTo((1 + 2 / 3 + 1 + 0) / 4, 12);
  expect(more).toEqual({ exact_match: 0.5 });
  expect(flat).toBe(false);
});

test("spans of tags, not words, are counted: one with a wrong end is none", () => {
  const labels = ["O", "B-X", "I-X", "B-Y"];
  const pairs = (predicted: string, right: string) =>
    predicted.split(" ").map((tag, i) => [labels.indexOf(tag), labels.indexOf(right.split(" ")[i]!)] as const);
  const { value, more } = tagScores([pairs("B-X I-X O B-Y", "B-X I-X O B-Y"), pairs("B-X O I-X", "B-X I-X O")], labels);
  // Found: X 0–2, Y 3, X 0–1, X 2 (an I- opens one); right: X 0–2, Y 3, X 0–2.
  expect(more.precision).toBeCloseTo(2 / 4, 12);
  expect(more.recall).toBeCloseTo(2 / 3, 12);
  expect(value).toBeCloseTo(4 / 7, 12);
});
