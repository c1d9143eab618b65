/** Reading committed fixtures: small safetensors files and JSON, independent of the code under test. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { type DType, dtypeOfSafetensors } from "../../src/graph/dtype.ts";
import type { StoredTensor } from "../../src/weights/weights.ts";

export const fixtures = new URL("../fixtures/", import.meta.url).pathname;

export function readJson<T>(...path: string[]): T {
  return JSON.parse(readFileSync(join(fixtures, ...path), "utf8")) as T;
}

/** All tensors of one safetensors file, in place. */
export function readTensors(
  ...path: string[]
): Map<string, StoredTensor & { file: string; offset: number; length: number }> {
  const file = join(fixtures, ...path);
  const bytes = readFileSync(file);
  const size = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + size).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
  return new Map(
    entries.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [begin, end],
        },
      ]) => [
        name,
        { dtype: dtypeOfSafetensors(dtype) as DType, shape, file, offset: 8 + size + begin, length: end - begin },
      ],
    ),
  );
}

/** The weights of a fixture's model folder, sharded or not. */
export function readWeights(folder: string): Map<string, StoredTensor> {
  const files = readdirSync(join(fixtures, folder)).filter((name) => /^model.*\.safetensors$/.test(name));
  return new Map(files.flatMap((name) => [...readTensors(folder, name)]));
}

/** One float32 tensor of a fixture. */
export function readFloats(tensor: { file: string; offset: number; length: number }): Float32Array {
  const bytes = readFileSync(tensor.file).subarray(tensor.offset, tensor.offset + tensor.length);
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** Elementwise agreement relative to the largest expected magnitude, or to `floor` above it; names the worst element. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
  floor = 1e-6,
): void {
  expect(actual.length, what).toBe(expected.length);
  let scale = 0;
  let worst = -1;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    scale = Math.max(scale, Math.abs(expected[i]!));
    const d = Math.abs(actual[i]! - expected[i]!);
    if (!(d <= difference)) {
      difference = d;
      worst = i;
    }
  }
  const ok = difference <= tolerance * Math.max(scale, floor);
  expect(ok, `${what}: element ${worst} is ${actual[worst]}, expected ${expected[worst]} (scale ${scale})`).toBe(true);
}
