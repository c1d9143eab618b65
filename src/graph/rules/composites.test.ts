/** Composite operators: the fused kernel, the plain ONNX form and the decomposition table say the same. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { caseOf } from "../../../test/support/cases.ts";
import { difference, known, problem, symbolic } from "../../../test/support/check-case.ts";
import { fromArray } from "../../../test/support/plain.ts";
import { runGraph } from "../../../test/support/run-graph.ts";
import { graph } from "../graph.ts";
import { lower } from "../lower.ts";
import { apply } from "../operators.ts";
import { input, type OpName, type OpNode } from "../tensor.ts";
import type { CompositeRow } from "./row.ts";
import { rowOf, rules } from "./rules.ts";

const composites = (Object.keys(rules) as OpName[]).filter((op) => "decompose" in rowOf(op));

test.each(composites)("%s is the same fused, decomposed and in plain ONNX", async (op) => {
  await fc.assert(
    fc.asyncProperty(caseOf<OpName>(op), async (c) => {
      const { graph: fused, feeds } = symbolic(op, c, false) ?? problem(op, c, false);
      const node = Object.values(fused.outputs)[0]!.node as OpNode;
      const parts = (rowOf(op) as CompositeRow<OpName>).decompose(node.inputs, node.attributes);
      const apart = graph(Object.fromEntries(parts.map((value, i) => [`y${i}`, value])));
      const expected = await runGraph(fused, feeds, { target: "cpu" });
      const [plain, decomposed] = [await runGraph(fused, feeds, { target: "onnx" }), await runGraph(apart, feeds)];
      for (const [name, value] of Object.entries(expected)) {
        // Rows of a cache nobody has written yet are anything.
        if (op === "CachedAttention" && name !== "y0") continue;
        const wanted = { name, value: known(op, c, name, fromArray(value)), tolerance: 1e-5 };
        expect(difference(fromArray(plain[name]!), wanted)).toBeUndefined();
        if (decomposed[name]) expect(difference(fromArray(decomposed[name]), wanted)).toBeUndefined();
      }
    }),
    { seed: 5, numRuns: 20, endOnFailure: true },
  );
});

test("plain ONNX has no operator of another domain, and no fused one of a later operator set", () => {
  for (const op of composites) {
    const [c] = fc.sample(caseOf<OpName>(op), { seed: 1, numRuns: 1 });
    const { nodes } = lower(problem(op, c!, false).graph, { target: "onnx" });
    expect(nodes.filter(({ domain }) => domain !== "").map((node) => node.op)).toEqual([]);
    expect(nodes.map((node) => node.op)).not.toContain("SimplifiedLayerNormalization");
  }
});

test("a recomputed composite stays recomputed when it is decomposed", () => {
  const x = input("x", "float32", ["n", 4]);
  const [first] = apply("Gelu", [x], { approximate: "none" });
  const [again] = apply("Gelu", [x], { approximate: "none" }, true);
  const count = (target: "cpu" | "onnx") => lower(graph({ first: first!, again: again! }), { target }).nodes.length;
  expect(count("cpu")).toBe(2);
  const rows = input("rows", "float32", ["n", 4]);
  const weight = input("weight", "float32", [4]);
  const [norm] = apply("RmsNorm", [rows, weight], { epsilon: 1e-6 });
  const [normAgain] = apply("RmsNorm", [rows, weight], { epsilon: 1e-6 }, true);
  const twice = lower(graph({ norm: norm!, normAgain: normAgain! }), { target: "onnx" });
  expect(twice.nodes.filter((node) => node.op === "Sqrt")).toHaveLength(2);
});
