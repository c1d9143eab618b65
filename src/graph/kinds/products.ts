/** Matrix products. */
import { fail } from "../../errors.ts";
import { broadcast, showShape } from "../dims.ts";
import type { Tensor } from "../tensor.ts";
import { makers, type ShapeRules, sameDType } from "./kind.ts";

declare module "../tensor.ts" {
  interface Attributes {
    /** alpha · op(a) · op(b), the transposes of the last two axes. */
    MatMul: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number };
  }
}

const shapes = {
  MatMul: (inputs, { transA, transB }) => {
    const [a, b] = inputs as [Tensor, Tensor];
    if (a.shape.length < 2 || b.shape.length < 2) fail("wrong_use", "a matrix product needs tensors of rank 2 or more");
    const [m, ka] = transA ? [a.shape.at(-1)!, a.shape.at(-2)!] : [a.shape.at(-2)!, a.shape.at(-1)!];
    const [kb, n] = transB ? [b.shape.at(-1)!, b.shape.at(-2)!] : [b.shape.at(-2)!, b.shape.at(-1)!];
    if (ka !== kb) {
      const t = (on: boolean) => (on ? "ᵀ" : "");
      fail("wrong_use", `inner sizes differ: ${showShape(a.shape)}${t(transA)} · ${showShape(b.shape)}${t(transB)}`);
    }
    return [{ dtype: sameDType(inputs), shape: [...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n] }];
  },
} satisfies ShapeRules;

export default shapes;

const { one } = makers(shapes);

export interface MatMulOptions {
  transA?: boolean;
  transB?: boolean;
  alpha?: number;
}

/** alpha · a · b over the last two axes, either transposed; leading axes broadcast. */
export function matmul(
  a: Tensor,
  b: Tensor,
  { transA = false, transB = false, alpha = 1 }: MatMulOptions = {},
): Tensor {
  return one("MatMul", [a, b], { transA, transB, alpha });
}
