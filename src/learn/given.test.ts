/** A gradient given from outside makes the steps that the whole loss would. */
import { expect, test } from "vitest";
import { float32, int64, type NdArray } from "../graph/array.ts";
import { gradients } from "../graph/differentiate.ts";
import { graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { input, parameter, type Tensor } from "../graph/tensor.ts";
import { compile } from "../runtime/compile-node.ts";
import { givenGradients } from "./given.ts";
import { adamw } from "./optimizers.ts";
import { createTrainer, type TrainerOptions } from "./trainer.ts";

const compileTrained: TrainerOptions["compile"] = (g) =>
  compile(g, { threads: 2, trained: () => true, optimize: "disabled" });

const numbers = (array: NdArray | undefined) => Array.from(array!.data as Float32Array, Number);
const waves = (count: number, from = 1) => Array.from({ length: count }, (_, i) => Math.sin(1.7 * (i + from) + from));

/** Two towers' embeddings of [rows, 4] inputs, by shared layers. */
const tower = (x: Tensor, first: Tensor, second: Tensor) =>
  o.matmul(o.tanh(o.matmul(x, first, { transB: true })), second, { transB: true });
const contrastive = (q: Tensor, d: Tensor, labels: Tensor) =>
  o.mean(o.softmaxCrossEntropy(o.matmul(q, d, { transB: true }), labels));
const parameters = () => {
  const [first, second] = [parameter("first", [8, 4]), parameter("second", [5, 8])];
  const specs = [
    { name: "first", shape: [8, 4], tensor: first },
    { name: "second", shape: [5, 8], tensor: second },
  ];
  const values = new Map([
    ["first", float32([8, 4], waves(32))],
    ["second", float32([5, 8], waves(40, 5))],
  ]);
  return { first, second, specs, values };
};
const rows = 6;
const labels = int64([rows], [0, 1, 2, 3, 4, 5]);
const text = (from: number) => float32([rows, 4], waves(rows * 4, from));

test("a gradient cache of three parts is the direct gradient of the whole batch", async () => {
  const direct = parameters();
  const q = tower(input("q", "float32", [rows, 4]), direct.first, direct.second);
  const d = tower(input("d", "float32", [rows, 4]), direct.first, direct.second);
  await using whole = await createTrainer({
    loss: contrastive(q, d, input("labels", "int64", [rows])),
    parameters: direct.specs,
    values: direct.values,
    optimizer: adamw(),
    clip: 0.5,
    compile: compileTrained,
  });

  const cached = parameters();
  const part = (name: string) => tower(input(name, "float32", ["rows", 4]), cached.first, cached.second);
  const outputs = { queries: part("q"), documents: part("d") };
  await using forward = await compileTrained(graph(outputs));
  const embedded = ["q", "d"].map((name) => input(name, "float32", [rows, 5])) as [Tensor, Tensor];
  const loss = contrastive(...embedded, input("labels", "int64", [rows]));
  const [dq, dd] = gradients(loss, embedded) as [Tensor, Tensor];
  await using outer = await compileTrained(graph({ loss, dq, dd }));
  await using trainer = await createTrainer({
    loss: givenGradients(outputs),
    outputs,
    parameters: cached.specs,
    values: cached.values,
    optimizer: adamw(),
    clip: 0.5,
    accumulate: 3,
    compile: compileTrained,
  });
  const piece = ({ data, shape }: NdArray, i: number) =>
    float32([2, shape[1]!], (data as Float32Array).slice(i * 2 * shape[1]!, (i + 1) * 2 * shape[1]!));
  const joined = (arrays: readonly NdArray[]) => float32([rows, 5], arrays.flatMap(numbers));

  for (let step = 0; step < 4; step++) {
    const batch = { q: text(step), d: text(step + 20) };
    const reference = await whole.step([{ ...batch, labels }], 0.05);
    const parts = [0, 1, 2].map((i) => ({ q: piece(batch.q, i), d: piece(batch.d, i) }));
    const embeddings: Record<string, NdArray>[] = [];
    for (const feeds of parts) embeddings.push(await forward.run({ ...feeds, ...Object.fromEntries(cached.values) }));
    const all = {
      q: joined(embeddings.map(({ queries }) => queries!)),
      d: joined(embeddings.map(({ documents }) => documents!)),
    };
    const result = await outer.run({ ...all, labels });
    expect(Number(result.loss!.data[0])).toBeCloseTo(reference.loss, 5);
    const report = await trainer.step(
      parts.map((feeds, i) => ({
        ...feeds,
        "given/queries": piece(result.dq!, i),
        "given/documents": piece(result.dd!, i),
      })),
      0.05,
    );
    expect(report.gradNorm).toBeCloseTo(reference.gradNorm, 5);
    expect(numbers(joined(report.outputs.queries))).toEqual(numbers(all.q));
  }
  for (const [name, value] of direct.values) {
    const found = numbers(cached.values.get(name));
    numbers(value).forEach((wanted, i) => {
      expect(found[i], name).toBeCloseTo(wanted, 4);
    });
  }
});

test("needs floats, and something to be given for", () => {
  expect(() => givenGradients({ ids: input("ids", "int64", [1]) })).toThrow(/"ids" is int64/);
  expect(() => givenGradients({})).toThrow(/no outputs/);
});
