import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { agreementOf, shareOf } from "./agreement.ts";
import { type Comparison, pairsOf } from "./comparison.ts";
import { formats, parseComparisons, writeComparisons } from "./formats.ts";
import { splitByBook } from "./split.ts";

const row: Comparison = {
  id: "a",
  book: "Lighthouse",
  node: "h0.1",
  height: 0,
  text: "Anna kept the lamp burning.",
  context: ["Anna lived on an island."],
  candidates: [{ text: "A lamp burns.", model: "m", seed: 1 }, { text: "Anna tends it." }, { text: "Rain." }],
  choice: 1,
  ratings: { "1": { overall: 6, accuracy: 7 }, "2": { overall: 1 } },
  worker: "w",
};
const line = (changes: object): string => `${JSON.stringify({ ...row, ...changes })}\n`;

describe("rows of comparisons", () => {
  test("a choice among three is two pairs, the chosen one first, and a tie is none", () => {
    expect(pairsOf(row).map(({ chosen, rejected }) => [chosen, rejected])).toEqual([
      ["Anna tends it.", "A lamp burns."],
      ["Anna tends it.", "Rain."],
    ]);
    expect(pairsOf(row)[0]!.text).toBe("Anna lived on an island.\n\nAnna kept the lamp burning.");
    expect(pairsOf({ ...row, choice: "tie" })).toEqual([]);
  });

  test.each([
    ["a choice out of range", { choice: 3 }, "choice 3 of 3 candidates"],
    ["two candidates alike", { candidates: [{ text: "x" }, { text: "x" }], choice: 0, ratings: undefined }, "the same"],
    ["one candidate", { candidates: [{ text: "x" }] }, "candidates"],
    ["a misspelt entry", { chioce: 1 }, 'unknown key "chioce"'],
    ["a rating of nobody", { ratings: { "7": { overall: 1 } } }, "a rating of candidate 7"],
    [
      "a span past the end",
      { spans: [{ candidate: 2, start: 0, end: 99, label: "inaccurate" }] },
      "a span from 0 to 99",
    ],
  ])("%s is an error with its line", (_, changes, what) => {
    const text = `${line({})}\n${line(changes)}`;
    expect(() => parseComparisons(text, "rows.jsonl")).toThrow(`rows.jsonl, line 3: `);
    expect(() => parseComparisons(text, "rows.jsonl")).toThrow(what);
  });

  test("broken JSON, other rows than the first and unknown formats are errors with their lines", () => {
    expect(() => parseComparisons(`${line({})}{"id": `, "f")).toThrow("f, line 2: not valid JSON");
    expect(() => parseComparisons(`${line({})}{"prompt":"p","chosen":"a","rejected":"b"}`, "f")).toThrow(
      "f, line 2: no row of the format zeroth",
    );
    expect(() => parseComparisons('{"question":"?"}', "f")).toThrow("f, line 1: no format of comparisons");
    expect(() => parseComparisons(" \n", "f")).toThrow("f: there are no rows");
    expect(() => parseComparisons('{"prompt":"p","completion":"c"}', "f")).toThrow("nothing to compare it with");
  });
});

describe("other formats", () => {
  test("each format is known by its rows, and what it can hold comes back", () => {
    const kept = {
      zeroth: [row],
      feedback: [[row.candidates.map(({ text }) => text), 1]],
      preference: [
        [["Anna tends it.", "A lamp burns."], 0],
        [["Anna tends it.", "Rain."], 0],
      ],
      axis: [[["Anna tends it.", "Rain."], 0]],
    } as const;
    for (const name of ["feedback", "preference", "axis"] as const) {
      const { format, rows } = parseComparisons(writeComparisons([row], name), "f");
      expect(format).toBe(name);
      expect(rows.map(({ candidates, choice }) => [candidates.map(({ text }) => text), choice])).toEqual(kept[name]);
    }
    expect(parseComparisons(writeComparisons([row], "zeroth"), "f")).toEqual({ format: "zeroth", rows: [row] });
  });

  test("TRL's conversations of one message, and completions as zeroth tune reads them", () => {
    const chat: Comparison = { ...row, prompt: "Summarize it.", chat: true };
    const [first] = formats.preference.write([chat]);
    expect(first).toMatchObject({ prompt: [{ role: "user", content: "Summarize it." }] });
    const back = parseComparisons(`${JSON.stringify(first)}\n`, "f").rows[0]!;
    expect(back).toMatchObject({ chat: true, prompt: "Summarize it.", book: "Lighthouse" });
    expect(formats.completion.write([{ ...row, prompt: "Q" }])).toEqual([
      { prompt: "Q", completion: "Anna tends it." },
    ]);
    expect(formats.completion.write([chat])[0]).toHaveProperty("messages");
    const long = { prompt: [1, 2].map(() => ({ role: "user", content: "a" })), chosen: "a", rejected: "b" };
    expect(() => parseComparisons(JSON.stringify(long), "f")).toThrow("f, line 1: a conversation of 2 messages");
  });

  test("a rating of nothing (null) is none", () => {
    const rated = (text: string, overall: number | null) =>
      JSON.stringify({ info: { id: "p", post: "P" }, summary: { text, axes: { overall } }, worker: "w" });
    const { rows } = parseComparisons([rated("a", 3), rated("b", 5), rated("c", null)].join("\n"), "f");
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ choice: 1, ratings: { 0: { overall: 3 }, 1: { overall: 5 } } });
  });
});

describe("splits", () => {
  test("no book is on both sides, and there is something on each", () => {
    const rows = fc.array(fc.record({ book: fc.constantFrom("a", "b", "c", "d", "e"), n: fc.nat() }), { minLength: 2 });
    fc.assert(
      fc.property(rows, fc.double({ min: 0.01, max: 0.9, noNaN: true }), fc.nat(), (given, share, seed) => {
        fc.pre(new Set(given.map(({ book }) => book)).size > 1);
        const { train, held, books } = splitByBook(given, share, seed);
        expect(train.length).toBeGreaterThan(0);
        expect(held.length).toBeGreaterThan(0);
        expect(train.length + held.length).toBe(given.length);
        expect(train.some(({ book }) => books.includes(book))).toBe(false);
      }),
    );
  });

  test("rows of one book are not split", () => {
    expect(() => splitByBook([{ book: "a" }, { book: "a" }], 0.1, 0)).toThrow("all rows are of one book");
    expect(splitByBook([{ book: "a" }], 0, 0).held).toEqual([]);
  });
});

describe("agreement", () => {
  test("Wilson's interval of 8 of 10", () => {
    const { share, interval } = shareOf(8, 10);
    expect(share).toBe(0.8);
    expect(interval[0]).toBeCloseTo(0.4902, 4);
    expect(interval[1]).toBeCloseTo(0.9433, 4);
  });

  test("two people on the same pair, one of them twice, whatever the order they saw it in", () => {
    const pair = (a: string, b: string, choice: Comparison["choice"], worker: string): Comparison => ({
      ...{ id: `${a}${b}${worker}`, book: "b", text: "t", candidates: [{ text: a }, { text: b }], choice, worker },
    });
    const found = agreementOf([
      pair("x", "yy", 0, "ann"),
      pair("yy", "x", 1, "bob"),
      pair("x", "yy", 1, "ann"),
      pair("p", "q", "tie", "bob"),
      pair("p", "q", "skip", "bob"),
      pair("long text", "q", 0, "bob"),
    ]);
    expect(found).toMatchObject({ rows: 6, pairs: 4, ties: 1, skipped: 1, workers: 2, books: 1 });
    expect(found).toMatchObject({ duplicates: 2, contradictions: 1 });
    // ann and bob: agree, disagree; ann with herself: disagree.
    expect([found.between.share, found.between.n, found.within.share, found.within.n]).toEqual([0.5, 2, 0, 1]);
    expect(found.longer.share).toBe(0.5);
    expect(found.first.share).toBe(0.5);
    // Two of three took "x": 5/9 would agree by chance.
    expect(found.kappa).toBeCloseTo((0.5 - 5 / 9) / (4 / 9));
  });
});
