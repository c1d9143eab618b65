/** Every operator against plain numbers: forward, gradients against central differences, second derivatives. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { caseOf } from "../../../test/support/cases.ts";
import { difference, type Problem, problem, symbolic } from "../../../test/support/check-case.ts";
import { fromArray } from "../../../test/support/plain.ts";
import { runGraph } from "../../../test/support/run-graph.ts";
import { float32 } from "../array.ts";
import { dump, graph } from "../graph.ts";
import { infer } from "../infer.ts";
import { iota, mul, reshape, sizeValue, sum, transpose } from "../operators.ts";
import { input, type OpName } from "../tensor.ts";

const operators = Object.keys(infer) as OpName[];

async function check({ graph: g, feeds, expected }: Problem): Promise<void> {
  const out = await runGraph(g, feeds);
  const wrong = expected().flatMap((e) => difference(fromArray(out[e.name]!), e) ?? []);
  expect(wrong, dump(g)).toEqual([]);
}

describe.each(operators)("%s", (op) => {
  test("forward, gradient and second derivative on random shapes", async () => {
    await fc.assert(
      fc.asyncProperty(caseOf(op), (c) => check(problem(op, c, true))),
      { seed: 20261124, numRuns: 40, endOnFailure: true },
    );
  });
});

// Iota and SizeValue have no input whose size could be a symbol; they have a test of their own below.
describe.each(operators.filter((op) => op !== "Iota" && op !== "SizeValue"))("%s", (op) => {
  test("the same with symbolic sizes", async () => {
    let tried = 0;
    await fc.assert(
      fc.asyncProperty(caseOf(op), async (c) => {
        const built = symbolic(op, c, true);
        if (!built) return;
        tried++;
        await check(built);
      }),
      { seed: 4, numRuns: 30, endOnFailure: true },
    );
    expect(tried).toBeGreaterThan(2);
  });
});

test("positions and sizes follow the symbols", async () => {
  const x = input("x", "float32", ["batch", "length", 3]);
  const g = graph({
    places: iota("batch*length"),
    count: sizeValue("batch*length+1", "int64"),
    share: mul(sum(x), sizeValue("2*batch")),
    flat: reshape(x, ["batch*length", 3]),
    back: transpose(reshape(x, ["batch", "length", 3, 1]), [3, 2, 1, 0]),
  });
  const out = await runGraph(g, { x: float32([2, 3, 3], new Float32Array(18).fill(1)) });
  expect(fromArray(out.places!)).toEqual({ dtype: "int64", shape: [6], data: [0, 1, 2, 3, 4, 5] });
  expect(fromArray(out.count!)).toEqual({ dtype: "int64", shape: [], data: [7] });
  expect(fromArray(out.share!)).toEqual({ dtype: "float32", shape: [], data: [72] });
  expect(out.flat!.shape).toEqual([6, 3]);
  expect(out.back!.shape).toEqual([1, 3, 3, 2]);
});
