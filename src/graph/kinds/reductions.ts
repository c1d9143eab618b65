/** Operators along axes: sums and extremes, and those that order or add up what lies along one. */
import { type Dim, normalAxis } from "../dims.ts";
import type { DType } from "../dtype.ts";
import type { Tensor } from "../tensor.ts";
import { makers, type Output, type ShapeRules, same, withAxis } from "./kind.ts";

interface Reduced {
  readonly axes: readonly number[];
  readonly keepdims: boolean;
}

declare module "../tensor.ts" {
  interface Attributes {
    ReduceSum: Reduced;
    ReduceMean: Reduced;
    ReduceMax: Reduced;
    ReduceMin: Reduced;
    ArgMax: { readonly axis: number; readonly keepdims: boolean };
    TopK: { readonly axis: number; readonly k: number };
    CumSum: { readonly axis: number; readonly reverse: boolean; readonly exclusive: boolean };
  }
}

function reduce([x]: readonly Tensor[], { axes, keepdims }: Reduced, dtype: DType = x!.dtype): Output[] {
  const kept = x!.shape.flatMap((dim, axis): Dim[] => (!axes.includes(axis) ? [dim] : keepdims ? [1] : []));
  return [{ dtype, shape: kept }];
}

const shapes = {
  ReduceSum: (inputs, attributes) => reduce(inputs, attributes),
  ReduceMean: (inputs, attributes) => reduce(inputs, attributes),
  ReduceMax: (inputs, attributes) => reduce(inputs, attributes),
  ReduceMin: (inputs, attributes) => reduce(inputs, attributes),
  ArgMax: (inputs, { axis, keepdims }) => reduce(inputs, { axes: [axis], keepdims }, "int64"),
  TopK: ([x], { axis, k }) => {
    const shape = withAxis(x!.shape, axis, k);
    return [
      { dtype: x!.dtype, shape },
      { dtype: "int64", shape },
    ];
  },
  CumSum: same,
} satisfies ShapeRules;

export default shapes;

const { one, all } = makers(shapes);

type Reduction = "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin";

const reduction =
  (op: Reduction) =>
  /** Over these axes (all by default). */
  (x: Tensor, axes?: readonly number[], keepdims = false): Tensor => {
    const normal = axes ? axes.map((axis) => normalAxis(axis, x.shape.length)) : x.shape.map((_, i) => i);
    return normal.length === 0 ? x : one(op, [x], { axes: normal, keepdims });
  };

export const sum = reduction("ReduceSum");
export const mean = reduction("ReduceMean");
export const max = reduction("ReduceMax");
export const min = reduction("ReduceMin");

export function argmax(x: Tensor, axis = -1, keepdims = false): Tensor {
  return one("ArgMax", [x], { axis: normalAxis(axis, x.shape.length), keepdims });
}

/** The k largest along the axis, largest first: [values, indices]. */
export function topK(x: Tensor, k: number, axis = -1): readonly [Tensor, Tensor] {
  const [values, indices] = all("TopK", [x], { axis: normalAxis(axis, x.shape.length), k });
  return [values!, indices!];
}

export function cumsum(x: Tensor, axis: number, { reverse = false, exclusive = false } = {}): Tensor {
  return one("CumSum", [x], { axis: normalAxis(axis, x.shape.length), reverse, exclusive });
}
