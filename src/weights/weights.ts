/** Where stored tensors lie. */

import { isJsonObject, type JsonObject } from "../base/json.ts";
import type { DType } from "../graph/dtype.ts";
import type { GgufType } from "./gguf/types.ts";

/** Bytes in a file (absolute, symlinks resolved), or already in memory. */
export type Place =
  | { readonly file: string; readonly offset: number; readonly length: number }
  | { readonly data: Uint8Array };

/** A tensor whose numbers are stored one by one. */
export type PlainTensor = { readonly dtype: DType; readonly shape: readonly number[] } & Place;

/**
 * How a matrix [out, in] is quantised. `int8`: values int8 [in, out], the layout of the products' kernel, and
 * a scale for each output. `int8_rows`: values int8 [out, in], a scale for each row, for tables that are only looked up
 * in. `int4`: values uint8 [out, in / block, block / 2], two a byte, low half first, 8 is zero; scales [out, in / block].
 * `int8_turned` and `int4_turned` store the same values and scales of a matrix that the model keeps as [in, out].
 *
 * `blocks4` and `blocks8` are what a GGUF file's blocks become without loss: values uint8 [out, in / block,
 * block · bits / 8] around 8 or 128, in blocks of any length that the products' kernel takes, scales [out, in / block], and
 * where the blocks have them offsets [out, in / block], which are added to every weight of their block.
 */
export const quantizedFormats = [
  "int8",
  "int8_rows",
  "int4",
  "int8_turned",
  "int4_turned",
  "blocks4",
  "blocks8",
  "blocks4_turned",
  "blocks8_turned",
] as const;

export type QuantizedFormat = (typeof quantizedFormats)[number];

/** Those that weights of floating point are rounded to here. */
export type RoundedFormat = Exclude<QuantizedFormat, `blocks${string}`>;

type Values = Exclude<QuantizedFormat, `${string}_turned`>;

/** The layout of a format's values, and whether the matrix itself is [in, out]. */
export function layoutOf(format: QuantizedFormat): { readonly values: Values; readonly turned: boolean } {
  const turned = format.endsWith("_turned");
  return { values: (turned ? format.slice(0, -"_turned".length) : format) as Values, turned };
}

/** Bits of a format's values. */
export const bitsOfFormat = (format: QuantizedFormat): 4 | 8 => (format.includes("4") ? 4 : 8);

/** A quantised matrix with its scales; dtype is that of the values, shape that of the matrix. */
export interface QuantizedTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly format: QuantizedFormat;
  readonly values: PlainTensor;
  /** float32. */
  readonly scales: PlainTensor;
  /** float32, of blocks that have them. */
  readonly offsets?: PlainTensor;
  /** What products with blocks do with what is multiplied: take it as it is (default), or round it to 8 bits first. */
  readonly activations?: Activations;
}

export type Activations = "fp32" | "int8";

/** A tensor as a GGUF file has it, with what has to be done to have the checkpoint's: the numbers it stands for are float32. */
export interface GgufTensor {
  readonly dtype: "float32";
  readonly shape: readonly number[];
  readonly gguf: GgufType;
  readonly place: Place;
  /** The row of the file that a row is; the same one by default. */
  readonly rowOf?: (row: number) => number;
  /** The shape is [in, out] where the file has [out, in]. */
  readonly turned?: true;
  /** Added to every number. */
  readonly plus?: number;
}

export type StoredTensor = PlainTensor | QuantizedTensor | GgufTensor;

export type Weights = ReadonlyMap<string, StoredTensor>;

export const isQuantized = (stored: StoredTensor): stored is QuantizedTensor => "format" in stored;

export const isGguf = (stored: StoredTensor): stored is GgufTensor => "gguf" in stored;

/** Whether the numbers are stored one by one. */
export const isPlain = (stored: StoredTensor | undefined): stored is PlainTensor =>
  stored !== undefined && !isQuantized(stored) && !isGguf(stored);

/** Whether any of these is quantised. */
export const anyQuantized = (weights: Weights): boolean => [...weights.values()].some(isQuantized);

/** Whether products with some of these round what is multiplied to 8 bits. */
export const roundsProducts = (weights: Weights): boolean =>
  [...weights.values()].some(
    (stored) =>
      isQuantized(stored) &&
      (stored.activations === "int8" || ["int8", "int4"].includes(layoutOf(stored.format).values)),
  );

/** Names under which the parts of a quantised tensor are stored. */
export const partNames = (name: string, format: QuantizedFormat) => ({
  values: `${name}.${format}`,
  scales: `${name}.scale`,
  offsets: `${name}.offset`,
});

/** A config.json as it is of the same model written out as numbers: without our word of how it was stored. */
export function unquantizedConfig(config: JsonObject): JsonObject {
  const { quantization_config: stored, ...rest } = config;
  return isJsonObject(stored) && stored.quant_method === "zeroth" ? rest : config;
}
