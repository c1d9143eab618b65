/** Masks against plain loops. */
import { expect, test } from "vitest";
import { runGraph } from "../../test/support/run-graph.ts";
import { int64 } from "../graph/array.ts";
import { graph } from "../graph/graph.ts";
import { cast } from "../graph/operators.ts";
import { input } from "../graph/tensor.ts";
import { biasOf, causalMask, nearMask, paddingBias, sameSegment } from "./masks.ts";

const numbers = (data: ArrayLike<number | bigint>) => Array.from(data, Number);

test.each([undefined, 1, 3, 100])("causal with a window of %s", async (window) => {
  // Queries at the end of a longer row of keys, as in a step with a cache.
  const [queries, keys] = [
    [4, 5, 6],
    [0, 1, 2, 3, 4, 5, 6],
  ];
  const mask = causalMask(input("q", "int64", ["queries"]), input("k", "int64", ["keys"]), window);
  const { seen } = await runGraph(graph({ seen: cast(mask, "int64") }), {
    q: int64([3], queries),
    k: int64([7], keys),
  });
  expect(seen!.shape).toEqual([3, 7]);
  const expected = queries.flatMap((i) => keys.map((j) => Number(j <= i && j > i - (window ?? Infinity))));
  expect(numbers(seen!.data)).toEqual(expected);
});

test("positions that are near, of texts one after another in a row", async () => {
  // A text of three tokens and two continuations of it.
  const positions = [0, 1, 2, 3, 4, 3, 4];
  const mask = nearMask(input("at", "int64", ["rows", "length"]), 2);
  const { near } = await runGraph(graph({ near: cast(mask, "int64") }), { at: int64([1, 7], positions) });
  expect(near!.shape).toEqual([1, 7, 7]);
  expect(numbers(near!.data)).toEqual(positions.flatMap((i) => positions.map((j) => Number(j > i - 2))));
});

test("segments see themselves, and padding sees padding alone", async () => {
  const [query, key] = [
    [1, 1, 2, 0],
    [1, 2, 2, 0, 0],
  ];
  const same = sameSegment(input("q", "int64", ["rows", "queries"]), input("k", "int64", ["rows", "keys"]));
  const { seen } = await runGraph(graph({ seen: cast(same, "int64") }), {
    q: int64([1, 4], query),
    k: int64([1, 5], key),
  });
  expect(seen!.shape).toEqual([1, 4, 5]);
  expect(numbers(seen!.data)).toEqual(query.flatMap((i) => key.map((j) => Number(i === j))));
});

test("a mask of keys, and one of keys for every query, as biases", async () => {
  const mask = [1, 0, 1, 1, 1, 0];
  const bias = (shape: readonly string[]) => paddingBias(input("mask", "int64", shape));
  const two = await runGraph(graph({ y: bias(["rows", "keys"]) }), { mask: int64([2, 3], mask) });
  expect(two.y!.shape).toEqual([2, 1, 1, 3]);
  const three = await runGraph(graph({ y: bias(["rows", "queries", "keys"]) }), { mask: int64([1, 2, 3], mask) });
  expect(three.y!.shape).toEqual([1, 1, 2, 3]);
  const expected = mask.map((seen) => (seen ? 0 : -1e9));
  for (const { y } of [two, three]) expect(numbers(y!.data).map((v) => v + 0)).toEqual(expected);
});

test("what is not seen has no share of a softmax, and a row that sees nothing has equal shares", async () => {
  const { bias } = await runGraph(graph({ bias: biasOf(input("mask", "int64", ["n"])) }), { mask: int64([2], [1, 0]) });
  const [seen, hidden] = numbers(bias!.data);
  expect(Math.exp(Math.fround(hidden! + 50) - seen!)).toBe(0);
  // Finite: a row without any text gives numbers, not NaN.
  expect(Number.isFinite(hidden)).toBe(true);
});
