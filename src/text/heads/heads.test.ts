/** Heads over scores that are made up: what is told of them, whatever the model. */
import { expect, test } from "vitest";
import { readJson } from "../../../test/support/fixtures.ts";
import { ZerothError } from "../../errors.ts";
import { createTokenizer } from "../../tokenizers/tokenizer.ts";
import { answerer } from "./answer.ts";
import { chooser } from "./choose.ts";
import { type Classified, classifier } from "./classify.ts";
import type { Reader } from "./reader.ts";
import { type Tagged, tagger } from "./tag.ts";

const tokenizer = createTokenizer(readJson("readers/mean", "tokenizer.json"));

/** `scoresOf` a text's ids: a row a text, or a row a token. */
function reader(
  scoresOf: (ids: readonly number[], row: number) => number[][],
  longest = 24,
): Reader & { batches: number[] } {
  const batches: number[] = [];
  return {
    ...{ tokenizer, longest, batches },
    async scores(texts) {
      batches.push(texts.length);
      for (const { ids } of texts) expect(ids.length).toBeLessThanOrEqual(longest);
      return texts.map(({ ids }, row) => scoresOf(ids, row).map((z) => Float32Array.from(z)));
    },
  };
}

test("classes that exclude each other, independent ones, and numbers", async () => {
  const fixed = reader(() => [[Math.log(3), 0, -50]]);
  const names = ["a", "b", "c"];
  const [single] = await classifier(fixed, names, "single")(["bread"]);
  expect(single).toMatchObject({ label: "a", labels: ["a"], logits: [expect.closeTo(Math.log(3)), 0, -50] });
  expect((single as Classified).scores.map((share) => share.toFixed(3))).toEqual(["0.750", "0.250", "0.000"]);
  const [multi] = await classifier(
    reader(() => [[Math.log(3), 1, -1]]),
    names,
    "multi",
  )(["bread"]);
  expect(multi).toMatchObject({ label: "a", labels: ["a", "b"] });
  expect((multi as Classified).scores[0]).toBeCloseTo(0.75, 6);
  const [number] = await classifier(
    reader(() => [[2.5]]),
    ["LABEL_0"],
    "regression",
  )(["bread"]);
  expect(number).toMatchObject({ scores: [2.5], logits: [2.5] });
});

test("a text that is too long is an error in its place, with what to do", async () => {
  const classify = classifier(
    reader(() => [[1, 0]]),
    ["a", "b"],
    "single",
  );
  const [one, long, other] = await classify(["bread", "the ".repeat(30), ["salt", "snow"]]);
  expect([one, other]).toMatchObject([{ label: "a" }, { label: "a" }]);
  expect(long).toBeInstanceOf(ZerothError);
  expect(long).toMatchObject({ code: "too_long", hint: expect.stringContaining("split it") });
});

test("a choice is told by its own text's score", async () => {
  const bern = tokenizer.tokenId("bern")!;
  const choose = chooser(reader((ids) => [[ids.includes(bern) ? 2 : 0]]));
  const [chosen, none] = await choose([
    { text: "Ada lives in", choices: ["snow", "Bern", "salt"] },
    { text: "Ada", choices: [] },
  ]);
  expect(chosen).toMatchObject({ choice: "Bern", best: 1, logits: [0, 2, 0] });
  expect(none).toMatchObject({ code: "bad_input" });
});

test("a word of which no token is made has no tag; one of many tokens has its first one's", async () => {
  const tag = tagger(
    reader((ids) => ids.map((_, i) => [0, i === 1 ? 5 : -5, i === 3 ? 5 : -5])),
    ["O", "B-X", "B-Y"],
  );
  // "houses" is two tokens, the second word none.
  const [tagged] = await tag([["houses", "\u200b", "snow"]]);
  expect((tagged as Tagged).words.map(({ label }) => label)).toEqual(["B-X", null, "B-Y"]);
});

test("words of a text longer than the model reads are told in parts of it", async () => {
  const bern = tokenizer.tokenId("bern")!;
  const scored = reader((ids) => ids.map((id) => (id === bern ? [0, 5] : [5, 0])), 12);
  const [tagged] = await tagger(scored, ["O", "B-X"])([`${"snow is cold ".repeat(8)}Bern ${"salt ".repeat(9)}bern`]);
  const { words, spans } = tagged as Tagged;
  expect(words).toHaveLength(35);
  expect(spans).toEqual([
    { label: "X", from: 24, to: 25 },
    { label: "X", from: 34, to: 35 },
  ]);
});

test("an answer is found in whichever window holds it, and never across the end of one", async () => {
  const bern = tokenizer.tokenId("bern")!;
  const scored = reader((ids) => ids.map((id, i) => (i === 0 ? [1, 1] : id === bern ? [4, 4] : [0, 0])), 16);
  const context = `${"the old house by the river . ".repeat(9)}Bern is cold. ${"snow . ".repeat(20)}`;
  const [found, nothing, empty] = await answerer(scored)([
    { question: "when ?", context },
    { question: "the ".repeat(20), context },
    { question: "when ?", context: "" },
  ]);
  expect(found).toMatchObject({ text: "Bern", start: context.indexOf("Bern"), score: 8, noAnswer: 2 });
  expect([nothing, empty]).toMatchObject([{ code: "too_long" }, { code: "bad_input" }]);
  // Windows of one passage go in batches like any other rows.
  expect(scored.batches.reduce((a, b) => a + b)).toBeGreaterThan(8);
  const bare = "snow is cold";
  const sure = answerer(scored);
  const [none] = await sure([{ question: "when ?", context: bare }], { unanswerable: true });
  expect(none).toMatchObject({ text: "", start: 0, end: 0, score: 2 });
  const [some] = await sure([{ question: "when ?", context: bare }]);
  expect(some).toMatchObject({ score: 0, noAnswer: 2 });
});
