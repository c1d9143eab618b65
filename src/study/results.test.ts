import { expect, test } from "vitest";
import { countOf, resultReader } from "./results.ts";

test.each([
  ["60M", 60e6],
  ["1.5 B", 1.5e9],
  ["512", 512],
  ["2k", 2000],
  ["1e6", 1e6],
  [77, 77],
  ["", undefined],
  ["60 millions", undefined],
  ["-5", undefined],
  ["0", undefined],
  [0, undefined],
  [null, undefined],
])("a count of %j is %j", (value, count) => expect(countOf(value)).toBe(count));

const columns = { size: "p", labels: "n", score: "acc", group: "task" };

test("rows by their group; scores also as text", () => {
  const reader = resultReader(columns);
  reader.add({ p: "1M", n: 32, acc: "0.5", task: "a" }, "row 1");
  expect([...reader.groups]).toEqual([["a", [{ size: 1e6, labels: 32, score: 0.5 }]]]);
});

test.each([
  [{ n: 1, acc: 0.5, task: "a" }, /row 3.*no column "p"/],
  [{ p: "big", n: 1, acc: 0.5, task: "a" }, /row 3.*"p" is "big".*512 or 60M/],
  [{ p: 1, n: 1, acc: 71, task: "a" }, /"acc" is 71: expected a score from 0 to 1/],
  [{ p: 1, n: 1, acc: "good", task: "a" }, /"acc" is "good"/],
  [{ p: 1, n: 1, acc: "", task: "a" }, /"acc" is ""/],
  [{ p: 1, n: 1, acc: 0.5 }, /no column "task"/],
])("what is no result is refused: %j", (row, message) => {
  const reader = resultReader(columns);
  expect(() => reader.add(row, "row 3")).toThrow(message);
  expect([...reader.groups]).toEqual([]);
});
