/** Where stored tensors lie. */

import { isJsonObject, type JsonObject } from "../base/json.ts";
import type { DType } from "../graph/dtype.ts";

/** A tensor whose numbers are stored one by one: in a file (absolute, symlinks resolved), or already in memory. */
export type PlainTensor = { readonly dtype: DType; readonly shape: readonly number[] } & (
  | { readonly file: string; readonly offset: number; readonly length: number }
  | { readonly data: Uint8Array }
);

/**
 * How a matrix [out, in] is quantised. `int8`: values int8 [in, out], the layout of the products' kernel, and
 * a scale for each output. `int8_rows`: values int8 [out, in], a scale for each row, for tables that are only looked up
 * in. `int4`: values uint8 [out, in / block, block / 2], two a byte, low half first, 8 is zero; scales [out, in / block].
 * `int8_turned` and `int4_turned` store the same values and scales of a matrix that the model keeps as [in, out].
 */
export const quantizedFormats = ["int8", "int8_rows", "int4", "int8_turned", "int4_turned"] as const;

export type QuantizedFormat = (typeof quantizedFormats)[number];

/** The layout of a format's values, and whether the matrix itself is [in, out]. */
export function layoutOf(format: QuantizedFormat): { readonly values: "int8" | "int8_rows" | "int4"; turned: boolean } {
  if (format === "int8_turned") return { values: "int8", turned: true };
  if (format === "int4_turned") return { values: "int4", turned: true };
  return { values: format, turned: false };
}

/** A quantised matrix with its scales; dtype is that of the values, shape that of the matrix. */
export interface QuantizedTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly format: QuantizedFormat;
  readonly values: PlainTensor;
  /** float32. */
  readonly scales: PlainTensor;
}

export type StoredTensor = PlainTensor | QuantizedTensor;

export type Weights = ReadonlyMap<string, StoredTensor>;

export const isQuantized = (stored: StoredTensor): stored is QuantizedTensor => "format" in stored;

/** Whether any of these is quantised. */
export const anyQuantized = (weights: Weights): boolean => [...weights.values()].some(isQuantized);

/** Names under which the parts of a quantised tensor are stored. */
export const partNames = (name: string, format: QuantizedFormat) => ({
  values: `${name}.${format}`,
  scales: `${name}.scale`,
});

/** A config.json as it is of the same model written out as numbers: without our word of how it was stored. */
export function unquantizedConfig(config: JsonObject): JsonObject {
  const { quantization_config: stored, ...rest } = config;
  return isJsonObject(stored) && stored.quant_method === "zeroth" ? rest : config;
}
