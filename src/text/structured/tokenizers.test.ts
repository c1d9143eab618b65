/** Answers of a model that chooses by chance, in the vocabularies of real tokenizers. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { chanceModel } from "../../../test/support/random-text.ts";
import type { JsonObject } from "../../base/json.ts";
import { createByteTokenizer } from "../../tokenizers/formats/bytes.ts";
import { createTokenizer, type Tokenizer } from "../../tokenizers/tokenizer.ts";
import { textModel } from "../model.ts";

const read = (path: string): JsonObject =>
  JSON.parse(readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8"));
const fixture = (name: string) => createTokenizer(read(`test/fixtures/tokenizers/${name}.json`));

function answer(tokenizer: Tokenizer, schema: unknown, seed: number) {
  const { bytes } = tokenizer.tokenBytes();
  const closing = Array.from({ length: tokenizer.vocabularySize }, (_, id) => {
    const first = bytes(id)?.[0];
    if (first === undefined) return id === 0 ? 3 : 0;
    return first === 0x22 || first === 0x5d || first === 0x7d ? 3 : first < 0x80 ? 0 : -2;
  });
  const model = chanceModel(tokenizer.vocabularySize, seed, (id) => closing[id]!);
  return textModel({ model, tokenizer }).generate([1], { schema, maxNewTokens: 120, sample: seed % 2 === 1, seed });
}

const schema = {
  type: "object",
  properties: {
    text: { type: "string" },
    list: { type: "array", items: { enum: ["a b", " a", 12, null] }, maxItems: 3 },
  },
  required: ["text"],
};

test.each<[name: string, open: () => Tokenizer]>([
  ["bytes with stand-ins", () => fixture("byte-level")],
  ["byte fallback", () => fixture("bpe-bytes")],
  ["ByT5's bytes", () => createByteTokenizer()],
  ["zeroth-nano's", () => createTokenizer(read("models/zeroth-nano/tokenizer.json"))],
])("%s: what is shown is JSON that fits", async (_, open) => {
  const tokenizer = open();
  let complete = 0;
  for (let seed = 0; seed < 12; seed++) {
    const { text, tokens, finish } = await answer(tokenizer, schema, seed);
    if (finish !== "stop") continue;
    complete++;
    const value = JSON.parse(text);
    expect(typeof value.text).toBe("string");
    for (const item of value.list ?? []) expect(["a b", " a", 12, null]).toContain(item);
    expect(tokenizer.decode(tokens, { skipSpecialTokens: true })).toBe(text);
  }
  expect(complete).toBeGreaterThan(6);
});

test("a vocabulary of pieces without braces, as T5's, says so", async () => {
  const tokenizer = fixture("unigram");
  await expect(answer(tokenizer, { type: "object" }, 0)).rejects.toMatchObject({
    code: "unsupported",
    message: expect.stringMatching(/^this model's vocabulary has no "\{"/),
  });
});
