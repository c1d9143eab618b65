/**
 * Weights in blocks as numbers, for engines that compute with nothing else: the kernels of WebAssembly for blocks take
 * some fifteen times as long as its kernels for numbers.
 */
import { fail } from "../errors.ts";
import { type NdArray, ndarray, sizeOf } from "../graph/array.ts";
import { dtypes } from "../graph/dtype.ts";
import { dequantized } from "./quantize.ts";
import { storedOf } from "./stored.ts";
import {
  isGguf,
  isQuantized,
  layoutOf,
  type Place,
  type PlainTensor,
  type QuantizedTensor,
  type StoredTensor,
  type Weights,
} from "./weights.ts";

/** What WebAssembly can address is 4 GB: more weights than this leave no room for anything else. */
const mostBytes = 2.5e9;

type InMemory = PlainTensor & { readonly data: Uint8Array };

/** Whether a tensor is stored in blocks, which become numbers. Rows and columns in 8 bits are computed with as they are. */
export function inBlocks(stored: StoredTensor): stored is QuantizedTensor {
  if (!isQuantized(stored)) return false;
  const { values } = layoutOf(stored.format);
  return values !== "int8" && values !== "int8_rows";
}

const lengthOf = (place: Place): number => ("data" in place ? place.data.length : place.length);

/** Bytes that a tensor takes once blocks are numbers. */
function bytesOf(stored: StoredTensor): number {
  if (isGguf(stored) || inBlocks(stored)) return 4 * sizeOf(stored.shape);
  if (isQuantized(stored)) return lengthOf(stored.values) + lengthOf(stored.scales);
  return lengthOf(stored);
}

/**
 * Refuse quantised weights that would not fit in a page once blocks are numbers, before any of them is made.
 * @throws out_of_memory with how many bytes there would be, and how many fit
 */
export function needRoomInPage(weights: Weights, where: string): void {
  const tensors = [...weights.values()];
  if (!tensors.some((stored) => isGguf(stored) || isQuantized(stored))) return;
  const size = tensors.reduce((sum, stored) => sum + bytesOf(stored), 0);
  if (size <= mostBytes) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  const become = tensors.some((stored) => isGguf(stored) || inBlocks(stored));
  const what = become ? "weights, of which those in blocks become numbers of 4 bytes," : "weights";
  fail(
    "out_of_memory",
    `${gigabytes(size)} of ${what} do not fit in a page, which has room for ${gigabytes(mostBytes)}`,
    {
      where,
      hint: "choose a smaller model, or run it outside of the browser",
    },
  );
}

function arrayOf({ dtype, shape, data }: InMemory): NdArray {
  const { array, bytes } = dtypes[dtype];
  const aligned = data.byteOffset % bytes === 0 ? data : data.slice();
  return ndarray(dtype, shape, new array(aligned.buffer, aligned.byteOffset, sizeOf(shape)));
}

const held = (name: string, part: PlainTensor): NdArray =>
  "data" in part ? arrayOf(part) : fail("wrong_use", `tensor "${name}" lies in a file; the browser has none`);

/** Those made before: programs over the same weights share them. */
const made = new WeakMap<QuantizedTensor, PlainTensor>();

function unfolded(name: string, stored: QuantizedTensor): PlainTensor {
  const before = made.get(stored);
  if (before) return before;
  const [values, scales] = [held(name, stored.values), held(name, stored.scales)];
  const offsets = stored.offsets && held(name, stored.offsets);
  const tensor = storedOf(dequantized(stored.format, values, scales, offsets));
  made.set(stored, tensor);
  return tensor;
}

/** The weights with those named, where they lie in blocks, as numbers: the same ones for every program. */
export function unfold(weights: Weights, names: Iterable<string>): Weights {
  const result = new Map(weights);
  for (const name of names) {
    const stored = weights.get(name);
    if (stored && inBlocks(stored)) result.set(name, unfolded(name, stored));
  }
  return result;
}
