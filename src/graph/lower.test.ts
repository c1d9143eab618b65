/** What reaches the engine: nothing that no output needs, no transposed weight, exact sums, updates in place. */
import { expect, test } from "vitest";
import { open, runGraph } from "../../test/support/run-graph.ts";
import { float32, int64, ndarray } from "./array.ts";
import { gradients } from "./differentiate.ts";
import { dump, graph } from "./graph.ts";
import { lower, type OnnxModel } from "./lower.ts";
import * as o from "./operators.ts";
import { input, parameter, type Tensor } from "./tensor.ts";

/** An embedding, two feed-forward layers with norms, and a head: the parts of any language model. */
function model() {
  const ids = input("ids", "int64", ["batch", "length"]);
  const table = parameter("embedding", [16, 8]);
  const layers = [0, 1].map((i) => ({
    norm: parameter(`${i}.norm`, [8]),
    up: parameter(`${i}.up`, [12, 8]),
    down: parameter(`${i}.down`, [8, 12]),
  }));
  const head = parameter("head", [16, 8]);
  const embedded = o.gather(table, ids);
  const output = layers.reduce((h, { norm, up, down }) => {
    const inner = o.relu(o.matmul(o.rmsNorm(h, norm, 1e-6), up, { transB: true }));
    return o.add(h, o.matmul(inner, down, { transB: true }));
  }, embedded);
  const logits = o.matmul(output, head, { transB: true });
  const loss = o.mean(o.softmaxCrossEntropy(logits, input("labels", "int64", ["batch", "length"])));
  return { loss, table, layers, head, logits };
}

const lowered = (outputs: Record<string, Tensor>): OnnxModel => lower(graph(outputs), { target: "cpu" });

/** Every node must lead to an output. */
function expectAlive({ nodes, outputs }: OnnxModel): void {
  const read = new Set([...nodes.flatMap((node) => node.inputs), ...outputs.map(({ name }) => name)]);
  for (const { op, outputs: made } of nodes)
    expect(
      made.some((name) => read.has(name)),
      op,
    ).toBe(true);
}

test("only what a requested gradient needs is computed", () => {
  const { loss, head, layers, table, logits } = model();
  const forward = lowered({ loss }).nodes.length;
  const sources = { head: [head], top: [layers[1]!.down], bottom: [layers[0]!.up], all: [table, head] };
  const count = Object.fromEntries(
    Object.entries(sources).map(([name, wanted]) => {
      const ds = gradients(loss, wanted);
      const full = lowered({ loss, ...Object.fromEntries(ds.map((d, i) => [`d${i}`, d])) });
      expectAlive(full);
      return [name, full.nodes.length - forward];
    }),
  ) as Record<keyof typeof sources, number>;
  // The head's gradient: softmax minus one-hot and one product; nothing of the body.
  const [dHead] = gradients(loss, [head]);
  const products = (outputs: Record<string, Tensor>) =>
    lowered(outputs).nodes.filter(({ op }) => /MatMul/.test(op)).length;
  const before = products({ loss });
  expect(products({ loss, dHead: dHead! })).toBe(before + 1);
  // One layer's last weight with a frozen body: through the head, then its own.
  const [dDown] = gradients(loss, [layers[1]!.down]);
  expect(products({ loss, dDown: dDown! })).toBe(before + 2);
  // The embeddings below it all: one product for each on the way and none for a weight.
  const [dTable] = gradients(loss, [table]);
  expect(products({ loss, dTable: dTable! })).toBe(before + 5);
  expect(count.head).toBeLessThan(count.top);
  expect(count.top).toBeLessThan(count.bottom);
  expect(count.bottom).toBeLessThan(count.all);
  // What the loss does not depend on gets zeros and no node of the body.
  const [dNothing] = gradients(o.sum(logits), [input("other", "float32", [3])]);
  expect(lowered({ dNothing: dNothing! }).nodes.map(({ op }) => op)).toEqual(["Expand"]);
});

test("no weight is ever transposed on the processor, in the forward or the backward pass", () => {
  const { loss, table, head, layers } = model();
  const weights = [table, head, ...layers.flatMap(({ norm, up, down }) => [norm, up, down])];
  const ds = gradients(loss, weights);
  const { nodes, inputs } = lowered({ loss, ...Object.fromEntries(ds.map((d, i) => [`d${i}`, d])) });
  const names = new Set(inputs.map(({ name }) => name));
  expect(nodes.filter(({ op, inputs: read }) => op === "Transpose" && names.has(read[0]!))).toEqual([]);
});

test("repeated indices add up exactly, on two threads too", async () => {
  const [rows, width, picks] = [50, 64, 20_000];
  const table = input("table", "float32", [rows, width]);
  const ids = input("ids", "int64", ["n"]);
  const [d] = gradients(o.sum(o.gather(table, ids)), [table]);
  const places = Array.from({ length: picks }, (_, i) => (i * i) % 7);
  const expected = new Float32Array(rows * width);
  for (const at of places) for (let j = 0; j < width; j++) expected[at * width + j]! += 1;
  const program = await open<"d">(lowered({ d: d! }), { threads: 2 });
  for (let i = 0; i < 20; i++) {
    const feeds: Record<string, ReturnType<typeof float32> | ReturnType<typeof int64>> = {
      ids: int64([picks], places),
    };
    if (program.inputs.includes("table")) feeds.table = float32([rows, width], new Float32Array(rows * width));
    expect((await program.run(feeds)).d.data).toEqual(expected);
  }
  await program[Symbol.asyncDispose]();
});

test("an update in place is never lost: 1000 steps written into the buffers they read", async () => {
  const w = input("w", "float32", [33, 7]);
  const m = input("m", "float32", [33, 7]);
  const momentum = o.add(o.mul(m, 0.5), 1);
  const program = await open<"w_next" | "m_next">(
    lowered({ w_next: o.sub(w, o.mul(momentum, 0.25)), m_next: momentum }),
    { threads: 2 },
  );
  const values = new Float32Array(33 * 7).fill(3);
  const moments = new Float32Array(33 * 7);
  let [expectedW, expectedM] = [3, 0];
  for (let step = 0; step < 1000; step++) {
    const [weights, first] = [ndarray("float32", [33, 7], values), ndarray("float32", [33, 7], moments)];
    await program.run({ w: weights, m: first }, { into: { w_next: weights, m_next: first } });
    expectedM = Math.fround(expectedM * 0.5 + 1);
    expectedW = Math.fround(expectedW - expectedM * 0.25);
    expect(values[step % values.length]).toBeCloseTo(expectedW, 2);
    expect(values.every((v) => v === values[0]) && moments.every((v) => v === moments[0]), `step ${step}`).toBe(true);
    expect(moments[0]).toBe(expectedM);
  }
  await program[Symbol.asyncDispose]();
});

test("equal nodes are written once", async () => {
  const x = input("x", "float32", ["n"]);
  const { nodes } = lowered({ y: o.add(o.exp(o.mul(x, 2)), o.exp(o.mul(x, 2))) });
  expect(nodes.map(({ op }) => op)).toEqual(["Mul", "Exp", "Add"]);
  const out = await runGraph(graph({ same: x, twice: o.add(x, x), again: o.add(x, x) }), { x: float32([2], [1, 2]) });
  expect([...(out.again.data as Float32Array), ...(out.same.data as Float32Array)]).toEqual([2, 4, 1, 2]);
});

test("the dump has one line a node, with names, types, attributes and outputs", () => {
  const x = input("x", "float32", ["batch", 4]);
  const w = parameter("layer.weight", [3, 4]);
  const y = o.mul(o.matmul(x, w, { transB: true, alpha: 0.5 }), 2);
  const [values, indices] = o.topK(y, 2);
  const text = dump(graph({ values, indices })).replace(/%\d+/g, "%");
  expect(text.split("\n")).toEqual(
    [
      "input x: float32[batch, 4]",
      "parameter layer.weight: float32[3, 4]",
      "%: float32[batch, 3] = MatMul(x, layer.weight) {transA=false transB=true alpha=0.5}",
      "%: float32[batch, 3] = Mul(%, 2) ",
      "%.0: float32[batch, 2], %.1: int64[batch, 2] = TopK(%) {axis=1 k=2}",
      "output values = %.0",
      "output indices = %.1",
    ].map((line) => line.trimEnd()),
  );
});

test("zeros around what a pool takes its maximum of stay zeros", async () => {
  const x = input("x", "float32", [1, 1, 2, 2]);
  const g = graph({ y: o.maxPool(o.pad(x, [0, 0, 1, 1], [0, 0, 1, 1]), 2) });
  const { y } = await runGraph(g, { x: float32([1, 1, 2, 2], [-1, -2, -3, -4]) });
  expect([...(y!.data as Float32Array)]).toEqual([0, 0, 0, 0]);
});
