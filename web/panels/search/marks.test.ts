import fc from "fast-check";
import { expect, test } from "vitest";
import { blocksOf } from "../../parts/blocks.ts";
import { marked } from "./marks.ts";

const text = fc.string({ unit: fc.constantFrom(..."abc é漢字\n.- "), maxLength: 200 });

test("pieces together are the text, and those inside are the place", () => {
  fc.assert(
    fc.property(text, text, fc.nat(200), fc.nat(200), (given, question, a, b) => {
      const [start, end] = [Math.min(a, b, given.length), Math.min(Math.max(a, b), given.length)];
      const pieces = marked(given, question, { start, end });
      expect(pieces.map((piece) => piece.text).join("")).toBe(given);
      const inside = pieces.filter((piece) => piece.inside).map((piece) => piece.text);
      expect(inside.join("")).toBe(given.slice(start, end));
    }),
  );
});

test("words of the question are marked in other forms, common ones are not", () => {
  const words = (given: string, question: string) =>
    marked(given, question, { start: 0, end: 0 })
      .filter(({ word }) => word)
      .map((piece) => piece.text);
  expect(words("The bee swarmed, and swarms will swarm.", "When do the bees swarm?")).toEqual([
    ...["bee", "swarmed", "swarms", "swarm"],
  ]);
});

test("blocks are the document, none is long, and a page begins one", () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 60 }), fc.array(fc.nat(3000), { maxLength: 5 }), (parts, places) => {
      const whole = parts.join("word ".repeat(40));
      const pages = [...new Set([0, ...places.filter((at) => at < whole.length)])].sort((a, b) => a - b);
      const blocks = blocksOf({ text: whole, pages });
      expect(blocks.map(({ start, end }) => whole.slice(start, end)).join("")).toBe(whole);
      const told = blocks.flatMap(({ start, page }) => (page === undefined ? [] : [start]));
      if (whole.length > 0) expect(told).toEqual(pages);
    }),
  );
  const long = "x".repeat(200_000);
  expect(Math.max(...blocksOf({ text: long }).map(({ start, end }) => end - start))).toBeLessThanOrEqual(60_000);
});
