/** Products with weights stored in 8 or 4 bits. */
import { fail } from "../../errors.ts";
import { type Dim, sameShape, showShape } from "../dims.ts";
import type { Tensor } from "../tensor.ts";
import { makers, type ShapeRules, sameDType } from "./kind.ts";

declare module "../tensor.ts" {
  interface Attributes {
    /**
     * x · (w · scale) with weights in 8 bits by output column: x [..., in], w int8 [in, out], scale [out]. Fused, each
     * row of x is rounded to whole multiples of its largest magnitude / `Levels` (straight through for gradients).
     */
    MatMulInt8: None;
    /**
     * x · wᵀ with weights in 4 or 8 bits by block of the inner axis: x [..., in], w uint8 [out, in / block,
     * block · bits / 8], in 4 bits two values a byte, low half first; 8 or 128 is zero; scale [out, in / block]. Fused,
     * x is rounded to 8 bits by block unless it is to be taken as it is (`exact`).
     */
    MatMulBlocks: { readonly bits: 4 | 8; readonly block: number; readonly exact: boolean };
  }
}

const shapes = {
  MatMulInt8: ([x, w, scale]) => {
    const [inner, out] = w!.shape as [Dim, Dim];
    if (w!.dtype !== "int8" || w!.shape.length !== 2 || x!.shape.at(-1) !== inner || !sameShape(scale!.shape, [out])) {
      const [a, b, c] = [x!, w!, scale!].map(({ shape }) => showShape(shape));
      fail("wrong_use", `${a} by ${w!.dtype} weights ${b} with scales ${c}`);
    }
    return [{ dtype: sameDType([x!, scale!]), shape: [...x!.shape.slice(0, -1), out] }];
  },
  MatMulBlocks: ([x, w, scale], { bits, block }) => {
    const [out, blocks, bytes] = w!.shape as [Dim, number, Dim];
    // The kernel is told the number of outputs.
    const fits =
      w!.dtype === "uint8" &&
      w!.shape.length === 3 &&
      typeof out === "number" &&
      bytes === (block * bits) / 8 &&
      x!.shape.at(-1) === blocks * block;
    if (!fits || !sameShape(scale!.shape, [out, blocks])) {
      const [a, b, c] = [x!, w!, scale!].map(({ shape }) => showShape(shape));
      fail("wrong_use", `${a} by ${w!.dtype} weights ${b} with scales ${c} in blocks of ${block}`);
    }
    return [{ dtype: sameDType([x!, scale!]), shape: [...x!.shape.slice(0, -1), out] }];
  },
} satisfies ShapeRules;

export default shapes;

const { one } = makers(shapes);

/** x [..., in] by weights in 8 bits; see `MatMulInt8` in {@link Attributes}. */
export const matmulInt8 = (x: Tensor, w: Tensor, scale: Tensor) => one("MatMulInt8", [x, w, scale], {});

/** x [..., in] by weights in blocks of 4 or 8 bits; see `MatMulBlocks` in {@link Attributes}. */
export const matmulBlocks = (
  x: Tensor,
  w: Tensor,
  scale: Tensor,
  how: { readonly bits: 4 | 8; readonly block: number; readonly exact?: boolean },
) => one("MatMulBlocks", [x, w, scale], { exact: false, ...how });
