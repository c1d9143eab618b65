/** Rotary positions by tables of cosines and sines (Su et al. 2021, arXiv 2104.09864). */
import { fail } from "../../errors.ts";
import { type Dim, sameShape, showShape } from "../dims.ts";
import type { Tensor } from "../tensor.ts";
import { add, mul, sub } from "./elementwise.ts";
import { makers, type ShapeRules, sameDType } from "./kind.ts";
import { concat, reshape, slice } from "./shapes.ts";

export interface Rotation {
  readonly heads: number;
  /** Pairs are channels (2j, 2j + 1) instead of (j, j + r/2). */
  readonly interleaved: boolean;
}

declare module "../tensor.ts" {
  interface Attributes {
    /**
     * The first r channels of every head turned in pairs: x [rows, length, heads·k] and positions int64 [rows, length]
     * into tables of cosines and sines [any, r/2]. Inference only.
     */
    Rotate: Rotation;
  }
}

const shapes = {
  Rotate: ([x, positions, cos, sin], { heads }) => {
    const [rows, length, width] = x!.shape as [Dim, Dim, Dim];
    const half = cos!.shape[1];
    const fits =
      typeof width === "number" &&
      width % heads === 0 &&
      typeof half === "number" &&
      2 * half <= width / heads &&
      sameShape(cos!.shape, sin!.shape) &&
      sameShape(positions!.shape, [rows, length]);
    if (!fits) {
      const [a, b, c] = [x!, positions!, cos!].map(({ shape }) => showShape(shape));
      fail("wrong_use", `${a} of ${heads} heads turned by positions ${b} into tables ${c}`);
    }
    return [{ dtype: sameDType([x!, cos!, sin!]), shape: x!.shape }];
  },
} satisfies ShapeRules;

export default shapes;

const { one } = makers(shapes);

/** See `Rotate` in {@link Attributes}. */
export const rotateBy = (
  x: Tensor,
  positions: Tensor,
  { cos, sin }: { readonly cos: Tensor; readonly sin: Tensor },
  rotation: Rotation,
): Tensor => one("Rotate", [x, positions, cos, sin], rotation);

/** Turn the heads of x [rows, length, heads · k] by cosines and sines [rows | 1, length, 1, r/2]. */
export function rotateInParts(x: Tensor, cos: Tensor, sin: Tensor, { heads, interleaved }: Rotation): Tensor {
  const [rows, length, all] = x.shape as [Dim, Dim, number];
  const half = cos.shape.at(-1) as number;
  const [size, width] = [all / heads, 2 * half];
  const split = reshape(x, [rows, length, heads, size]);
  const turn = (a: Tensor, b: Tensor) => [sub(mul(a, cos), mul(b, sin)), add(mul(b, cos), mul(a, sin))];
  const part = (from: number, to: number) => slice(split, -1, from, to);
  const rest = width < size ? [part(width, size)] : [];
  if (!interleaved) {
    return reshape(concat([...turn(part(0, half), part(half, width)), ...rest], -1), x.shape);
  }
  const pair = reshape(part(0, width), [rows, length, heads, half, 2]);
  const [a, b] = [0, 1].map((i) => reshape(slice(pair, -1, i, i + 1), [rows, length, heads, half]));
  const both = turn(a!, b!).map((y) => reshape(y, [rows, length, heads, half, 1]));
  const joined = reshape(concat(both, -1), [rows, length, heads, width]);
  return reshape(concat([joined, ...rest], -1), x.shape);
}
