import { expect, test } from "vitest";
import { anyLikely } from "./score.ts";

const ln = Math.log;

test.each<[string, readonly number[], readonly number[], boolean]>([
  ["one of two words is", [ln(0.6), ln(0.01)], [2, 2], true],
  [
    "many words that are one in a hundred together",
    Array.from({ length: 20 }, () => ln(0.001)),
    Array(20).fill(2),
    true,
  ],
  // Four in five among the two, and still nothing that the model would say; the end token lifts their averages.
  ["neither of two words is", [ln(0.0008), ln(0.0002)], [2, 2], false],
  ["a sentence of 20 tokens, each one in three", [20 * ln(1 / 3)], [20], true],
  ["a sentence of 20 tokens, each one in fifty", [20 * ln(1 / 50)], [20], false],
  ["a word that the model would never say, and its end", [-14.7 - 0.1], [2], false],
  ["probabilities too small for a number", [-2000, -2100], [3, 3], false],
])("%s", (_, scores, lengths, likely) => {
  expect(anyLikely(scores, lengths)).toBe(likely);
});
