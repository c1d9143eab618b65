/** Stored tensors as arrays; whoever asks says how bytes are had that lie in a file. */
import { fail } from "../errors.ts";
import { type NdArray, ndarray, sizeOf } from "../graph/array.ts";
import { dtypes } from "../graph/dtype.ts";
import { type ReadPlace, readGgufTensor } from "./gguf/rows.ts";
import { dequantized } from "./quantize.ts";
import { isGguf, isQuantized, type Place, type PlainTensor, type StoredTensor } from "./weights.ts";

/** Bytes of a stored tensor as an array; copied only when they are not aligned. */
function viewOf(stored: PlainTensor, bytes: Uint8Array): NdArray {
  const row = dtypes[stored.dtype];
  const aligned = bytes.byteOffset % row.bytes === 0 ? bytes : bytes.slice();
  if (bytes.length !== sizeOf(stored.shape) * row.bytes) {
    fail("bad_input", `${bytes.length} bytes given for ${stored.dtype} [${stored.shape.join(", ")}]`);
  }
  return ndarray(
    stored.dtype,
    stored.shape,
    new row.array(aligned.buffer, aligned.byteOffset, bytes.length / row.bytes),
  );
}

export interface StoredReader {
  /**
   * A stored tensor as an array: wrapped as it is when it is in memory, in memory of its own where it lies in a file, as
   * float32 when it is quantised.
   */
  read(stored: StoredTensor): NdArray;
  /** A range of the bytes at a place. */
  readonly bytes: ReadPlace;
}

/** @param inFile gives the bytes at a place in a file */
export function storedReader(
  inFile: (place: Extract<Place, { readonly file: string }>) => Uint8Array<ArrayBuffer>,
): StoredReader {
  const bytes: ReadPlace = (place, from, length) =>
    "data" in place
      ? place.data.subarray(from, from + length)
      : inFile({ file: place.file, offset: place.offset + from, length });
  function read(stored: StoredTensor): NdArray {
    if (isGguf(stored)) return readGgufTensor(stored, bytes);
    if (isQuantized(stored)) {
      const parts = [stored.values, stored.scales, ...(stored.offsets ? [stored.offsets] : [])].map(read);
      return dequantized(stored.format, parts[0]!, parts[1]!, parts[2]);
    }
    return viewOf(stored, "data" in stored ? stored.data : inFile(stored));
  }
  return { read, bytes };
}

/** A stored tensor that lies in memory, as an array. @throws wrong_use for one in a file */
export const readInMemory: (stored: StoredTensor) => NdArray = storedReader(({ file }) =>
  fail("wrong_use", "the tensor lies in a file", { where: file }),
).read;

/** An array as a stored tensor over the same memory. */
export const storedOf = ({ dtype, shape, data }: NdArray): PlainTensor => ({
  ...{ dtype, shape },
  data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
});

export const asStored = (values: Iterable<readonly [string, NdArray]>): [string, PlainTensor][] =>
  [...values].map(([name, array]) => [name, storedOf(array)]);
