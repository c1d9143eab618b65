/** Weights in blocks as numbers, and how many of them a page takes. */
import { describe, expect, test } from "vitest";
import { expectClose } from "../../test/support/fixtures.ts";
import type { NdArray } from "../graph/array.ts";
import { dequantized, quantizer } from "./quantize.ts";
import { inBlocks, needRoomInPage, unfold } from "./unfold.ts";
import {
  isPlain,
  layoutOf,
  type PlainTensor,
  type QuantizedFormat,
  type QuantizedTensor,
  quantizedFormats,
  type StoredTensor,
} from "./weights.ts";

const stored = ({ dtype, shape, data }: NdArray): PlainTensor => ({
  dtype,
  shape,
  data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
});

const numbers = Float32Array.from({ length: 4 * 64 }, (_, i) => Math.sin(i * i));

function inFourBits(format: "int4" | "int4_turned"): { tensor: QuantizedTensor; expected: NdArray } {
  const made = quantizer(format, [4, 64]);
  made.rows(numbers);
  const { values, scales } = made.finish();
  const shape = format === "int4" ? [4, 64] : [64, 4];
  const tensor = { dtype: "uint8", shape, format, values: stored(values), scales: stored(scales) } as const;
  return { tensor, expected: dequantized(format, values, scales) };
}

/** A matrix of so many elements in a format, none of which is there. */
function huge(format: QuantizedFormat, elements: number): QuantizedTensor {
  const part = (length: number): PlainTensor => ({ dtype: "uint8", shape: [], file: "/nowhere", offset: 0, length });
  const bits = format.includes("4") ? 4 : 8;
  const shape = [1000, elements / 1000];
  return { dtype: "uint8", shape, format, values: part((elements * bits) / 8), scales: part(elements / 8) };
}

describe("what lies in blocks becomes numbers", () => {
  test.each(["int4", "int4_turned"] as const)("%s, once for all programs, where it is asked for", (format) => {
    const { tensor, expected } = inFourBits(format);
    const weights = new Map<string, StoredTensor>([
      ["w", tensor],
      ["other", inFourBits(format).tensor],
    ]);
    const result = unfold(weights, ["w", "not there"]);
    const w = result.get("w")!;
    if (!isPlain(w) || !("data" in w)) throw new Error("no numbers");
    expect([w.dtype, w.shape]).toEqual(["float32", tensor.shape]);
    expectClose(new Float32Array(w.data.buffer), expected.data as Float32Array, 0, format);
    expect(result.get("other")).toBe(weights.get("other"));
    expect(unfold(weights, ["w"]).get("w")).toBe(w);
    expect(weights.get("w")).toBe(tensor);
  });

  test("parts that begin at any byte", () => {
    const { tensor, expected } = inFourBits("int4");
    const moved = (part: PlainTensor): PlainTensor => {
      if (!("data" in part)) throw new Error("no data");
      const bytes = new Uint8Array(part.data.length + 1);
      bytes.set(part.data, 1);
      return { ...part, data: bytes.subarray(1) };
    };
    const weights = new Map([["w", { ...tensor, values: moved(tensor.values), scales: moved(tensor.scales) }]]);
    const w = unfold(weights, ["w"]).get("w") as PlainTensor & { data: Uint8Array };
    expectClose(new Float32Array(w.data.buffer), expected.data as Float32Array, 0, "moved");
  });
});

describe("more than a page has room for", () => {
  const refused = (tensor: StoredTensor) => () => needRoomInPage(new Map([["w", tensor]]), "http://localhost/model");

  test.each(quantizedFormats)("%s", (format) => {
    const { values } = layoutOf(format);
    const eight = values === "int8" || values === "int8_rows";
    expect(inBlocks(huge(format, 1000))).toBe(!eight);
    // A number of blocks takes 4 bytes, one of rows in 8 bits a byte and its share of a scale.
    const fits = eight ? 2.1e9 : 0.62e9;
    expect(refused(huge(format, fits))).not.toThrow();
    expect(refused(huge(format, 1.1 * fits))).toThrow(
      expect.objectContaining({
        code: "out_of_memory",
        message: expect.stringMatching(/2\.[67] GB of weights.* do not fit in a page, which has room for 2\.5 GB/),
      }),
    );
  });

  test("a GGUF file", () => {
    const place = { file: "/nowhere", offset: 0, length: 0.4e9 };
    const tensor = (elements: number) =>
      ({ dtype: "float32", shape: [1000, elements / 1000], gguf: "Q4_0", place }) as const;
    expect(refused(tensor(0.62e9))).not.toThrow();
    expect(refused(tensor(0.7e9))).toThrow(expect.objectContaining({ code: "out_of_memory" }));
  });

  test("numbers are left to the engine", () => {
    expect(refused({ dtype: "float32", shape: [1e9], file: "/nowhere", offset: 0, length: 4e9 })).not.toThrow();
  });
});
