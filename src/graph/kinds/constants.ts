/** Values that come from sizes alone. */
import type { Dim } from "../dims.ts";
import type { DType } from "../dtype.ts";
import { full, type Tensor } from "../tensor.ts";
import { makers, type ShapeRules } from "./kind.ts";

declare module "../tensor.ts" {
  interface Attributes {
    /** 0, 1, …, size − 1. */
    Iota: { readonly size: Dim; readonly dtype: DType };
    /** A size of some input as a scalar value. */
    SizeValue: { readonly size: Dim; readonly dtype: DType };
  }
}

const shapes = {
  Iota: (_, { size, dtype }) => [{ dtype, shape: [size] }],
  SizeValue: (_, { dtype }) => [{ dtype, shape: [] }],
} satisfies ShapeRules;

export default shapes;

const { one } = makers(shapes);

/** 0, 1, …, size − 1; the size may be a symbol. */
export function iota(size: Dim, dtype: DType = "int64"): Tensor {
  return one("Iota", [], { size, dtype });
}

/** The value of a size as a scalar tensor: a constant where it is a number. */
export function sizeValue(size: Dim, dtype: DType = "float32"): Tensor {
  return typeof size === "number" ? full(dtype, size) : one("SizeValue", [], { size, dtype });
}
