import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createUnigram } from "./unigram.ts";

const split = (vocabulary: [string, number][], word: string): string[] => {
  const { ids, ends } = createUnigram(vocabulary)(word);
  return ids.map((id, i) => {
    const piece = word.slice(ends[i - 1] ?? 0, ends[i]);
    if (id >= 0) expect(vocabulary[id]![0]).toBe(piece);
    return id < 0 ? `?${piece}` : piece;
  });
};

describe("unigram segmentation", () => {
  it("takes the split of the greatest sum", () => {
    const vocabulary: [string, number][] = [["a", -1], ["b", -1], ["ab", -1.5], ["abc", -9], ["c", -1], ["bc", -0.2]]; // biome-ignore format: a table
    expect(split(vocabulary, "ab")).toEqual(["ab"]);
    expect(split(vocabulary, "abc")).toEqual(["a", "bc"]);
    expect(split(vocabulary, "")).toEqual([]);
  });

  it("takes unknown characters whole, also of two units", () => {
    expect(split([["a", -1], ["\ud83d", -1]], "a😀é\ud83da")).toEqual(["a", "?😀", "?é", "\ud83d", "a"]); // biome-ignore format: a table
  });

  it("takes long words in time that grows with the length", () => {
    const segment = createUnigram([["a", -1], ["aa", -1.9], ["aaaaaaaa", -7]]); // biome-ignore format: a table
    expect(segment("a".repeat(1_000_000)).ids.length).toBe(125_000);
  });

  it("refuses a vocabulary that would take all memory", () => {
    expect(() => createUnigram([["x".repeat(5_000_000), -1]])).toThrow(
      expect.objectContaining({ code: "unsupported" }),
    );
  });

  it("equals the best of all splits", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "😀"), minLength: 1, maxLength: 3 });
    const entries = fc.uniqueArray(fc.tuple(letters, fc.integer({ min: -20, max: -1 })), {
      selector: ([piece]) => piece,
      minLength: 1,
      maxLength: 12,
    });
    const word = fc.string({ unit: fc.constantFrom("a", "b", "c", "😀"), maxLength: 8 });
    fc.assert(
      fc.property(entries, word, (vocabulary, text) => {
        const score = new Map(vocabulary);
        const unknown = Math.min(...score.values()) - 10;
        const characters = [...text];
        const best = (from: number): number => {
          if (from === characters.length) return 0;
          let found = Number.NEGATIVE_INFINITY;
          for (let to = from + 1; to <= characters.length; to++) {
            const one = score.get(characters.slice(from, to).join("")) ?? (to === from + 1 ? unknown : undefined);
            if (one !== undefined) found = Math.max(found, one + best(to));
          }
          return found;
        };
        const { ids } = createUnigram(vocabulary)(text);
        expect(ids.reduce((sum, id) => sum + (id < 0 ? unknown : vocabulary[id]![1]), 0)).toBe(best(0));
      }),
      { numRuns: 500 },
    );
  });
});
