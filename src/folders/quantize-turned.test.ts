/** Matrices that a model keeps as [in, out], in few bits: the same values and scales as of the transposed matrix. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { float32, type NdArray } from "../graph/array.ts";
import { graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { input } from "../graph/tensor.ts";
import { createScope } from "../nn/scope.ts";
import { compile } from "../runtime/compile-node.ts";
import { joinQuantized, quantizer, splitQuantized } from "../weights/quantize.ts";
import { openSafetensors, readStored } from "../weights/safetensors-node.ts";
import { isQuantized, partNames, type RoundedFormat, type StoredTensor } from "../weights/weights.ts";
import type { ModelFolder } from "./open-node.ts";
import { type QuantizeOptions, quantizeFolder } from "./quantize-node.ts";

const place = mkdtempSync(join(tmpdir(), "zeroth-turned-"));
afterAll(() => rmSync(place, { recursive: true }));

const formats = [
  ["int8", "int8_turned"],
  ["int4", "int4_turned"],
] as const;

const inMemory = ({ dtype, shape, data }: NdArray): StoredTensor & { data: Uint8Array } => ({
  dtype,
  shape,
  data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
});

const numbersOf = (height: number, width: number, seed: number) =>
  Float32Array.from({ length: height * width }, (_, i) => Math.sin(i * 12.9898 + seed) * (1 + (i % 7)));

function transposed(values: Float32Array, width: number): Float32Array {
  const height = values.length / width;
  return Float32Array.from(values, (_, i) => values[(i % height) * width + Math.floor(i / height)]!);
}

/** The parts of a matrix [out, in] as a file holds them under this format's names. */
function stored(name: string, format: RoundedFormat, rows: Float32Array, shape: readonly [number, number]) {
  const work = quantizer(format, shape);
  work.rows(rows);
  const { values, scales } = work.finish();
  const names = partNames(name, format);
  return new Map([
    [names.values, inMemory(values)],
    [names.scales, inMemory(scales)],
  ]);
}

test.each(formats)("%s and %s hold the same, and read as matrices that are transposed", (format, turned) => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 3 }), fc.integer({ max: 99 }));
  fc.assert(
    fc.property(sizes, ([out, blocks, seed]) => {
      const width = 32 * blocks;
      const rows = numbersOf(out, width, seed);
      const [plain, other] = [format, turned].map((f) => joinQuantized(stored("w", f, rows, [out, width]), "here"));
      const [a, b] = [plain!.get("w")!, other!.get("w")!];
      expect([a.shape, b.shape]).toEqual([
        [out, width],
        [width, out],
      ]);
      if (!isQuantized(a) || !isQuantized(b)) throw new Error("not joined");
      expect(readStored(b.values).data).toEqual(readStored(a.values).data);
      expect(readStored(b).data).toEqual(transposed(readStored(a).data as Float32Array, width));
      expect(readStored(b).shape).toEqual([width, out]);
      expect([...splitQuantized(other!).keys()].sort()).toEqual([`w.scale`, `w.${turned}`].sort());
    }),
    { seed: 5, numRuns: 20 },
  );
});

test.each(formats)("products over %s and %s are the same to the last bit", async (format, turned) => {
  const [out, width] = [40, 64];
  const rows = numbersOf(out, width, 1);
  const x = input("x", "float32", ["rows", width]);
  const feeds = { x: float32([3, width], numbersOf(3, width, 2)) };
  const of = async (f: RoundedFormat, shape: number[], transB: boolean) => {
    const weights = joinQuantized(stored("w", f, rows, [out, width]), "here");
    const y = o.matmul(x, createScope().param("w", shape), { transB, alpha: 0.5 });
    await using program = await compile(graph({ y }), { weights, threads: 1 });
    return (await program.run(feeds)).y.data as Float32Array;
  };
  const [plain, other] = [await of(format, [out, width], true), await of(turned, [width, out], false)];
  expect(other).toEqual(plain);
  expect(Math.max(...plain.map(Math.abs))).toBeGreaterThan(1);
  // The other way round it is another product, which nothing stands for.
  await expect(of(turned, [width, out], true)).rejects.toThrow();
});

const same = (a: NdArray, b: NdArray) =>
  Buffer.compare(Buffer.from(a.data.buffer, a.data.byteOffset), Buffer.from(b.data.buffer, b.data.byteOffset)) === 0;

function folderOf(tensors: Record<string, StoredTensor>): ModelFolder {
  return { path: place, files: [], config: { model_type: "gpt2" }, weights: new Map(Object.entries(tensors)) } as never;
}

const quantize = (folder: ModelFolder, name: string, choose: QuantizeOptions["choose"], bits: 8 | 4 = 8) =>
  quantizeFolder(folder, { out: join(place, name), bits, choose });

test("a matrix that is read in many parts is quantised as in one", async () => {
  // More columns and more rows than are held at once.
  const [height, width] = [64, 70_000];
  const values = numbersOf(height, width, 3);
  const matrix = inMemory(float32([height, width], values));
  const { reports } = await quantize(folderOf({ w: matrix }), "parts", () => "int8_turned");
  expect(reports).toMatchObject([{ tensor: "w", format: "int8_turned" }]);
  const { tensors } = openSafetensors(join(place, "parts", "model.safetensors"));
  const work = quantizer("int8", [width, height]);
  work.rows(transposed(values, width));
  const whole = work.finish();
  expect(same(readStored(tensors.get("w.int8_turned")!), whole.values)).toBe(true);
  expect(same(readStored(tensors.get("w.scale")!), whole.scales)).toBe(true);
});

test("4 bits need whole blocks along the inner dimension, the first of such a matrix", async () => {
  const fits = inMemory(float32([96, 70], numbersOf(96, 70, 4)));
  const odd = inMemory(float32([70, 96], numbersOf(70, 96, 4)));
  const { reports } = await quantize(folderOf({ fits, odd }), "blocks", () => "int4_turned", 4);
  expect(reports.map(({ format }) => format)).toEqual(["int4_turned", "int8_turned"]);
});

test("what is in 8 bits is made 4 from what it stands for", async () => {
  const rows = numbersOf(70, 96, 5);
  const weights = joinQuantized(stored("w", "int8_turned", rows, [70, 96]), "here");
  const folder = folderOf(Object.fromEntries(weights));
  await expect(quantize(folder, "again", () => "int8_turned")).rejects.toThrow("8 bits already");
  const { reports } = await quantize(folder, "four", () => "int4_turned", 4);
  expect(reports.map(({ format }) => format)).toEqual(["int4_turned"]);
  const { tensors } = openSafetensors(join(place, "four", "model.safetensors"));
  const work = quantizer("int4", [70, 96]);
  work.rows(transposed(readStored(weights.get("w")!).data as Float32Array, 70));
  expect(same(readStored(tensors.get("w.int4_turned")!), work.finish().values)).toBe(true);
});
