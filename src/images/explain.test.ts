/** Where a model looks: attention rolled out as whole matrices, gradients by differences, and the picture of both. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readFixture } from "../../test/support/models/models.ts";
import { float32, type NdArray } from "../graph/array.ts";
import { graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { evenly, openFrames } from "../media/images/frames-node.ts";
import type { Picture } from "../media/images/image.ts";
import { overlay } from "../media/images/overlay.ts";
import { pixelInput, shapeOf } from "../models/kinds/pixels.ts";
import { createScope } from "../nn/scope.ts";
import { compile } from "../runtime/compile-node.ts";
import { attentionGraph, explain, gradientGraph } from "./explain.ts";

const picture = (shape: readonly number[]): NdArray<"float32"> => {
  const size = shape.reduce((a, b) => a * b);
  return float32(
    shape,
    Float32Array.from({ length: size }, (_, i) => Math.sin(3 * i) / 2),
  );
};

test.each(["vit", "timm-vit", "timm-vit-mean", "vivit"])("attention of %s is that of whole matrices", async (name) => {
  const { architecture, weights } = readFixture(`vision/${name}`, "image-encoder");
  const shape = shapeOf(architecture.image);
  const pixels = picture([1, ...shape]);
  const seen: Tensor[] = [];
  architecture
    .network(createScope(), { watch: { attention: (p) => void seen.push(p) } })
    .encode(pixelInput(architecture.image));
  const g = graph<string>(Object.fromEntries(seen.map((p, i) => [`p${i}`, p])));
  await using program = await compile(g, { weights, threads: 1 });
  const results = await program.run({ pixels });
  const { first, times, rows, columns } = architecture.places!;
  const tokens = first + times * rows * columns;
  let rolled: number[][] = Array.from({ length: tokens }, (_, i) =>
    Array.from({ length: tokens }, (_, j) => (i === j ? 1 : 0)),
  );
  for (let layer = 0; layer < seen.length; layer++) {
    const { data, shape: whole } = results[`p${layer}`]!;
    const heads = whole[1]!;
    const mean = (i: number, j: number) => {
      let sum = 0;
      for (let h = 0; h < heads; h++) sum += (data as Float32Array)[(h * tokens + i) * tokens + j]! / heads;
      return 0.5 * sum + (i === j ? 0.5 : 0);
    };
    const before = rolled;
    rolled = before.map((_, i) => before.map((_, j) => before.reduce((sum, row, k) => sum + mean(i, k) * row[j]!, 0)));
  }
  const row =
    first > 0 ? rolled[0]! : rolled[0]!.map((_, j) => rolled.reduce((sum, line) => sum + line[j]! / tokens, 0));
  const wanted = Array.from({ length: rows * columns }, (_, place) => {
    let sum = 0;
    for (let t = 0; t < times; t++) sum += row[first + t * rows * columns + place]! / times;
    return sum;
  });
  await using looked = await compile(attentionGraph(architecture), { weights, threads: 1 });
  const { looks } = await looked.run({ pixels });
  wanted.forEach((value, i) => {
    expect((looks!.data as Float32Array)[i]).toBeCloseTo(value, 5);
  });
  const { heat, way } = await explain(architecture, (one) => compile(one, { weights, threads: 1 }), picture(shape));
  expect([way, Math.max(...heat), Math.min(...heat)]).toEqual(["attention", 1, 0]);
});

test("a gradient is the difference that a pixel makes to its class", async () => {
  const { architecture, weights } = readFixture("vision/timm-mixer", "image-encoder");
  const shape = shapeOf(architecture.image);
  const pixels = picture([1, ...shape]);
  await using program = await compile(gradientGraph(architecture), { weights, threads: 1 });
  const wanted = float32([1, 3], [0, 1, 0]);
  const { slopes } = await program.run({ pixels, wanted });
  const step = 0.02;
  for (const place of [0, 17, 40]) {
    const moved = (by: number) => {
      const data = (pixels.data as Float32Array).slice();
      data[place] = data[place]! + by;
      return program.run({ pixels: float32(pixels.shape, data), wanted });
    };
    const [above, below] = [await moved(step), await moved(-step)].map(
      ({ logits }) => (logits!.data as Float32Array)[1]!,
    );
    expect((slopes!.data as Float32Array)[place]).toBeCloseTo((above! - below!) / (2 * step), 3);
  }
  const compileHere = (one: Parameters<typeof compile>[0]) => compile(one, { weights, threads: 1 });
  expect(await explain(architecture, compileHere, picture(shape))).toMatchObject({ way: "gradient", rows: 8 });
  const refused = explain(architecture, compileHere, picture(shape), { way: "attention" });
  await expect(refused).rejects.toMatchObject({ code: "unsupported", hint: expect.stringContaining("gradient") });
  const missing = explain(architecture, compileHere, picture(shape), { way: "gradient", label: 3 });
  await expect(missing).rejects.toMatchObject({ code: "wrong_use" });
});

test("the overlay is as large as what the model saw, brighter where it looked", () => {
  const grey: Picture = { width: 4, height: 2, channels: 1, data: new Uint8Array(8).fill(100) };
  const seen = overlay(grey, { left: 1, top: 0, width: 2, height: 2 }, { rows: 1, columns: 2, heat: [0, 1] });
  expect([seen.width, seen.height, seen.channels]).toEqual([2, 2, 3]);
  expect([...seen.data.slice(0, 3)]).toEqual([45, 45, 45]);
  expect(seen.data[3]).toBeGreaterThan(150);
});

test("frames of a clip, evenly from the first to the last", async () => {
  expect(evenly(6, 4, "x")).toEqual([0, 1, 3, 5]);
  expect(evenly(4, 4, "x")).toEqual([0, 1, 2, 3]);
  expect(evenly(9, 1, "x")).toEqual([0]);
  expect(evenly(2, 4, "x", true)).toEqual([0, 1, 1, 1]);
  expect(() => evenly(2, 4, "clip.gif")).toThrow(/a clip of 2 frames, the model takes 4/);
  await expect(openFrames(mkdtempSync(join(tmpdir(), "frames-")))).rejects.toThrow(/holds no picture/);
  await expect(openFrames("/nowhere/at/all")).rejects.toMatchObject({ code: "not_found" });
});
