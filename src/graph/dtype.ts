/** The number types of tensors: one table, from which sizes, codes and array types follow. */

/** A typed array that can back a tensor; 16-bit floats are carried as their bits. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

interface TypedArrayConstructor {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): TypedArray;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray;
}

interface DTypeRow {
  readonly bytes: number;
  /** `TensorProto.DataType` of the ONNX specification. */
  readonly onnx: number;
  /** The name in a safetensors header. */
  readonly safetensors: string;
  readonly array: TypedArrayConstructor;
}

const rows = {
  float32: { bytes: 4, onnx: 1, safetensors: "F32", array: Float32Array },
  uint8: { bytes: 1, onnx: 2, safetensors: "U8", array: Uint8Array },
  int8: { bytes: 1, onnx: 3, safetensors: "I8", array: Int8Array },
  uint16: { bytes: 2, onnx: 4, safetensors: "U16", array: Uint16Array },
  int16: { bytes: 2, onnx: 5, safetensors: "I16", array: Int16Array },
  int32: { bytes: 4, onnx: 6, safetensors: "I32", array: Int32Array },
  int64: { bytes: 8, onnx: 7, safetensors: "I64", array: BigInt64Array },
  bool: { bytes: 1, onnx: 9, safetensors: "BOOL", array: Uint8Array },
  float16: { bytes: 2, onnx: 10, safetensors: "F16", array: Uint16Array },
  float64: { bytes: 8, onnx: 11, safetensors: "F64", array: Float64Array },
  uint32: { bytes: 4, onnx: 12, safetensors: "U32", array: Uint32Array },
  uint64: { bytes: 8, onnx: 13, safetensors: "U64", array: BigUint64Array },
  bfloat16: { bytes: 2, onnx: 16, safetensors: "BF16", array: Uint16Array },
} satisfies Record<string, DTypeRow>;

export type DType = keyof typeof rows;

export const dtypes: Readonly<Record<DType, DTypeRow>> = rows;

export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float16" || dtype === "bfloat16" || dtype === "float64";
}

/** The dtype with this ONNX code, or undefined for one no tensor here can have (strings, complex numbers). */
export function dtypeOfOnnx(code: number): DType | undefined {
  return (Object.keys(rows) as DType[]).find((name) => rows[name].onnx === code);
}

/** The dtype with this safetensors name, or undefined when the format has no such type here. */
export function dtypeOfSafetensors(name: string): DType | undefined {
  return (Object.keys(rows) as DType[]).find((key) => rows[key].safetensors === name);
}
