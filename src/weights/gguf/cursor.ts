/** A place in a file that moves on as numbers and texts are read, over pieces of it that are fetched as needed. */
import { fail } from "../../errors.ts";
import type { ReadAt } from "../torch/zip.ts";

export interface Cursor {
  readonly position: number;
  /** The next bytes as a view; the place moves behind them. */
  view(bytes: number): DataView;
  u32(): number;
  /** A length in bytes, which are there. */
  length(what: string): number;
  /** A count of things of at least so many bytes each, which could be there. */
  count(leastBytes: number, what: string): number;
  text(bytes: number, what: string): string;
  skip(bytes: number): void;
  /** Bytes that the place has passed. */
  bytes(start: number, length: number): Uint8Array;
}

/** The first piece; every further one doubles what is held. */
const firstPiece = 1 << 18;

/**
 * @param size bytes of the file
 * @param most bytes from its beginning that may be read
 */
export function createCursor(read: ReadAt, size: number, most: number, where: string): Cursor {
  let held = read(0, Math.min(firstPiece, most));
  let position = 0;
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** Refuse what is not there; fetch what is and is not held yet. */
  const need = (bytes: number, what: string): void => {
    if (position + bytes > size) {
      fail("corrupt_file", `ends inside ${what} at byte ${position}`, { where, hint: "is the download complete?" });
    }
    if (position + bytes > most) {
      fail("corrupt_file", `its metadata goes on beyond ${most} bytes`, { where });
    }
    if (position + bytes <= held.length) return;
    held = read(0, Math.min(most, Math.max(2 * held.length, position + bytes)));
    if (position + bytes > held.length) {
      fail("corrupt_file", `ends inside ${what} at byte ${position}`, {
        where,
        hint: "the file changed while it was read",
      });
    }
  };
  const cursor: Cursor = {
    get position() {
      return position;
    },
    view(bytes) {
      need(bytes, "a number");
      const view = new DataView(held.buffer, held.byteOffset + position, bytes);
      position += bytes;
      return view;
    },
    u32: () => cursor.view(4).getUint32(0, true),
    length(what) {
      const start = position;
      const given = cursor.view(8).getBigUint64(0, true);
      if (given <= BigInt(size - position)) return Number(given);
      return fail("corrupt_file", `${what} of ${given} bytes at byte ${start}, ${size - position} are left`, { where });
    },
    count(leastBytes, what) {
      const start = position;
      const given = cursor.view(8).getBigUint64(0, true);
      if (given <= BigInt(Math.floor((size - position) / leastBytes))) return Number(given);
      return fail("corrupt_file", `${given} ${what} at byte ${start}, ${size - position} bytes are left`, { where });
    },
    text(bytes, what) {
      need(bytes, `a text`);
      const start = position;
      position += bytes;
      try {
        return decoder.decode(held.subarray(start, position));
      } catch (cause) {
        return fail("corrupt_file", `${what} at byte ${start} is not UTF-8`, { where, cause });
      }
    },
    skip(bytes) {
      need(bytes, "a list");
      position += bytes;
    },
    bytes: (start, length) => held.subarray(start, start + length),
  };
  return cursor;
}
