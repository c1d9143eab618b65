/** Whether stored tensors hold the same numbers. */
import { isPlain, type PlainTensor, type StoredTensor } from "./weights.ts";

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Numbers of one type and shape, one by one: what can be compared by their bytes. */
export const comparable = (a: StoredTensor, b: StoredTensor): readonly [PlainTensor, PlainTensor] | undefined =>
  isPlain(a) && isPlain(b) && a.dtype === b.dtype && `${a.shape}` === `${b.shape}` ? [a, b] : undefined;

/** The same without reading files: tensors of one type and shape that lie in files count as equal. */
export function sameInMemory(a: StoredTensor, b: StoredTensor): boolean {
  const pair = comparable(a, b);
  if (!pair) return false;
  const [one, other] = pair;
  return "data" in one && "data" in other ? sameBytes(one.data, other.data) : true;
}
