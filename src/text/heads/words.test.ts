/** Long texts in parts: every word is told once, by a part in which it stands with its own token. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readJson } from "../../../test/support/fixtures.ts";
import { createTokenizer } from "../../tokenizers/tokenizer.ts";
import { fromText, fromWords, wordWindows } from "./words.ts";

const tokenizer = createTokenizer(readJson("readers/mean", "tokenizer.json"));
// "houses" is two tokens, "\u200b" none.
const vocabulary = ["the", "houses", "mill", "bern", "\u200b", "snow", "river"];

test("words of a long text are told once each, in their order, by parts that fit", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...vocabulary), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 3, max: 20 }),
      fc.integer({ min: 0, max: 12 }),
      fc.boolean(),
      (given, longest, overlap, asText) => {
        const words = asText ? fromText(tokenizer, given.join(" ")) : fromWords(tokenizer, given);
        const parts = wordWindows(words, longest, overlap);
        let next = 0;
        for (const { input, from, to, first } of parts) {
          expect(input.ids.length).toBeLessThanOrEqual(longest);
          expect(input.types).toHaveLength(input.ids.length);
          expect([input.ids[0], input.ids.at(-1)]).toEqual([words.input.ids[0], words.input.ids.at(-1)]);
          if (to > from) expect(from).toBe(next);
          next = Math.max(next, to);
          first.forEach((place, i) => {
            const whole = words.first[from + i];
            if (whole === undefined) expect(place).toBeUndefined();
            else expect(input.ids[place!]).toBe(words.input.ids[whole]);
          });
        }
        expect(next).toBe(words.words.length);
        if (words.input.ids.length <= longest) expect(parts.map(({ input }) => input)).toEqual([words.input]);
      },
    ),
  );
});

test("a word between two parts is told by the one with more around it", () => {
  const words = fromWords(tokenizer, "the mill the mill the mill the mill the mill".split(" "));
  const parts = wordWindows(words, 8, 4);
  // Six words a part, of which half are shared at most.
  expect(parts.map(({ from, to }) => [from, to])).toEqual([
    [0, 5],
    [5, 8],
    [8, 10],
  ]);
  expect(() => wordWindows(words, 2, 4)).toThrow("leaves none");
});
