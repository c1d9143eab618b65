import { expect, test } from "vitest";
import { compile } from "../runtime/compile-node.ts";
import { float32, int64 } from "./array.ts";
import { gradients } from "./differentiate.ts";
import { dump, graph } from "./graph.ts";
import * as o from "./operators.ts";
import { input } from "./tensor.ts";

test("the gradient of a small network equals the hand-computed one", async () => {
  const x = input("x", "float32", ["batch", 2]);
  const w = input("w", "float32", [3, 2]);
  const y = o.matmul(x, w, { transB: true });
  const loss = o.sum(o.square(y));
  const [dx, dw] = gradients(loss, [x, w]);
  const g = graph({ loss, dx: dx!, dw: dw! });
  await using program = await compile(g, { threads: 1 });
  const out = await program.run({ x: float32([1, 2], [1, 2]), w: float32([3, 2], [1, 0, 0, 1, 1, 1]) });
  expect(out.loss.data[0]).toBe(1 + 4 + 9);
  expect([...(out.dx.data as Float32Array)]).toEqual([2 + 6, 4 + 6]);
  expect([...(out.dw.data as Float32Array)]).toEqual([2, 4, 4, 8, 6, 12]);
  expect(dump(g)).toContain("MatMul");
});

test("cross-entropy ignores rows labelled -100 and its gradient is softmax minus one-hot", async () => {
  const logits = input("logits", "float32", ["n", 3]);
  const labels = input("labels", "int64", ["n"]);
  const loss = o.sum(o.softmaxCrossEntropy(logits, labels));
  const [d] = gradients(loss, [logits]);
  await using program = await compile(graph({ loss, d: d! }), { threads: 1 });
  const out = await program.run({ logits: float32([2, 3], [0, 0, 0, 1, 2, 3]), labels: int64([2], [1, -100]) });
  expect(out.loss.data[0]).toBeCloseTo(Math.log(3), 6);
  const row = [...(out.d.data as Float32Array)];
  expect(row[0]).toBeCloseTo(1 / 3, 6);
  expect(row[1]).toBeCloseTo(1 / 3 - 1, 6);
  expect(row.slice(3)).toEqual([0, 0, 0]);
});

test("a gradient has a gradient", async () => {
  const x = input("x", "float32", []);
  const y = o.mul(o.mul(x, x), o.exp(x));
  const [first] = gradients(y, [x]);
  const [second] = gradients(first!, [x]);
  await using program = await compile(graph({ second: second! }), { threads: 1 });
  const out = await program.run({ x: float32([], [0.5]) });
  // (x² e^x)'' = (x² + 4x + 2) e^x
  expect(out.second.data[0]).toBeCloseTo((0.25 + 2 + 2) * Math.exp(0.5), 4);
});

test("embedding rows used twice get both gradients, attention and norms run fused", async () => {
  const table = input("table", "float32", [4, 8]);
  const ids = input("ids", "int64", ["batch", "length"]);
  const weight = input("weight", "float32", [8]);
  const x = o.rmsNorm(o.gather(table, ids), weight, 1e-6);
  const y = o.attention(x, x, x, undefined, 2, 1);
  const loss = o.mean(o.gelu(y, "tanh"));
  const [d] = gradients(loss, [table]);
  const run = async (values: Float32Array) => {
    await using program = await compile(graph({ loss, d: d! }), { threads: 1 });
    return program.run({
      table: float32([4, 8], values),
      ids: int64([1, 3], [1, 2, 1]),
      weight: float32([8], new Float32Array(8).fill(1)),
    });
  };
  const values = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i * 1.7));
  const base = await run(values);
  const step = 1e-2;
  for (const i of [8, 13, 17]) {
    const up = await run(values.map((v, j) => (j === i ? v + step : v)));
    const down = await run(values.map((v, j) => (j === i ? v - step : v)));
    const slope = ((up.loss.data[0] as number) - (down.loss.data[0] as number)) / (2 * step);
    expect(base.d.data[i]).toBeCloseTo(slope, 3);
  }
  expect(base.d.data[0]).toBe(0);
});

test("the gradient of one part of a concat runs: a split keeps all its outputs", async () => {
  const prompt = input("prompt", "float32", [2, 3]);
  const text = input("text", "float32", [4, 3]);
  const [d] = gradients(o.sum(o.square(o.concat([prompt, text], 0))), [prompt]);
  await using program = await compile(graph({ d: d! }), { threads: 1 });
  const feeds = { prompt: float32([2, 3], [1, 2, 3, 4, 5, 6]), text: float32([4, 3], new Float32Array(12)) };
  expect([...((await program.run(feeds)).d.data as Float32Array)]).toEqual([2, 4, 6, 8, 10, 12]);
});
