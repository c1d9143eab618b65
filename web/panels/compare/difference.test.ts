import fc from "fast-check";
import { expect, test } from "vitest";
import { difference, type Part } from "./difference.ts";

const words = fc.array(fc.constantFrom("a", " b", "\nc", " d e"), { maxLength: 12 }).map((parts) => parts.join(""));
const joined = (parts: readonly Part[]) => parts.map(({ text }) => text).join("");
const common = (parts: readonly Part[]) =>
  joined(parts.filter(({ differs }) => !differs))
    .split(/\s+/)
    .filter(Boolean);

test("nothing is lost, what is not marked is in both in the same order, and equal texts have no marks", () => {
  fc.assert(
    fc.property(words, words, (left, right) => {
      const [first, second] = difference(left, right);
      expect([joined(first), joined(second)]).toEqual([left, right]);
      expect(common(first).join("")).toBe(common(second).join(""));
      expect(
        difference(left, left)
          .flat()
          .some(({ differs }) => differs),
      ).toBe(false);
    }),
  );
});

test("one word more is one mark", () => {
  expect(difference("a small town", "a very small town")[1].filter(({ differs }) => differs)).toEqual([
    { text: " very", differs: true },
  ]);
});
