/** Ranges of characters as ranges of bytes of UTF-8. */
import type { Range } from "./grammar.ts";

/** A range a byte: every text of bytes in these is a character, and every character of the range is such a text. */
export type ByteRanges = readonly Range[];

const lengths: readonly Range[] = [
  [0, 0x7f],
  [0x80, 0x7ff],
  [0x800, 0xffff],
  [0x10000, 0x10ffff],
];

const encoder = new TextEncoder();

/** Cut so that the bytes after the first can be chosen freely of each other. */
function cut(first: number, last: number, out: ByteRanges[]): void {
  const low = encoder.encode(String.fromCodePoint(first));
  const high = encoder.encode(String.fromCodePoint(last));
  // Bits of the last bytes that are free: where both ends share what stands before them, nothing has to be cut.
  for (let bytes = 1; bytes < low.length; bytes++) {
    const mask = (1 << (6 * bytes)) - 1;
    if ((first & ~mask) === (last & ~mask)) continue;
    if ((first & mask) !== 0) {
      cut(first, first | mask, out);
      cut((first | mask) + 1, last, out);
      return;
    }
    if ((last & mask) !== mask) {
      cut(first, (last & ~mask) - 1, out);
      cut(last & ~mask, last, out);
      return;
    }
  }
  out.push(Array.from(low, (byte, i): Range => [byte, high[i]!]));
}

/** Each entry a way to write characters of the ranges; together they write all of them, each once. */
export function byteRanges(ranges: readonly Range[]): ByteRanges[] {
  const out: ByteRanges[] = [];
  for (const [first, last] of ranges) {
    for (const [low, high] of lengths) {
      if (first <= high && last >= low) cut(Math.max(first, low), Math.min(last, high), out);
    }
  }
  return out;
}
