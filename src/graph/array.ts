/** Concrete data: what goes into a program and comes out of it. */
import { fail } from "../errors.ts";
import { type DType, dtypes, type TypedArray } from "./dtype.ts";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "./half.ts";

/** Dense row-major data with its shape. bool is one byte an element; 16-bit floats are carried as bits. */
export interface NdArray<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Numbers in all of them. */
export const countOf = (list: readonly { readonly shape: readonly number[] }[]): number =>
  list.reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/** Wrap data that is already of the right type; checks that the length is that of the shape. */
export function ndarray<D extends DType>(dtype: D, shape: readonly number[], data: TypedArray): NdArray<D> {
  if (data.length !== sizeOf(shape)) {
    fail("bad_input", `${data.length} values given for shape [${shape.join(", ")}], which has ${sizeOf(shape)}`);
  }
  if (!(data instanceof (dtypes[dtype].array as unknown as new () => TypedArray))) {
    fail("bad_input", `${data.constructor.name} cannot hold ${dtype}`);
  }
  return { dtype, shape, data };
}

export function zeros<D extends DType>(dtype: D, shape: readonly number[]): NdArray<D> {
  return { dtype, shape, data: new dtypes[dtype].array(sizeOf(shape)) };
}

/** An array of one value; 16-bit floats are rounded to. */
export function filledArray<D extends DType>(dtype: D, shape: readonly number[], value: number): NdArray<D> {
  const made = zeros(dtype, shape);
  const { data } = made;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.fill(BigInt(value));
  else if (dtype === "float16") data.fill(float32ToFloat16(Float32Array.of(value))[0]!);
  else if (dtype === "bfloat16") data.fill(float32ToBfloat16(Float32Array.of(value))[0]!);
  else data.fill(value);
  return made;
}

/** The first value of an array as a number. */
export function firstValue({ dtype, data }: NdArray): number {
  if (dtype === "float16") return float16ToFloat32(data.subarray(0, 1) as Uint16Array)[0]!;
  if (dtype === "bfloat16") return bfloat16ToFloat32(data.subarray(0, 1) as Uint16Array)[0]!;
  return Number(data[0]);
}

/** An int64 array from ordinary numbers (token ids, lengths). */
export function int64(shape: readonly number[], values: ArrayLike<number>): NdArray<"int64"> {
  return ndarray("int64", shape, BigInt64Array.from(values as number[], BigInt));
}

/** A float32 array from ordinary numbers. */
export function float32(shape: readonly number[], values: ArrayLike<number>): NdArray<"float32"> {
  return ndarray("float32", shape, values instanceof Float32Array ? values : Float32Array.from(values));
}
