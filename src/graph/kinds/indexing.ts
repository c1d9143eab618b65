/** Operators whose positions come from values: look-ups, and adding back to where they looked. */
import { fail } from "../../errors.ts";
import { type Dim, normalAxis, sameShape, showShape } from "../dims.ts";
import type { DType } from "../dtype.ts";
import type { Tensor } from "../tensor.ts";
import { makers, type ShapeRules, sameDType } from "./kind.ts";

declare module "../tensor.ts" {
  interface Attributes {
    Gather: { readonly axis: number };
    GatherElements: { readonly axis: number };
    /** data with updates added at indices along the axis; repeated indices add up. */
    ScatterAdd: { readonly axis: number };
    /**
     * Places of what is not zero, in order: x [...] to int64 [rank, count], a column a place. How many there are only
     * the values tell: `count` is a name for it that nothing else in the graph may have, and other shapes may then use.
     */
    NonZero: { readonly count: Dim };
    OneHot: { readonly depth: number; readonly dtype: DType };
  }
}

const shapes = {
  Gather: ([x, indices], { axis }) => [
    { dtype: x!.dtype, shape: [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)] },
  ],
  GatherElements: ([x, indices]) => [{ dtype: x!.dtype, shape: indices!.shape }],
  ScatterAdd: ([data, indices, updates]) => {
    if (!sameShape(indices!.shape, updates!.shape)) {
      fail("wrong_use", `indices ${showShape(indices!.shape)} and updates ${showShape(updates!.shape)} must agree`);
    }
    return [{ dtype: sameDType([data!, updates!]), shape: data!.shape }];
  },
  NonZero: ([x], { count }) => [{ dtype: "int64", shape: [x!.shape.length, count] }],
  OneHot: ([x], { depth, dtype }) => [{ dtype, shape: [...x!.shape, depth] }],
} satisfies ShapeRules;

export default shapes;

const { one } = makers(shapes);

/** x with whole slices picked along the axis by an index tensor of any shape. */
export function gather(x: Tensor, indices: Tensor, axis = 0): Tensor {
  return one("Gather", [x, indices], { axis: normalAxis(axis, x.shape.length) });
}

export function gatherElements(x: Tensor, indices: Tensor, axis: number): Tensor {
  return one("GatherElements", [x, indices], { axis: normalAxis(axis, x.shape.length) });
}

export function scatterAdd(data: Tensor, indices: Tensor, updates: Tensor, axis: number): Tensor {
  return one("ScatterAdd", [data, indices, updates], { axis: normalAxis(axis, data.shape.length) });
}

/** Places of the elements that are not zero, int64 [rank, count]; `count` is a new name for their number. */
export const nonZero = (x: Tensor, count: Dim): Tensor => one("NonZero", [x], { count });

export function oneHot(indices: Tensor, depth: number, dtype: DType = "float32"): Tensor {
  return one("OneHot", [indices], { depth, dtype });
}
