import { expect, test } from "vitest";
import { editDistance, nearest } from "./nearest.ts";

test("edits between two texts", () => {
  expect(editDistance("kitten", "sitting")).toBe(3);
  expect(editDistance("", "abc")).toBe(3);
  expect(editDistance("same", "same")).toBe(0);
});

test("a mistyped name finds the one that was meant, a strange one finds none", () => {
  const known = ["generate", "tokenize", "score"];
  expect(nearest("genrate", known)).toBe("generate");
  expect(nearest("tokenise", known)).toBe("tokenize");
  expect(nearest("xyzzy", known)).toBeUndefined();
  expect(nearest("x".repeat(1_000_000), known)).toBeUndefined();
});
