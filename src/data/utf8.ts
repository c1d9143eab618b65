/** Bytes as UTF-8 text, strictly: what is no UTF-8 is an error with its place, and nothing is replaced. */
import { fail } from "../errors.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** How many bytes a character has by its first one; 0 for a byte that begins none. */
function lengthBy(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}

/** Least and greatest second byte where not every one will do: no long spellings, no surrogates, nothing past U+10FFFF. */
const secondBytes: { readonly [lead: number]: readonly [number, number] } = {
  224: [0xa0, 0xbf],
  237: [0x80, 0x9f],
  240: [0x90, 0xbf],
  244: [0x80, 0x8f],
};

/** Place of the first byte that is no UTF-8, or -1. */
export function invalidUtf8At(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; ) {
    const lead = bytes[i]!;
    const length = lengthBy(lead);
    if (length === 0) return i;
    const [least, most] = secondBytes[lead] ?? [0x80, 0xbf];
    for (let k = 1; k < length; k++) {
      const byte = bytes[i + k];
      if (byte === undefined || byte < (k === 1 ? least : 0x80) || byte > (k === 1 ? most : 0xbf)) return i;
    }
    i += length;
  }
  return -1;
}

/**
 * The text of bytes that begin at byte `at` of a file.
 * @throws bad_input naming the byte
 */
export function decodeUtf8(bytes: Uint8Array, where: string, at = 0): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    const place = Math.max(0, invalidUtf8At(bytes));
    const byte = (bytes[place] ?? 0).toString(16).padStart(2, "0");
    return fail("bad_input", `byte ${at + place + 1} (0x${byte}) is not UTF-8`, {
      where,
      hint: "save the file as UTF-8",
      cause,
    });
  }
}

/** How many bytes the byte order mark takes. @throws bad_input for UTF-16, which has other marks */
function markOf([a, b, c]: Uint8Array, where: string): number {
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    fail("bad_input", "is UTF-16 text", { where, hint: "save the file as UTF-8" });
  }
  return a === 0xef && b === 0xbb && c === 0xbf ? 3 : 0;
}

/** The text of a whole file, without its byte order mark. @throws bad_input as {@link decodeUtf8}, and for UTF-16 */
export function wholeText(bytes: Uint8Array, where: string): string {
  const mark = markOf(bytes, where);
  return decodeUtf8(bytes.subarray(mark), where, mark);
}

/** Where the last character of the bytes ends, if the next piece may go on with it. */
function wholeEnd(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte >= 0xc0) return lengthBy(byte) > back ? bytes.length - back : bytes.length;
    if (byte < 0x80) break;
  }
  return bytes.length;
}

/**
 * The pieces of a file without its byte order mark.
 * @throws bad_input for UTF-16, which has other marks
 */
export async function* withoutMark(
  pieces: AsyncIterable<Uint8Array>,
  where: string,
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly at: number }, void, undefined> {
  let head: Uint8Array | undefined = new Uint8Array(0);
  let at = 0;
  for await (const piece of pieces) {
    let bytes: Uint8Array = piece;
    if (head) {
      bytes = head.length > 0 ? Buffer.concat([head, piece]) : piece;
      if (bytes.length < 3) {
        head = new Uint8Array(bytes);
        continue;
      }
      head = undefined;
      at = markOf(bytes, where);
      bytes = bytes.subarray(at);
    }
    yield { bytes, at };
    at += bytes.length;
  }
  if (head && head.length > 0) {
    markOf(head, where);
    yield { bytes: head, at: 0 };
  }
}

/**
 * A file's text in pieces.
 * @throws bad_input naming the first byte that is not UTF-8
 */
export async function* utf8Texts(
  pieces: AsyncIterable<Uint8Array>,
  where: string,
): AsyncGenerator<string, void, undefined> {
  let rest: Uint8Array = new Uint8Array(0);
  let next = 0;
  for await (const { bytes, at } of withoutMark(pieces, where)) {
    const all = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes;
    const end = wholeEnd(all);
    yield decodeUtf8(all.subarray(0, end), where, at - rest.length);
    // A piece's memory may be used again by whoever gave it.
    rest = new Uint8Array(all.subarray(end));
    next = at + bytes.length;
  }
  if (rest.length > 0) decodeUtf8(rest, where, next - rest.length);
}
