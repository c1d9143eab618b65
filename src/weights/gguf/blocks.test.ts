import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ndarray } from "../../graph/array.ts";
import { bfloat16ToFloat32 } from "../../graph/half.ts";
import { dequantized } from "../quantize.ts";
import { openSafetensors, readTensor } from "../safetensors-node.ts";
import type { GgufTensor } from "../weights.ts";
import { dequantizedBlocks, formOf, repackedBlocks } from "./blocks.ts";
import { readGgufHeader } from "./header.ts";
import { type ReadPlace, readGgufTensor } from "./rows.ts";
import { type BlockType, isPlainType } from "./types.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/gguf/${name}`, import.meta.url));
const bytes = readFileSync(fixture("every-type.gguf"));
const { tensors } = readGgufHeader((at, n) => bytes.subarray(at, at + n), bytes.length, "every-type.gguf");
const expected = openSafetensors(fixture("every-type.safetensors"));
const memory: ReadPlace = (place, from, length) =>
  "data" in place ? place.data.subarray(from, from + length) : new Uint8Array();
const dataOf = (name: string) => {
  const { offset, length } = tensors.get(name)!;
  return new Uint8Array(bytes.subarray(offset, offset + length));
};
const storedAs = (name: string, more: Partial<GgufTensor> = {}): GgufTensor => {
  const { type, shape } = tensors.get(name)!;
  return { dtype: "float32", gguf: type, shape, place: { data: dataOf(name) }, ...more };
};
const bitsOf = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);
const numbers = (name: string) => readTensor(expected, name).data as Float32Array;

test.each([...tensors.keys()])("%s: bit for bit what the gguf package makes of it", (name) => {
  const made = readGgufTensor(storedAs(name), memory).data as Float32Array;
  expect(bitsOf(made)).toEqual(bitsOf(numbers(name)));
});

const blockTypes = [...tensors].flatMap(([name, { type }]) => (isPlainType(type) ? [] : [[type, name] as const]));

test.each(blockTypes)("%s: repacked for the kernel it stands for the same numbers", (type, name) => {
  const { values, scales, offsets } = repackedBlocks(type, dataOf(name), name);
  const { bits, group, hasOffset } = formOf(type);
  const blocks = 256 / group;
  expect(offsets !== undefined).toBe(hasOffset);
  const back = dequantized(
    `blocks${bits}`,
    ndarray("uint8", [2, blocks, (group * bits) / 8], values),
    ndarray("float32", [2, blocks], scales),
    offsets && ndarray("float32", [2, blocks], offsets),
  ).data as Float32Array;
  // -0 and 0 are the same weight.
  expect([...back].map((value) => value + 0)).toEqual([...numbers(name)].map((value) => value + 0));
});

test("rows change places, columns become rows, numbers are moved", () => {
  const rows = { rowOf: (row: number) => 1 - row };
  const [all, width] = [numbers("q4_k"), 256];
  const swapped = readGgufTensor(storedAs("q4_k", rows), memory).data as Float32Array;
  expect([...swapped]).toEqual([...all.slice(width), ...all.slice(0, width)]);
  const turned = readGgufTensor(storedAs("q5_0", { turned: true, shape: [256, 2] }), memory);
  expect([turned.shape, turned.data[3]]).toEqual([[256, 2], numbers("q5_0")[width + 1]]);
  const moved = readGgufTensor(storedAs("f32", { plus: -1 }), memory).data as Float32Array;
  expect(moved[7]).toBe(Math.fround(numbers("f32")[7]! - 1));
  const vector = {
    dtype: "float32",
    gguf: "BF16",
    shape: [2],
    place: { data: dataOf("bf16").subarray(0, 4) },
  } as const;
  const halves = bfloat16ToFloat32(new Uint16Array(dataOf("bf16").buffer, 0, 2));
  expect([...readGgufTensor({ ...vector, ...rows }, memory).data]).toEqual([...halves].reverse());
});

test.each<[BlockType, number]>([
  ["Q8_0", 0],
  ["Q4_1", 2],
  ["Q6_K", 208],
  ["Q2_K", 82],
])("%s: a scale that is no number is refused", (type, at) => {
  const name = type.toLowerCase();
  for (const [high, what] of [
    [0x7c, "Infinity"],
    [0x7e, "NaN"],
  ] as const) {
    const broken = dataOf(name);
    broken.set([0, high], at);
    const refusal = expect.objectContaining({
      code: "corrupt_file",
      message: expect.stringMatching("has a scale that is"),
    });
    expect(() => dequantizedBlocks(type, broken, name), what).toThrow(refusal);
    expect(() => repackedBlocks(type, broken, name), what).toThrow(refusal);
  }
});
