import { expect, test } from "vitest";
import { progressText } from "./progress.ts";

test.each([
  [480, 4000, 12.34, "480 of 4,000 prompts  12.3/s  5 min left"],
  [480, 4000, undefined, "480 of 4,000 prompts"],
  [480, undefined, 250.4, "480 prompts  250/s"],
  // More rows than lines were counted.
  [5000, 4000, 1, "5,000 prompts  1.0/s"],
])("%i of %s at %s: %s", (done, total, rate, text) => {
  expect(progressText(done, total, rate, "prompts")).toBe(text);
});
