import fc from "fast-check";
import { expect, test } from "vitest";
import { caseOf } from "../../../test/support/cases.ts";
import { difference, problem } from "../../../test/support/check-case.ts";
import { fromArray } from "../../../test/support/plain.ts";
import { runGraph } from "../../../test/support/run-graph.ts";
import { float32 } from "../array.ts";
import { gradients } from "../differentiate.ts";
import { graph } from "../graph.ts";
import { infer } from "../infer.ts";
import * as o from "../operators.ts";
import { constant, full, input, type OpName, type OpNode, type Tensor } from "../tensor.ts";
import { simplify } from "./simplify.ts";

const x = input("x", "float32", ["n", 3]);
const w = input("w", "float32", [3, 3]);
const feeds = {
  x: float32([2, 3], [1, -2, 3, 0.5, 4, -1]),
  w: float32([3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 10]),
};

/** The operators left, with the attributes that matter. */
const left = (y: Tensor) =>
  simplify(graph({ y })).nodes.flatMap((node) => (node.kind === "op" ? [node as OpNode] : []));

const swap = (t: Tensor) => o.transpose(t, [1, 0]);

const rules: Record<string, { before: Tensor; ops: OpName[] }> = {
  "scales of operands go into alpha": { before: o.matmul(o.mul(x, 0.5), o.mul(3, w)), ops: ["MatMul"] },
  "a scale of the result goes into alpha": { before: o.mul(o.matmul(x, w), 4), ops: ["MatMul"] },
  "transposes go into the product": { before: o.matmul(swap(swap(x)), swap(w), { transB: true }), ops: ["MatMul"] },
  "numbers multiply": { before: o.mul(o.mul(o.exp(x), 2), 3), ops: ["Exp", "Mul"] },
  "adding a negative subtracts": { before: o.add(o.neg(o.exp(x)), x), ops: ["Exp", "Sub"] },
  "two negations are none": { before: o.exp(o.neg(o.neg(x))), ops: ["Exp"] },
  "an expanded operand is not": {
    before: o.mul(o.expand(full("float32", 2), ["n", 3]), o.exp(x)),
    ops: ["Exp", "Mul"],
  },
  "a row expanded in vain": { before: o.sub(x, o.expand(o.mean(x, [1], true), ["n", 3])), ops: ["ReduceMean", "Sub"] },
  "two transposes are one": {
    before: o.transpose(o.transpose(o.reshape(x, ["n", 3, 1]), [1, 0, 2]), [2, 1, 0]),
    ops: ["Reshape", "Transpose"],
  },
  "a cast there and back": { before: o.exp(o.cast(o.cast(x, "float64"), "float32")), ops: ["Exp"] },
  "expanding twice": { before: o.expand(o.expand(o.mean(x), [3]), ["n", 3]), ops: ["ReduceMean", "Expand"] },
  "rows scattered over zeros go into what they are added to": {
    before: o.add(
      o.scatterAdd(
        o.filled("float32", 0, [3, 3]),
        constant({ dtype: "int64", shape: [2, 3], data: BigInt64Array.of(1n, 0n, 2n, 1n, 1n, 2n) }),
        o.slice(w, 0, 0, 2),
        0,
      ),
      o.exp(w),
    ),
    ops: ["Slice", "Exp", "ScatterAdd"],
  },
  "constants are computed": {
    before: o.mul(x, o.sqrt(o.reshape(o.div(full("float32", 1), 4), [1, 1]))),
    ops: ["Mul"],
  },
};

test.each(Object.entries(rules))("%s", async (_, { before, ops }) => {
  const g = graph({ y: before });
  const smaller = simplify(g);
  expect(left(before).map(({ op }) => op)).toEqual(ops);
  const used = Object.fromEntries(g.inputs.map(({ name }) => [name, feeds[name as keyof typeof feeds]]));
  const [expected, got] = [await runGraph(g, used, { optimize: "disabled" }), await runGraph(smaller, used)];
  const wanted = { name: "y", value: fromArray(expected.y), tolerance: 1e-6 };
  expect(difference(fromArray(got.y), wanted)).toBeUndefined();
});

test("what others read too, and what does not fit, stays as it is", () => {
  const product = o.matmul(x, w);
  const both = simplify(graph({ product, doubled: o.mul(product, 2) }));
  expect(both.nodes.flatMap((node) => (node.kind === "op" ? [node.op] : []))).toEqual(["MatMul", "Mul"]);
  expect(left(o.cast(o.cast(x, "int64"), "float32")).map(({ op }) => op)).toEqual(["Cast", "Cast"]);
  const row = input("row", "float32", [3]);
  expect(left(o.add(o.expand(row, [2, 3]), row)).map(({ op }) => op)).toEqual(["Expand", "Add"]);
  const plain = graph({ y: o.exp(x) });
  expect(simplify(plain)).toBe(plain);
});

test("a simplified graph still names all inputs, and keeps recomputed nodes apart", () => {
  const h = o.mul(o.exp(x), 2);
  const loss = o.sum(o.square(o.matmul(h, w)));
  const [d] = gradients(loss, [w], { recompute: (value) => value === h || value.node === h.node });
  const smaller = simplify(graph({ loss, d: d! }));
  expect(smaller.inputs.map(({ name }) => name)).toEqual(["x", "w"]);
});

test("every operator's gradients stay the same", async () => {
  for (const op of Object.keys(infer) as OpName[]) {
    await fc.assert(
      fc.asyncProperty(caseOf(op), async (c) => {
        const { graph: g, feeds: given } = problem(op, c, true);
        const smaller = simplify(g);
        const [expected, got] = [await runGraph(g, given), await runGraph(smaller, given)];
        for (const [name, value] of Object.entries(expected)) {
          if (op === "CachedAttention" && name !== "y0") continue;
          const wanted = { name, value: fromArray(value), tolerance: 1e-4 };
          expect(difference(fromArray(got[name]!), wanted), op).toBeUndefined();
        }
      }),
      { seed: 8, numRuns: 4, endOnFailure: true },
    );
  }
});
