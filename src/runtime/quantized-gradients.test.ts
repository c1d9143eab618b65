/** Gradients through frozen weights in 8 and 4 bits: those of the same numbers written out. */
import { describe, expect, test } from "vitest";
import { expectClose } from "../../test/support/fixtures.ts";
import { float32, type NdArray } from "../graph/array.ts";
import { gradients } from "../graph/differentiate.ts";
import { graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { input, parameter } from "../graph/tensor.ts";
import { dequantized, quantizer } from "../weights/quantize.ts";
import type { PlainTensor, StoredTensor } from "../weights/weights.ts";
import { compile } from "./compile-node.ts";

const [inner, out] = [64, 32];
const values = (shape: readonly number[], seed: number): NdArray<"float32"> => {
  const size = shape.reduce((a, b) => a * b, 1);
  return float32(
    shape,
    Array.from({ length: size }, (_, i) => Math.sin(seed + 1.37 * i)),
  ) as NdArray<"float32">;
};
const plain = ({ dtype, shape, data }: NdArray): PlainTensor => {
  const { buffer, byteOffset, byteLength } = data as Float32Array<ArrayBuffer>;
  return { dtype, shape, data: new Uint8Array(buffer, byteOffset, byteLength) };
};

describe.each(["int8", "int4", "int8_turned", "int4_turned"] as const)("%s", (format) => {
  test("the gradient of what a product is given", async () => {
    const turned = format.endsWith("_turned");
    const shape = turned ? [inner, out] : [out, inner];
    const work = quantizer(format, [out, inner]);
    work.rows(values([out, inner], 2).data as Float32Array);
    const parts = work.finish();
    const numbers = dequantized(format, parts.values, parts.scales);
    const stored = {
      ...plain(parts.values),
      shape,
      format,
      values: plain(parts.values),
      scales: plain(parts.scales),
    } as StoredTensor;
    const x = input("x", "float32", [3, inner]);
    const y = o.matmul(x, parameter("w", shape), { transB: !turned, alpha: 0.5 });
    const loss = o.sum(o.mul(y, input("g", "float32", [3, out])));
    const [gradient] = gradients(loss, [x]);
    const g = graph({ gradient: gradient! });
    const feeds = { g: values([3, out], 5) };
    const run = async (weight: StoredTensor) => {
      await using program = await compile(g, { weights: new Map([["w", weight]]), threads: 1, optimize: "disabled" });
      return (await program.run(feeds)).gradient.data as Float32Array;
    };
    const found = await run(stored);
    expect(found.length).toBe(3 * inner);
    expectClose(found, await run(plain(numbers)), 1e-5, format);
  });
});
