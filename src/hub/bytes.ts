/** Bytes that stay where they are until somebody asks for some: a file on disk, a part of one, or memory. */
import { fail } from "../errors.ts";

export interface ByteSource {
  /** For messages. */
  readonly name: string;
  /** Bytes in all. */
  readonly size: number;
  /**
   * A copy of, or a view on, exactly `length` bytes.
   * @throws corrupt_file when they are not all there
   */
  read(offset: number, length: number): Uint8Array;
}

/** A source whose bytes are in memory already. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    read(offset, length) {
      checkRange(name, bytes.length, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** `length` bytes from `start` of another source, under a name of their own. */
export function partOf(source: ByteSource, start: number, length: number, name: string): ByteSource {
  checkRange(source.name, source.size, start, length);
  return {
    name,
    size: length,
    read(offset, wanted) {
      checkRange(name, length, offset, wanted);
      return source.read(start + offset, wanted);
    },
  };
}

/** Refuse what does not lie within a source, before anything is allocated for it. */
export function checkRange(where: string, size: number, offset: number, length: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
    fail("corrupt_file", `${length} bytes are wanted at ${offset}, there are ${size} in all`, { where });
  }
}

/** Little-endian 64-bit count; one beyond 2^53 fits nothing that exists and is refused. */
export function readCount(view: DataView, offset: number, where: string): number {
  const value = view.getBigUint64(offset, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) fail("corrupt_file", `a size of ${value} bytes`, { where });
  return Number(value);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
