import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/failure.ts";
import { markdownDocument } from "../media/documents/markdown.ts";
import { plainDocument } from "../media/documents/plain.ts";
import { chunksOf, wordStarts } from "./chunks.ts";

const textsOf = (text: string, size: number, overlap = 0) =>
  chunksOf(plainDocument(text), { size, overlap, starts: wordStarts }).map(({ start, end }) => text.slice(start, end));

describe("chunks", () => {
  it("end at sentences, and share whole ones", () => {
    const text = "Bees fly. They find wax and honey. Then they rest.\n\nThe queen stays.  ";
    expect(textsOf(text, 8)).toEqual(["Bees fly.", "They find wax and honey.", "Then they rest.\n\nThe queen stays."]);
    expect(textsOf(text, 12, 7)).toEqual([
      "Bees fly. They find wax and honey.",
      "They find wax and honey. Then they rest.",
      "Then they rest.\n\nThe queen stays.",
    ]);
  });

  it("begin at headings, and know what they stand below", () => {
    const text = "Before.\n# A\nOne two three.\n## B\nFour five six.\n# C\nSeven.";
    const chunks = chunksOf(markdownDocument(text), { size: 20, overlap: 0, starts: wordStarts });
    expect(chunks.map(({ start, end, heading }) => [text.slice(start, end), heading])).toEqual([
      ["Before.\n# A\nOne two three.", []],
      ["## B\nFour five six.", ["A", "B"]],
      ["# C\nSeven.", ["C"]],
    ]);
  });

  it("tell the page they begin on", () => {
    const document = { ...plainDocument("One. Two. Three."), pages: [0, 5, 10] };
    const chunks = chunksOf(document, { size: 2, overlap: 0, starts: wordStarts });
    expect(chunks.map(({ page }) => page)).toEqual([1, 2, 3]);
  });

  it("cut a sentence that is too long between words, and a word where there is nothing else", () => {
    expect(textsOf("one two three four five", 2)).toEqual(["one two", "three four", "five"]);
    const letters = chunksOf(plainDocument("abcdefg"), {
      size: 3,
      overlap: 0,
      starts: (t) => Array.from(t, (_, i) => i),
    });
    expect(letters.map(({ start, end }) => [start, end])).toEqual([
      [0, 3],
      [3, 6],
      [6, 7],
    ]);
  });

  it("are none of nothing, and refuse sizes that cannot be", () => {
    expect(textsOf(" \n\n ", 5)).toEqual([]);
    expect(failure(() => textsOf("a", 0)).code).toBe("wrong_use");
    expect(failure(() => textsOf("a", 5, 5)).code).toBe("wrong_use");
  });

  it("hold every word once or more, none longer than asked", () => {
    const piece = fc.constantFrom("word ", "No. ", "a,b", "\n\n", "?! ", "long".repeat(9), "# H\n", "日本。", "e.g. x");
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 60 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 0, max: 8 }),
        (pieces, size, shared) => {
          const text = pieces.join("");
          const overlap = Math.min(shared, size - 1);
          const chunks = chunksOf(markdownDocument(text), { size, overlap, starts: wordStarts });
          const held = new Uint8Array(text.length);
          let before = { start: -1, end: -1 };
          for (const chunk of chunks) {
            expect(wordStarts(text.slice(chunk.start, chunk.end)).length).toBeLessThanOrEqual(size);
            expect(chunk.start).toBeGreaterThan(before.start);
            expect(chunk.end).toBeGreaterThan(before.end);
            held.fill(1, chunk.start, chunk.end);
            before = chunk;
          }
          for (const [i, c] of Array.from({ length: text.length }, (_, i) => [i, text[i]!] as const)) {
            if (!/\s/.test(c)) expect(held[i]).toBe(1);
          }
        },
      ),
    );
  });
});
