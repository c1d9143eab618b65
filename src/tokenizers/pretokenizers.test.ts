/** Where each pre-tokenizer cuts. What the kinds that real models use give is compared with the reference elsewhere. */
import { expect, test } from "vitest";
import { original } from "./aligned.ts";
import { createGrowth } from "./growth.ts";
import { createPreTokenizer } from "./pretokenizers.ts";

const aligned = (text: string) => original(text, 0, text.length, true, createGrowth(text.length));
const split = (behavior: string, more: object = {}) => ({ type: "Split", pattern: { String: "-" }, behavior, ...more });

test.each<[step: object, text: string, parts: string[]]>([
  [split("Removed"), "a-b--c", ["a", "b", "c"]],
  [split("Isolated"), "a-b--c", ["a", "-", "b", "-", "-", "c"]],
  [split("MergedWithPrevious"), "a-b--c", ["a-", "b-", "-", "c"]],
  [split("MergedWithNext"), "a-b--c", ["a", "-b", "-", "-c"]],
  [split("Contiguous"), "a-b--c", ["a", "-", "b", "--", "c"]],
  [split("Removed", { invert: true }), "a-b--c", ["-", "-", "-"]],
  [{ type: "CharDelimiterSplit", delimiter: "|" }, "a|b||c", ["a", "b", "c"]],
  [{ type: "FixedLength", length: 2 }, "ab😀cd", ["ab", "😀c", "d"]],
  [{ type: "Whitespace" }, "it's 5 km", ["it", "'", "s", "5", "km"]],
  [{ type: "WhitespaceSplit" }, " it's  5 ", ["it's", "5"]],
  [{ type: "Digits", individual_digits: false }, "ab123c4", ["ab", "123", "c", "4"]],
  [{ type: "Digits", individual_digits: true }, "ab12", ["ab", "1", "2"]],
  [{ type: "Punctuation" }, "a,b!", ["a", ",", "b", "!"]],
  [{ type: "BertPreTokenizer" }, "a, b", ["a", ",", "b"]],
  [
    { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, split("Isolated")] },
    "a-b c",
    ["a", "-", "b", "c"],
  ],
])("%j cuts %j", (step, text, parts) => {
  const cut = createPreTokenizer(step as Readonly<Record<string, unknown>>);
  expect(cut(aligned(text)).map((part) => part.text)).toEqual(parts);
});

test("null keeps the text whole; lengths and kinds that are none are refused", () => {
  expect(createPreTokenizer(null)(aligned("a b")).map((part) => part.text)).toEqual(["a b"]);
  for (const length of [0, -1, 1.5, "2", null]) {
    expect(() => createPreTokenizer({ type: "FixedLength", length })).toThrow(/positive integer/);
  }
  expect(() => createPreTokenizer({ type: "Magic" })).toThrow(/"Magic" is not run here/);
});
