/** A GGUF file in memory, for places without files: its weights as numbers. */
import { fail } from "../../errors.ts";
import { sizeOf } from "../../graph/array.ts";
import { readGgufHeader } from "../../weights/gguf/header.ts";
import { type ReadPlace, readGgufTensor } from "../../weights/gguf/rows.ts";
import { isGguf, type StoredTensor, type Weights } from "../../weights/weights.ts";
import { type GgufModel, ggufModel } from "./model.ts";

/** What WebAssembly can address is 4 GB: more weights than this leave no room for anything else. */
const mostBytes = 2.5e9;

const inMemory: ReadPlace = (place, from, length) =>
  "data" in place ? place.data.subarray(from, from + length) : fail("internal", "a tensor in memory lies in a file");

/**
 * Open the bytes of a GGUF file. The kernels of WebAssembly for weights in blocks are some fifteen times slower than
 * those for numbers, so blocks become float32.
 * @throws corrupt_file, unsupported; out_of_memory where the numbers would not fit
 */
export function ggufInMemory(
  bytes: Uint8Array,
  where: string,
): Omit<GgufModel, "weights"> & { readonly weights: Weights } {
  const header = readGgufHeader((at, length) => bytes.subarray(at, at + length), bytes.length, where);
  const place = (offset: number, length: number) => ({ data: bytes.subarray(offset, offset + length) });
  const model = ggufModel([{ header, where, place }], inMemory);
  const size = [...model.weights.values()].reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
  if (size > mostBytes) {
    fail("out_of_memory", `${(size / 1e9).toFixed(1)} GB of weights as numbers do not fit in a page`, {
      where,
      hint: "choose a smaller model",
    });
  }
  const weights = new Map<string, StoredTensor>();
  for (const [name, stored] of model.weights) {
    if (!isGguf(stored)) {
      weights.set(name, stored);
      continue;
    }
    const { shape, data } = readGgufTensor(stored, inMemory);
    weights.set(name, { dtype: "float32", shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) });
  }
  return { ...model, weights };
}
