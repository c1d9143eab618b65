/** A GGUF file in memory, for places without files: its weights as numbers. */
import { fail } from "../../errors.ts";
import { readGgufHeader } from "../../weights/gguf/header.ts";
import { type ReadPlace, readGgufTensor } from "../../weights/gguf/rows.ts";
import { storedOf } from "../../weights/stored.ts";
import { needRoomInPage } from "../../weights/unfold.ts";
import { isGguf, type StoredTensor, type Weights } from "../../weights/weights.ts";
import { type GgufModel, ggufModel } from "./model.ts";

const inMemory: ReadPlace = (place, from, length) =>
  "data" in place ? place.data.subarray(from, from + length) : fail("internal", "a tensor in memory lies in a file");

/**
 * Open the bytes of a GGUF file. Blocks become float32, as weights/unfold.ts says.
 * @throws corrupt_file, unsupported; out_of_memory where the numbers would not fit
 */
export function ggufInMemory(
  bytes: Uint8Array,
  where: string,
): Omit<GgufModel, "weights"> & { readonly weights: Weights } {
  const header = readGgufHeader((at, length) => bytes.subarray(at, at + length), bytes.length, where);
  const place = (offset: number, length: number) => ({ data: bytes.subarray(offset, offset + length) });
  const model = ggufModel([{ header, where, place }], inMemory);
  needRoomInPage(model.weights, where);
  const weights = new Map<string, StoredTensor>();
  for (const [name, stored] of model.weights) {
    if (!isGguf(stored)) {
      weights.set(name, stored);
      continue;
    }
    weights.set(name, storedOf(readGgufTensor(stored, inMemory)));
  }
  return { ...model, weights };
}
