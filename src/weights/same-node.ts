/** Whether stored tensors hold the same numbers, read piece by piece from their files. */
import { readBytes, withFile } from "../base/read-node.ts";
import { comparable, sameBytes } from "./same.ts";
import type { PlainTensor, StoredTensor } from "./weights.ts";

const piece = 4 << 20;

function bytesOf(tensor: PlainTensor, from: number, length: number): Uint8Array {
  if ("data" in tensor) return tensor.data.subarray(from, from + length);
  return withFile(tensor.file, (file) => readBytes(file, tensor.offset + from, length));
}

/** Whether two tensors hold the same numbers; reading ends at the first difference. */
export function sameStored(a: StoredTensor, b: StoredTensor): boolean {
  const pair = comparable(a, b);
  if (!pair) return false;
  const [one, other] = pair;
  const length = (tensor: PlainTensor) => ("data" in tensor ? tensor.data.length : tensor.length);
  if (length(one) !== length(other)) return false;
  if ("file" in one && "file" in other && one.file === other.file && one.offset === other.offset) return true;
  for (let from = 0; from < length(one); from += piece) {
    const next = Math.min(piece, length(one) - from);
    if (!sameBytes(bytesOf(one, from, next), bytesOf(other, from, next))) return false;
  }
  return true;
}
