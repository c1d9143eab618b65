/** Concrete data: what goes into a program and comes out of it. */
import { fail } from "../errors.ts";
import { type DType, dtypes, type TypedArray } from "./dtype.ts";

/** Dense row-major data with its shape. bool is one byte an element; 16-bit floats are carried as bits. */
export interface NdArray<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

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

/** An int64 array from ordinary numbers (token ids, lengths). */
export function int64(shape: readonly number[], values: ArrayLike<number>): NdArray<"int64"> {
  return ndarray("int64", shape, BigInt64Array.from(values as number[], BigInt));
}

/** A float32 array from ordinary numbers. */
export function float32(shape: readonly number[], values: ArrayLike<number>): NdArray<"float32"> {
  return ndarray("float32", shape, values instanceof Float32Array ? values : Float32Array.from(values));
}
