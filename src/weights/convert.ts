/** Between the float types of checkpoints and float32. Narrowing rounds to the nearest, ties to even (IEEE 754). */
import { fail } from "../errors.ts";
import { type NdArray, ndarray } from "../graph/array.ts";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "../graph/half.ts";

export type FloatType = "float32" | "float16" | "bfloat16" | "float64";

/**
 * Any float array as float32 of the same shape; a float32 array is returned as it is.
 * @throws bad_input when it holds integers or truth values
 */
export function toFloat32(array: NdArray): NdArray<"float32"> {
  const { dtype, shape, data } = array;
  if (dtype === "float32") return array as NdArray<"float32">;
  if (dtype === "bfloat16") return ndarray("float32", shape, bfloat16ToFloat32(data as Uint16Array));
  if (dtype === "float16") return ndarray("float32", shape, float16ToFloat32(data as Uint16Array));
  if (dtype === "float64") return ndarray("float32", shape, Float32Array.from(data as Float64Array));
  return fail("bad_input", `${dtype} is not a float type`);
}

/** A float32 array in another float type; values too large for float16 become infinite. */
export function fromFloat32<D extends FloatType>(array: NdArray<"float32">, dtype: D): NdArray<D> {
  const values = array.data as Float32Array;
  if (dtype === "float32") return array as NdArray as NdArray<D>;
  if (dtype === "bfloat16") return ndarray(dtype, array.shape, float32ToBfloat16(values));
  if (dtype === "float16") return ndarray(dtype, array.shape, float32ToFloat16(values));
  return ndarray(dtype, array.shape, Float64Array.from(values));
}
