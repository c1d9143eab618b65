/** IDX files, as MNIST is published: bytes 0 0 type rank, the sizes, then the numbers, all big-endian and row-major. */
import { fail } from "../../errors.ts";

export interface Idx {
  readonly shape: readonly number[];
  /** Bytes as they are; signed 16-bit numbers where labels have more than 256 classes. */
  readonly data: Uint8Array | Int16Array;
}

const types = { 8: 1, 11: 2 } as const;

/**
 * The numbers of an IDX file, unpacked.
 * @throws corrupt_file where the bytes are no such file, or are more or fewer than their sizes say; unsupported for numbers
 *   other than bytes and 16-bit ones
 */
export function parseIdx(bytes: Uint8Array, where: string): Idx {
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) {
    const first = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    fail("corrupt_file", `begins with ${first || "nothing"}, an IDX file with 00 00 and its type`, {
      where,
      ...(bytes[0] === 0x1f && bytes[1] === 0x8b && { hint: "it is packed by gzip: name it .gz, or unpack it" }),
    });
  }
  const [type, rank] = [bytes[2]!, bytes[3]!];
  const size = types[type as keyof typeof types];
  if (size === undefined) {
    fail("unsupported", `IDX numbers of type 0x${type.toString(16).padStart(2, "0")}: expected 0x08 or 0x0b`, {
      where,
    });
  }
  if (rank < 1 || rank > 8) fail("corrupt_file", `${rank} sizes: expected 1 to 8`, { where });
  const begin = 4 + 4 * rank;
  if (bytes.length < begin) fail("corrupt_file", "ends within its sizes", { where });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const count = shape.reduce((a, b) => a * b, 1);
  if (count * size !== bytes.length - begin) {
    fail("corrupt_file", `${bytes.length - begin} bytes of numbers, [${shape.join(", ")}] are ${count * size}`, {
      where,
    });
  }
  if (size === 1) return { shape, data: bytes.subarray(begin) };
  return { shape, data: Int16Array.from({ length: count }, (_, i) => view.getInt16(begin + 2 * i)) };
}
