import { expect, test } from "vitest";
import { createTokenizer } from "../tokenizer.ts";
import { trainBpe } from "./bpe.ts";
import { trainUnigram } from "./unigram.ts";

const texts = Array.from({ length: 60 }, (_, i) => [
  `The ${["old", "new", "small"][i % 3]} lighthouse keeper counted ${i} boats in the harbour.`,
  `Counting lighthouses, the keeper's keepers kept ${i * 7} keys; harbours were harboured.`,
]).flat();

const odd = [
  "The lighthouse keeper kept counting.",
  "two  spaces, a\ttab\nand a line",
  "numbers 1234 and 5.6%",
  "naïve café, 日本語, 😀👍🏽",
  "keeper's “quotes” — dash",
  "x",
];

test.each([
  ["BPE", trainBpe],
  ["unigram", trainUnigram],
] as const)("a %s tokenizer gives every text back and knows what it learnt", (_, train) => {
  const file = train(texts, { vocabularySize: 480, sentinels: 10 }) as Record<string, never>;
  const tokenizer = createTokenizer(file);
  expect(tokenizer.vocabularySize).toBeLessThanOrEqual(480);
  expect(tokenizer.tokenId("<pad>")).toBe(0);
  expect(tokenizer.tokenId("</s>")).toBe(1);
  expect(tokenizer.tokenId("<unk>")).toBe(2);
  expect(tokenizer.tokenId("<extra_id_0>")).toBe(tokenizer.vocabularySize - 1);
  for (const text of odd) {
    const { ids } = tokenizer.encode(text);
    expect(ids.at(-1)).toBe(1);
    expect(ids).not.toContain(2);
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe(text);
  }
  const { pieces } = tokenizer.encode("The lighthouse keeper", { addSpecialTokens: false });
  expect(pieces.length).toBeLessThan(8);
});

test("the same texts give the same file", () => {
  for (const train of [trainBpe, trainUnigram]) {
    const options = { vocabularySize: 420, sentinels: 4 };
    expect(train(texts, options)).toEqual(train(texts, options));
  }
});

test("a vocabulary too small for the characters is refused", () => {
  for (const train of [trainBpe, trainUnigram]) {
    expect(() => train(texts, { vocabularySize: 200 })).toThrow(/cannot hold/);
  }
});
