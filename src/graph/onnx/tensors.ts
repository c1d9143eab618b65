/** The values of an ONNX file: stored tensors, where external ones lie, and declared shapes. Nothing is trusted. */
import { TensorProto_DataLocation as Location, type TensorProto, type ValueInfoProto } from "onnx-buf";
import { fail } from "../../errors.ts";
import type { NdArray } from "../array.ts";
import { type Dim, isDim } from "../dims.ts";
import { type DType, dtypeOfOnnx, dtypes, type TypedArray } from "../dtype.ts";

/** A tensor that lies in a file beside the model. */
export interface ExternalTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** A plain file name; reading outside the model's folder is never asked for. */
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

const what = (name: string) => `tensor "${name.slice(0, 200)}"`;

function dtypeOf(code: number, name: string): DType {
  return dtypeOfOnnx(code) ?? fail("unsupported", `${what(name)} has the ONNX data type ${code}, which is not read`);
}

/** The sizes of a stored tensor and the bytes it must have; checked before anything is allocated. */
function shapeOf({ name, dims, dataType }: TensorProto): {
  dtype: DType;
  shape: number[];
  size: number;
  bytes: number;
} {
  const dtype = dtypeOf(dataType, name);
  const shape = dims.map((dim) => {
    if (dim < 0n || dim > 2n ** 40n) fail("corrupt_file", `${what(name)} has an axis of size ${dim}`);
    return Number(dim);
  });
  const size = shape.reduce((a, b) => a * b, 1);
  const bytes = size * dtypes[dtype].bytes;
  if (bytes > Number.MAX_SAFE_INTEGER) fail("corrupt_file", `${what(name)} would have ${bytes} bytes`);
  return { dtype, shape, size, bytes };
}

/** The list field ONNX stores values of a type in, when not as raw bytes. */
function typedValues(t: TensorProto, dtype: DType): readonly (number | bigint)[] {
  if (dtype === "float32") return t.floatData;
  if (dtype === "float64") return t.doubleData;
  if (dtype === "int64") return t.int64Data;
  if (dtype === "uint64" || dtype === "uint32") return t.uint64Data;
  return t.int32Data;
}

/** A tensor whose values are in the file. */
export function storedTensor(t: TensorProto): NdArray {
  const { dtype, shape, size, bytes } = shapeOf(t);
  const { array } = dtypes[dtype];
  if (t.rawData.length > 0 || size === 0) {
    if (t.rawData.length !== bytes) {
      fail("corrupt_file", `${what(t.name)} has ${t.rawData.length} bytes, its shape [${shape}] needs ${bytes}`);
    }
    // A copy of its own: the file's bytes are not aligned.
    const data = new array(t.rawData.slice().buffer, 0, size);
    if (dtype === "bool") for (let i = 0; i < size; i++) data[i] = data[i] ? 1 : 0;
    return { dtype, shape, data };
  }
  const values = typedValues(t, dtype);
  if (values.length !== size) {
    fail("corrupt_file", `${what(t.name)} has ${values.length} values, its shape [${shape}] needs ${size}`);
  }
  const data: TypedArray = new array(size);
  const big = data instanceof BigInt64Array || data instanceof BigUint64Array;
  values.forEach((value, i) => {
    data[i] = (big ? BigInt(value) : Number(value)) as never;
  });
  return { dtype, shape, data };
}

export const isExternal = (t: TensorProto): boolean => t.dataLocation === Location.EXTERNAL;

/** Where an external tensor lies; names with folders, and lengths that do not fit the shape, are refused. */
export function externalTensor(t: TensorProto): ExternalTensor {
  const { dtype, shape, bytes } = shapeOf(t);
  const entries = new Map(t.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get("location") ?? "";
  const plain = location !== "" && location !== "." && location !== ".." && !/[/\\\0]/.test(location);
  if (!plain) {
    fail("corrupt_file", `${what(t.name)} lies in "${location.slice(0, 200)}", which is no plain file name`, {
      hint: "weights are only read from the folder of the model",
    });
  }
  const number = (key: string, otherwise: number) => {
    const text = entries.get(key) ?? String(otherwise);
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    return Number.isSafeInteger(value) ? value : fail("corrupt_file", `${what(t.name)} has the ${key} "${text}"`);
  };
  const length = number("length", bytes);
  if (length !== bytes) {
    fail("corrupt_file", `${what(t.name)} has ${length} bytes, its shape [${shape}] needs ${bytes}`);
  }
  return { dtype, shape, location, offset: number("offset", 0), length };
}

/** Dtype and shape of a declared input; sizes without a name get one. */
export function declaredType({ name, type }: ValueInfoProto): { dtype: DType; shape: Dim[] } {
  const value = type?.value.case === "tensorType" ? type.value.value : undefined;
  if (!value) return fail("unsupported", `input "${name}" is no tensor`);
  if (!value.shape) return fail("unsupported", `input "${name}" has no shape`);
  const own = name.replace(/\W/g, "_");
  const shape = value.shape.dim.map(({ value: dim }, axis): Dim => {
    if (dim.case === "dimValue" && dim.value >= 0n && dim.value <= 2n ** 40n) return Number(dim.value);
    if (dim.case === "dimParam" && isDim(dim.value)) return dim.value;
    return dim.case === "dimParam" && dim.value !== "" ? `_${dim.value.replace(/\W/g, "_")}` : `_${own}_${axis}`;
  });
  return { dtype: dtypeOf(value.elemType, name), shape };
}
