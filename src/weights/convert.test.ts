import { describe, expect, test } from "vitest";
import { float32, ndarray } from "../graph/array.ts";
import { fromFloat32, toFloat32 } from "./convert.ts";

const every16 = ndarray(
  "float16",
  [65536],
  Uint16Array.from({ length: 65536 }, (_, i) => i),
);

describe("16-bit floats", () => {
  test.each(["float16", "bfloat16"] as const)("every %s survives float32 and back", (dtype) => {
    const back = fromFloat32(toFloat32({ ...every16, dtype }), dtype).data as Uint16Array;
    const exponent = dtype === "float16" ? 0x7c00 : 0x7f80;
    for (let bits = 0; bits < 65536; bits++) {
      const isNotANumber = (bits & exponent) === exponent && (bits & ~(exponent | 0x8000)) !== 0;
      if (isNotANumber)
        expect((back[bits]! & exponent) === exponent && (back[bits]! & ~(exponent | 0x8000)) !== 0).toBe(true);
      else if (back[bits] !== bits) expect(back[bits]).toBe(bits);
    }
  });

  test.each(["float16", "bfloat16"] as const)(
    "%s rounds the middle to even and its neighbours to the nearer",
    (dtype) => {
      const exact = toFloat32({ ...every16, dtype }).data as Float32Array;
      const infinity = dtype === "float16" ? 0x7c00 : 0x7f80;
      for (let bits = 0; bits + 1 < infinity; bits += 7) {
        const low = exact[bits]!;
        const high = exact[bits + 1]!;
        const middle = (low + high) / 2;
        if (Math.fround(middle) !== middle) continue; // below float32's own steps
        const nudge = (value: number, by: number) => {
          const word = new Uint32Array(Float32Array.of(value).buffer);
          word[0] = word[0]! + by;
          return new Float32Array(word.buffer)[0]!;
        };
        const values = float32([3], [nudge(middle, -1), middle, nudge(middle, 1)]);
        const even = bits % 2 === 0 ? bits : bits + 1;
        expect([...(fromFloat32(values, dtype).data as Uint16Array)]).toEqual([bits, even, bits + 1]);
      }
    },
  );

  test("known values", () => {
    const values = float32([7], [1, -2, 65504, 65519, 65520, 2 ** -24, 2.9e-8]);
    expect([...(fromFloat32(values, "float16").data as Uint16Array)]).toEqual([
      0x3c00, 0xc000, 0x7bff, 0x7bff, 0x7c00, 1, 0,
    ]);
    expect([...(fromFloat32(float32([2], [3.4e38, -1]), "bfloat16").data as Uint16Array)]).toEqual([0x7f80, 0xbf80]);
    const nan = fromFloat32(float32([1], new Float32Array(Uint32Array.of(0x7f800001).buffer)), "bfloat16");
    expect(nan.data[0]).toBe(0x7fc0);
  });
});

test("float64 narrows to the nearest, float32 passes as it is, integers are refused", () => {
  const wide = ndarray("float64", [2], Float64Array.of(0.1, 1 + 2 ** -30));
  expect([...(toFloat32(wide).data as Float32Array)]).toEqual([Math.fround(0.1), 1]);
  const plain = float32([1], [3]);
  expect(toFloat32(plain)).toBe(plain);
  expect(() => toFloat32(ndarray("int32", [1], Int32Array.of(1)))).toThrow("int32 is not a float type");
});
