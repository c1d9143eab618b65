/** Weights in another precision, in memory. */
import { isFloat } from "../graph/dtype.ts";
import { fromFloat32, toFloat32 } from "../weights/convert.ts";
import { readStored } from "../weights/safetensors-node.ts";
import { isGguf, isQuantized, type StoredTensor, type Weights } from "../weights/weights.ts";

const isNumber = (stored: StoredTensor): boolean => isQuantized(stored) || isFloat(stored.dtype);

/** Weights rounded to a precision; those that have it already, and those that are not `wanted`, stay in their file. */
export function inPrecision(
  weights: Weights,
  target: "float32" | "bfloat16",
  wanted: (stored: StoredTensor) => boolean = isNumber,
): Weights {
  return new Map(
    [...weights].map(([name, stored]) => {
      if ((stored.dtype === target && !isGguf(stored)) || !wanted(stored)) return [name, stored];
      const { shape, data } = fromFloat32(toFloat32(readStored(stored)), target);
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return [name, { dtype: target, shape, data: bytes }];
    }),
  );
}
