/** Safetensors files in memory. */
import type { NdArray } from "../graph/array.ts";
import { joinQuantized } from "./quantize.ts";
import { encodeSafetensorsHeader, parseSafetensorsHeader } from "./safetensors.ts";
import type { StoredTensor, Weights } from "./weights.ts";

/** The tensors of a safetensors file in memory: views of its bytes, none copied. */
export function safetensorsInMemory(bytes: Uint8Array, where: string): Weights {
  const { tensors } = parseSafetensorsHeader(bytes, bytes.length, where);
  const stored = new Map(
    [...tensors].map(([name, { dtype, shape, begin, end }]): [string, StoredTensor] => [
      name,
      { dtype, shape, data: bytes.subarray(begin, end) },
    ]),
  );
  return joinQuantized(stored, where);
}

/** A safetensors file of these arrays: the bytes that would be written to disk. */
export function encodeSafetensors(
  arrays: ReadonlyMap<string, NdArray>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const { bytes, tensors, fileSize } = encodeSafetensorsHeader(arrays, metadata);
  const file = new Uint8Array(fileSize);
  file.set(bytes);
  for (const [name, { begin }] of tensors) {
    const { data } = arrays.get(name)!;
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), begin);
  }
  return file;
}
