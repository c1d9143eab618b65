import { expect, test } from "vitest";
import { fromPercent } from "./columns.ts";
import { pointReader } from "./points.ts";

const columns = { us: "up", ds: "down", group: "task", run: "run" };

test("rows by their group, in the order in which groups come, numbers also as text", () => {
  const reader = pointReader(columns);
  reader.add({ up: "0.5", down: 0.25, task: "b", run: 1 }, "row 1");
  reader.add({ up: 0.6, down: 0.5, task: "a", run: "x" }, "row 2");
  reader.add({ up: 0.7, down: 1, task: "b", run: 1 }, "row 3");
  expect([...reader.groups]).toEqual([
    [
      "b",
      [
        { us: 0.5, ds: 0.25, run: "1" },
        { us: 0.7, ds: 1, run: "1" },
      ],
    ],
    ["a", [{ us: 0.6, ds: 0.5, run: "x" }]],
  ]);
  expect(fromPercent({ up: "50", down: 25, other: 3 }, ["up", "down", "missing"])).toEqual({
    up: 0.5,
    down: 0.25,
    other: 3,
  });
});

test.each([
  [{ down: 1, task: "a", run: 1 }, /row 7.*no column "up"/],
  [{ up: 71.5, down: 1, task: "a", run: 1 }, /row 7.*"up" is 71\.5.*0 to 1/],
  [{ up: -0.1, down: 1, task: "a", run: 1 }, /"up" is -0\.1/],
  [{ up: 101, down: 1, task: "a", run: 1 }, /"up" is 101/],
  [{ up: "many", down: 1, task: "a", run: 1 }, /"up" is "many": expected an accuracy/],
  [{ up: 0.1, down: null, task: "a", run: 1 }, /nothing in "down"/],
  [{ up: 0.1, down: Number.NaN, task: "a", run: 1 }, /"down"/],
  [{ up: 0.1, down: 0.1, run: 1 }, /no column "task"/],
  [{ up: 0.1, down: 0.1, task: "a" }, /no column "run"/],
])("what is no accuracy is refused: %j", (row, message) => {
  const reader = pointReader(columns);
  expect(() => reader.add(row, "row 7")).toThrow(message);
  expect([...reader.groups]).toEqual([]);
});
