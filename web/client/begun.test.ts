import fc from "fast-check";
import { expect, test } from "vitest";
import { acceptsGrammar } from "../../test/support/accepts.ts";
import { grammarOf } from "./begun.ts";

const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((text) => !text.startsWith(" "));

test("an answer begins with what was chosen, whatever is in it, and goes on as it likes", () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), word, (texts, rest) => {
      const accepts = acceptsGrammar(grammarOf(texts.map((text) => ({ text }))));
      const start = texts.join("");
      expect([start, ` ${start}`, start + rest].map(accepts)).toEqual([true, true, true]);
      expect(accepts(start.slice(0, -1))).toBe(false);
    }),
    { numRuns: 60 },
  );
});

test("an end that was chosen ends the answer", () => {
  const accepts = acceptsGrammar(grammarOf([{ text: 'a "word"\n' }, { text: "" }]));
  expect(accepts('a "word"\n')).toBe(true);
  expect(accepts('a "word"\n and more')).toBe(false);
});
