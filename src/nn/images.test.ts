/** Norms, convolutions, resizes and grids of images against PyTorch (parity/vision_layers.py). */
import { expect, test } from "vitest";
import { expectClose, readFloats, readTensors } from "../../test/support/fixtures.ts";
import { runGraph } from "../../test/support/run-graph.ts";
import { float32 } from "../graph/array.ts";
import { gradients } from "../graph/differentiate.ts";
import { graph } from "../graph/graph.ts";
import { gridSample } from "../graph/grid-sample.ts";
import * as o from "../graph/operators.ts";
import { type ResizeOptions, resize } from "../graph/resize.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import { convolution, samePadding } from "./convolutions.ts";
import { batchNorm, groupNorm } from "./norms.ts";
import type { Scope } from "./scope.ts";

const stored = readTensors("vision", "layers.safetensors");
const floats = (name: string) => readFloats(stored.get(name)!);
const array = (name: string) => float32(stored.get(name)!.shape, floats(name));

/** Parameters of a layer are inputs of the test, by other names. */
const scopeOf = (names: Record<string, Tensor>): Scope => ({
  at: () => scopeOf(names),
  param: (name) => names[name]!,
  parameters: new Map(),
});

/** A value and its gradients by these inputs against what PyTorch has of them under `name`. */
async function same(name: string, y: Tensor, inputs: Record<string, Tensor>, given: string, more = {}): Promise<void> {
  const loss = o.sum(o.mul(y, input(given, "float32", y.shape)));
  const keys = Object.keys(inputs);
  const grads = gradients(loss, Object.values(inputs));
  const named = Object.fromEntries(keys.map((key, i) => [`grad.${key}`, grads[i]!]));
  const results = await runGraph(
    graph<string>({ y, ...named, ...more }),
    Object.fromEntries([...stored.keys()].map((key) => [key, array(key)])),
  );
  for (const [key, value] of Object.entries(results)) {
    expectClose(value.data as Float32Array, floats(`${name}.${key}`), 1e-5, `${name}.${key}`);
  }
}

const given = (name: string) => input(name, "float32", stored.get(name)!.shape);
const [x, w, b] = ["x", "w", "b"].map(given) as [Tensor, Tensor, Tensor];

test("a group norm and its gradients", async () => {
  await same("group", groupNorm(scopeOf({ weight: w, bias: b }), x, 3, 1e-5), { x, w, b }, "given");
});

test("groups that do not divide the channels are refused", () => {
  expect(() => groupNorm(scopeOf({ weight: w, bias: b }), x, 4, 1e-5)).toThrow(/4 groups do not divide 6 channels/);
});

test("a batch norm by its running statistics, and by the batch, which moves them", async () => {
  const scope = scopeOf({ weight: w, bias: b, running_mean: given("mean"), running_var: given("var") });
  await same("still", batchNorm(scope, x, { epsilon: 1e-5 }), { x, w, b }, "given");
  const moved: Tensor[] = [];
  const y = batchNorm(scope, x, { epsilon: 1e-5, track: (_, next) => moved.push(next) });
  await same("batch", y, { x, w, b }, "given", { nextMean: moved[0], nextVar: moved[1] });
});

test("a convolution with its kernel standardised, and the gradient through that", async () => {
  const kernel = given("kernel");
  const y = convolution(scopeOf({ weight: kernel }), x, 4, [3, 3], { stride: 2, pads: 1, standardise: 1e-8 });
  await same("standard", y, { x, kernel }, "standard.given");
});

const resizes: [string, readonly [number, number], ResizeOptions][] = [
  ["cubic", [7, 3], { mode: "cubic" }],
  ["cubic-wide", [3, 9], { mode: "cubic", antialias: true }],
  ["linear", [3, 6], { mode: "linear" }],
  ["linear-small", [2, 2], { mode: "linear", antialias: true }],
  ["corners", [7, 6], { mode: "linear", alignCorners: true }],
  ["nearest", [7, 3], { mode: "nearest" }],
];
test.each(resizes)("a resize, %s", async (name, [rows, columns], options) => {
  await same(name, resize(x, { 2: rows, 3: columns }, options), { x }, `${name}.given`);
});

test("a resize along an axis that is not among the last two", async () => {
  const turned = resize(o.transpose(x, [2, 3, 0, 1]), { 0: 7, 1: 3 }, { mode: "cubic" });
  await same("cubic", o.transpose(turned, [2, 3, 0, 1]), { x }, "cubic.given");
});

test.each(["zeros", "border"] as const)("values at a grid, outside %s", async (outside) => {
  const grid = given("grid");
  for (const [alignCorners, name] of [
    [false, "False"],
    [true, "True"],
  ] as const) {
    await same(`grid-${outside}-${name}`, gridSample(x, grid, { alignCorners, outside }), { x, grid }, "grid.given");
  }
});

test("SAME padding puts the smaller half first", () => {
  expect(samePadding(30, 7, 2)).toEqual([2, 3]);
  expect(samePadding(13, 3, 2)).toEqual([1, 1]);
  expect(samePadding(8, 1, 2)).toEqual([0, 0]);
});
