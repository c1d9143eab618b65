import { expect, test } from "vitest";
import { parseComparisons } from "../../../src/prefer/data/formats.ts";
import { saidBy } from "../../parts/choose.tsx";
import { itemsIn, rowOf, shownOf } from "./items.ts";

const line = (changes: object = {}) =>
  JSON.stringify({
    text: "A lamp.",
    book: "B",
    node: "h0.1",
    candidates: [{ text: "one", model: "m" }, { text: "two" }],
    ...changes,
  });

test("rows become items, what somebody chose before is left out, and equal rows are one item", () => {
  const items = itemsIn([line({ choice: 0, worker: "w" }), "", line(), line({ text: "Else." })].join("\n"));
  expect(items).toHaveLength(2);
  expect(items[0]!.row).toEqual({ text: "A lamp.", book: "B", node: "h0.1" });
  expect(itemsIn('{"prompt":"P","completions":["a","b"]}')[0]).toMatchObject({
    text: "P",
    candidates: [{ text: "a" }, { text: "b" }],
  });
});

test.each([
  ["{", "Line 1 is not JSON."],
  ["[]", "Line 1 is not an object."],
  [`${line()}\n{"text":"x"}`, 'Line 2: there are no "candidates"'],
  [line({ candidates: ["a", "a"] }), "no two the same"],
  [line({ candidates: ["a"] }), "two candidates at least"],
  [line({ text: undefined }), 'no "text"'],
  ["\n", "no row"],
])("%s: %s", (content, what) => {
  expect(() => itemsIn(content)).toThrow(what);
});

test("places follow from the seed and both occur, and a row that is taken along is one that zeroth prefer reads", () => {
  const items = itemsIn(Array.from({ length: 20 }, (_, i) => line({ text: `Text ${i}` })).join("\n"));
  const firsts = items.map((item) => shownOf(item, 5)[0]!.text);
  expect(new Set(firsts)).toEqual(new Set(["one", "two"]));
  expect(items.map((item) => shownOf(item, 5)[0]!.text)).toEqual(firsts);
  const chosen = { said: 1, seconds: 2.5, time: "2020-01-01T00:00:00.000Z" } as const;
  const rows = items.map((item) => JSON.stringify(rowOf(item, chosen, { seed: 5, worker: "ann" }))).join("\n");
  const read = parseComparisons(rows, "rows");
  expect(read.rows[0]).toMatchObject({ book: "B", node: "h0.1", choice: 1, worker: "ann", seconds: 2.5 });
  expect(read.rows.map(({ candidates }) => candidates[0]!.text)).toEqual(firsts);
});

test("keys", () => {
  expect(["a", "B", "1", "2", "t", "s", "Backspace"].map((key) => saidBy(key, 2))).toEqual([
    0,
    1,
    0,
    1,
    "tie",
    "skip",
    "back",
  ]);
  expect(["c", "3", "x", "Enter", "ab"].map((key) => saidBy(key, 2))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
