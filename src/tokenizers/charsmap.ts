/**
 * SentencePiece's precompiled normaliser: a double-array trie (Darts-clone) from UTF-8 strings to places in a block of
 * NUL-ended replacements. Layout: 4 bytes little-endian size of the trie, the trie, the replacements.
 */
import { fail } from "../errors.ts";

export interface CharsMap {
  /**
   * Look up the keys that begin at `text[at]`.
   * @param first take the shortest key instead of the longest
   * @returns the replacement, or undefined when no key fits; where the key ended is then in {@link CharsMap.end}
   */
  find(text: string, at: number, first?: boolean): string | undefined;
  /** Where the key of the last {@link CharsMap.find} ended, in UTF-16 units. */
  readonly end: number;
  /** Whether any key begins with this ASCII character and goes on with an ASCII character or ends. */
  plain(code: number): boolean;
}

/** Greatest length of a replacement in bytes; Unicode's own longest has 33. Bounds how much a file can make text grow. */
const maxReplacement = 512;

/** @throws corrupt_file when the sizes do not fit together; on use, when a replacement is no text */
export function createCharsMap(bytes: Uint8Array, where: string): CharsMap {
  const bad = (what: string): never => fail("corrupt_file", what, { where });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) bad(`normaliser of ${bytes.length} bytes`);
  const size = view.getUint32(0, true);
  if (size > bytes.length - 4 || size % 4 !== 0 || size < 4) bad(`normaliser's trie of ${size} bytes`);
  const units = new Uint32Array(size / 4);
  for (let i = 0; i < units.length; i++) units[i] = view.getUint32(4 + 4 * i, true);
  const block = bytes.subarray(4 + size);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const known = new Map<number, string>();
  const encoded = new Uint8Array(4);

  const replacement = (value: number): string => {
    let text = known.get(value);
    if (text !== undefined) return text;
    if (value > block.length) bad(`normaliser's replacement at ${value} of ${block.length}`);
    let end = value;
    while (end < block.length && block[end] !== 0) end++;
    if (end - value > maxReplacement) bad(`normaliser's replacement of ${end - value} bytes`);
    text = decoder.decode(block.subarray(value, end));
    known.set(value, text);
    return text;
  };
  const offset = (unit: number): number => (unit >>> 10) << ((unit & 512) >>> 6);
  const root = offset(units[0]!);

  /** The node after `node` by one byte, or -1. */
  const step = (node: number, byte: number): number => {
    const next = node ^ byte;
    if (next < 0 || next >= units.length) return -1;
    const unit = units[next]!;
    return (unit & 0x800000ff) === byte ? next : -1;
  };
  const utf8 = (code: number): number => {
    if (code < 0x80) {
      encoded[0] = code;
      return 1;
    }
    const length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (let i = length - 1, rest = code; i > 0; i--, rest >>>= 6) encoded[i] = 0x80 | (rest & 63);
    encoded[0] = ((0xf00 >> length) & 0xff) | (code >>> (6 * (length - 1)));
    return length;
  };
  const plain = Array.from({ length: 128 }, (_, code) => {
    const next = step(root, code);
    if (next < 0) return true;
    if ((units[next]! & 256) !== 0) return false;
    const base = next ^ offset(units[next]!);
    for (let byte = 1; byte < 128; byte++) if (step(base, byte) >= 0) return false;
    return true;
  });

  const map = {
    end: 0,
    plain: (code: number) => plain[code] ?? false,
    find(text: string, at: number, first = false): string | undefined {
      let found = -1;
      for (let i = at, node = root; i < text.length && node >= 0; ) {
        const code = text.codePointAt(i)!;
        const length = utf8(code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
        i += code > 0xffff ? 2 : 1;
        let leaf = -1;
        for (let k = 0; k < length; k++) {
          const next = step(node, encoded[k]!);
          if (next < 0) {
            node = -1;
            break;
          }
          const unit = units[next]!;
          node = next ^ offset(unit);
          leaf = (unit & 256) !== 0 && k === length - 1 ? node : -1;
        }
        if (node >= 0 && leaf >= 0 && leaf < units.length) {
          found = units[leaf]! & 0x7fffffff;
          map.end = i;
          if (first) break;
        }
      }
      return found < 0 ? undefined : replacement(found);
    },
  };
  return map;
}
