/** Every operator against plain numbers: forward, gradients against central differences, second derivatives. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { caseOf } from "../../test/support/cases.ts";
import { difference, problem } from "../../test/support/check-case.ts";
import { fromArray } from "../../test/support/plain.ts";
import { runGraph } from "../../test/support/run-graph.ts";
import { dump } from "./graph.ts";
import { infer } from "./infer.ts";
import type { OpName } from "./tensor.ts";

const operators = Object.keys(infer) as OpName[];

describe.each(operators)("%s", (op) => {
  test("forward, gradient and second derivative on random shapes", async () => {
    await fc.assert(
      fc.asyncProperty(caseOf(op), async (c) => {
        const { graph, feeds, expected } = problem(op, c, true);
        const out = await runGraph(graph, feeds);
        const wrong = expected().flatMap((e) => difference(fromArray(out[e.name]!), e) ?? []);
        expect(wrong, dump(graph)).toEqual([]);
      }),
      { seed: 20261124, numRuns: 60, endOnFailure: true },
    );
  });
});
