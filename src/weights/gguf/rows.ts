/** Tensors of a GGUF file as numbers, a few rows at a time. */
import { type NdArray, ndarray } from "../../graph/array.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "../../graph/half.ts";
import type { GgufTensor, Place } from "../weights.ts";
import { dequantizedBlocks } from "./blocks.ts";
import { type GgufType, isPlainType, layoutOfType } from "./types.ts";

/** Bytes from `from` on of what lies at a place. */
export type ReadPlace = (place: Place, from: number, length: number) => Uint8Array;

/** Rows and columns of a tensor as the file has it; a vector is one row, and many where its elements change places. */
export function rowsOf({ shape, turned, rowOf }: Pick<GgufTensor, "shape" | "turned" | "rowOf">): {
  rows: number;
  width: number;
} {
  if (shape.length === 1 && rowOf) return { rows: shape[0]!, width: 1 };
  const stored = turned ? [...shape].reverse() : shape;
  const width = stored.at(-1) ?? 1;
  return { rows: stored.slice(0, -1).reduce((a, b) => a * b, 1), width };
}

const bytesOfRow = (type: GgufType, width: number): number => {
  const { elements, bytes } = layoutOfType(type);
  return (width / elements) * bytes;
};

/**
 * Bytes of rows `from` to `to`, in the order of the checkpoint, as the file has them.
 * @throws corrupt_file when the file shrank since it was opened
 */
export function storedRows(tensor: GgufTensor, read: ReadPlace, from: number, to: number): Uint8Array {
  const { gguf, place, rowOf } = tensor;
  const size = bytesOfRow(gguf, rowsOf(tensor).width);
  if (!rowOf) return read(place, from * size, (to - from) * size);
  const sources = Array.from({ length: to - from }, (_, i) => rowOf(from + i));
  const first = sources.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const last = sources.reduce((a, b) => Math.max(a, b), 0);
  const held = read(place, first * size, (last + 1 - first) * size);
  const out = new Uint8Array((to - from) * size);
  for (const [i, row] of sources.entries())
    out.set(held.subarray((row - first) * size, (row + 1 - first) * size), i * size);
  return out;
}

/** Bytes of numbers of 16 or 32 bits as float32. */
function widened(type: "F32" | "F16" | "BF16", bytes: Uint8Array): Float32Array {
  const own = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  if (type === "F32") return new Float32Array(own.buffer, own.byteOffset, own.length / 4);
  const halves = new Uint16Array(own.buffer, own.byteOffset, own.length / 2);
  return type === "F16" ? float16ToFloat32(halves) : bfloat16ToFloat32(halves);
}

/** Rows `from` to `to` of the file's matrix, in the checkpoint's order, as float32. */
export function ggufRows(tensor: GgufTensor, read: ReadPlace, from: number, to: number): Float32Array {
  const { gguf, place, plus } = tensor;
  const bytes = storedRows(tensor, read, from, to);
  const where = "file" in place ? `${place.file}, the tensor at byte ${place.offset}` : "a tensor";
  const values = isPlainType(gguf) ? widened(gguf as "F32", bytes) : dequantizedBlocks(gguf, bytes, where);
  return plus === undefined ? values : values.map((value) => value + plus);
}

/** A whole tensor as the checkpoint has it. */
export function readGgufTensor(tensor: GgufTensor, read: ReadPlace): NdArray<"float32"> {
  const { rows, width } = rowsOf(tensor);
  const values = ggufRows(tensor, read, 0, rows);
  if (!tensor.turned) return ndarray("float32", tensor.shape, values);
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) out[i * rows + row] = values[row * width + i]!;
  }
  return ndarray("float32", tensor.shape, out);
}
