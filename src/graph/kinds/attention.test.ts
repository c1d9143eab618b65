/** Attention with fewer heads of keys and values than of queries, and its bias; numbers are in the property tests. */
import { expect, test } from "vitest";
import { fromArray } from "../../../test/support/plain.ts";
import { runGraph } from "../../../test/support/run-graph.ts";
import { float32 } from "../array.ts";
import { gradients } from "../differentiate.ts";
import { graph } from "../graph.ts";
import { lower } from "../lower.ts";
import * as o from "../operators.ts";
import { full, input, type Tensor } from "../tensor.ts";

const [batch, heads, groups, width] = [2, 6, 2, 8];
const q = input("q", "float32", ["batch", "query", heads * width]);
const k = input("k", "float32", ["batch", "key", groups * width]);
const v = input("v", "float32", ["batch", "key", groups * width]);
const mask = input("mask", "float32", ["batch", 1, 1, "key"]);

const waves = (shape: number[], pace: number) =>
  float32(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i * pace)),
  );
const feeds = {
  q: waves([batch, 3, heads * width], 0.7),
  k: waves([batch, 4, groups * width], 1.3),
  v: waves([batch, 4, groups * width], 0.9),
  mask: float32([batch, 1, 1, 4], [0, 0, -1e9, 0, 0, 0, 0, -1e9]),
};

/** Keys or values copied for every head of queries: what grouping is instead of. */
function copied(x: Tensor): Tensor {
  const [b, length] = x.shape as [string, string];
  const apart = o.reshape(x, [b, length, groups, 1, width]);
  return o.reshape(o.expand(apart, [b, length, groups, heads / groups, width]), [b, length, heads * width]);
}

test("grouped heads give what copied keys and values give, and so do their gradients", async () => {
  const grouped = o.attention(q, k, v, mask, heads, 0.3, groups);
  const whole = o.attention(q, copied(k), copied(v), mask, heads, 0.3);
  const outputs = (y: Tensor, name: string) => {
    const ds = gradients(o.sum(o.square(y)), [q, k, v, mask]);
    return [[name, y] as const, ...ds.map((d, i) => [`${name}${i}`, d] as const)];
  };
  const g = graph(Object.fromEntries([...outputs(grouped, "a"), ...outputs(whole, "b")]));
  for (const target of ["cpu", "onnx"] as const) {
    const out = await runGraph(g, feeds, { target });
    for (const name of ["", "0", "1", "2", "3"]) {
      const [a, b] = [fromArray(out[`a${name}`]!), fromArray(out[`b${name}`]!)];
      expect(a.shape).toEqual(b.shape);
      a.data.forEach((value, i) => {
        expect(value).toBeCloseTo(b.data[i]!, 4);
      });
    }
  }
});

test("keys and values are not copied, and a mask for all queries is not spread over them", () => {
  const { nodes } = lower(graph({ y: o.attention(q, k, v, mask, heads, 0.3, groups) }), { target: "cpu" });
  expect(nodes.filter(({ op }) => ["Expand", "Tile", "Gather", "Concat"].includes(op))).toEqual([]);
  expect(nodes.filter(({ op }) => /MatMul/.test(op))).toHaveLength(2);
});

test("a cache of grouped heads is the kernel's own", () => {
  const past = {
    k: input("pk", "float32", [1, groups, "capacity", width]),
    v: input("pv", "float32", [1, groups, "capacity", width]),
  };
  const row = (n: number, name: string) => input(name, "float32", [1, 1, n * width]);
  const bias = full("float32", 0, [1, 1, 1, 3]);
  const places = input("places", "int64", [3]);
  const rows = [row(heads, "rq"), row(groups, "rk"), row(groups, "rv")] as const;
  const [y, nextK, nextV] = o.cachedAttention(rows, past, places, bias, { heads, kvHeads: groups, scale: 1 });
  const { nodes } = lower(graph({ y, nextK, nextV }), { target: "cpu" });
  const kernel = nodes.find(({ op }) => op === "GroupQueryAttention");
  expect(kernel?.attributes).toMatchObject({ num_heads: { int: heads }, kv_num_heads: { int: groups } });
  expect(y.shape).toEqual([1, 1, heads * width]);
});

test("heads, keys and a bias that do not fit are refused", () => {
  expect(() => o.attention(q, k, v, undefined, heads, 1, 4)).toThrow(/6 heads of queries over 4 heads/);
  expect(() => o.attention(q, k, v, undefined, heads, 1, 0)).toThrow(/expected a multiple/);
  expect(() => o.attention(q, k, v, undefined, heads, 1)).toThrow(/6 of keys and values/);
  expect(() => o.attention(q, o.asHeads(k, 1), v, undefined, heads, 1, groups)).toThrow(/attention over q/);
  const bias = (...shape: (number | string)[]) => input("bias", "float32", shape);
  expect(() => o.attention(q, k, v, bias(1, 2, "query", "key"), heads, 1, groups)).toThrow(
    /a bias \[1, 2, query, key\]/,
  );
  expect(() => o.attention(q, k, v, bias("query", "key"), heads, 1, groups)).toThrow(/a bias/);
});
