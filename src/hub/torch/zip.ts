/**
 * The entries of a zip file as torch writes it: stored, never compressed, each where both directories say it is.
 * Anything else is refused rather than understood (APPNOTE 6.3.10, sections 4.3 and 4.5.3).
 */
import { fail } from "../../errors.ts";

/** Bytes of a file by position; shorter at its end. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

export interface ZipEntry {
  /** Where its bytes begin in the file. */
  readonly offset: number;
  readonly length: number;
}

const mostEntries = 1 << 20;
const mostDirectory = 256 << 20;

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const large = (bytes: DataView, at: number) => Number(bytes.getBigUint64(at, true));

/** Where the central directory lies and how many entries it has, from the records at the end of the file. */
function directory(read: ReadAt, size: number, where: string): { offset: number; length: number; count: number } {
  const tail = Math.min(size, 22 + 65535 + 20);
  const bytes = read(size - tail, tail);
  const end = view(bytes);
  let at = bytes.length - 22;
  while (at >= 0 && end.getUint32(at, true) !== 0x06054b50) at--;
  if (at < 0) return fail("corrupt_file", "is cut short: a zip file ends with a directory", { where });
  const record = {
    count: end.getUint16(at + 10, true),
    length: end.getUint32(at + 12, true),
    offset: end.getUint32(at + 16, true),
  };
  const wide = record.count === 0xffff || record.length === 0xffffffff || record.offset === 0xffffffff;
  if (!wide) return record;
  const locator = at - 20;
  if (locator < 0 || end.getUint32(locator, true) !== 0x07064b50) {
    return fail("corrupt_file", "a large zip file without its large directory", { where });
  }
  const place = large(end, locator + 8);
  const big = place <= size - 56 ? view(read(place, 56)) : undefined;
  if (big?.byteLength !== 56 || big.getUint32(0, true) !== 0x06064b50) {
    return fail("corrupt_file", "the large directory of the zip file is not where it is said to be", { where });
  }
  return { count: large(big, 32), length: large(big, 40), offset: large(big, 48) };
}

/** The 64-bit sizes of an entry's extra field, in the order of those that did not fit. */
function wideSizes(extra: DataView): number[] {
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const length = extra.getUint16(at + 2, true);
    if (extra.getUint16(at, true) === 1) {
      const values: number[] = [];
      for (let p = at + 4; p + 8 <= Math.min(at + 4 + length, extra.byteLength); p += 8) values.push(large(extra, p));
      return values;
    }
    at += 4 + length;
  }
  return [];
}

function checkName(name: string, where: string): void {
  const parts = name.split("/");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const odd = /[\u0000-\u001f\\]|^[A-Za-z]:/.test(name) || name.startsWith("/");
  if (odd || name === "" || parts.some((part) => part === "..")) {
    fail("corrupt_file", `an entry is called ${JSON.stringify(name.slice(0, 100))}: it leads out of the file`, {
      where,
    });
  }
}

/**
 * All entries by name.
 * @throws corrupt_file for compressed or encrypted entries, two of one name, overlaps, directories that disagree
 */
export function zipEntries(read: ReadAt, size: number, where: string): ReadonlyMap<string, ZipEntry> {
  const refuse = (what: string): never => fail("corrupt_file", what, { where });
  const { offset, length, count } = directory(read, size, where);
  if (count > mostEntries || length > mostDirectory) refuse(`a zip directory of ${count} entries in ${length} bytes`);
  if (offset + length > size) refuse("the zip directory lies outside the file");
  const bytes = read(offset, length);
  const central = view(bytes);
  const entries = new Map<string, ZipEntry>();
  const spans: [number, number, string][] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > length || central.getUint32(at, true) !== 0x02014b50)
      refuse(`entry ${i} of the zip directory is damaged`);
    const [flags, method] = [central.getUint16(at + 8, true), central.getUint16(at + 10, true)];
    const [nameLength, extraLength, noteLength] = [28, 30, 32].map((o) => central.getUint16(at + o, true)) as [
      number,
      number,
      number,
    ];
    const next = at + 46 + nameLength + extraLength + noteLength;
    if (next > length) refuse(`entry ${i} of the zip directory is damaged`);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    checkName(name, where);
    const wide = wideSizes(view(bytes.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength)));
    const field = (o: number): number => {
      const value = central.getUint32(at + o, true);
      return value === 0xffffffff ? (wide.shift() ?? refuse(`entry "${name}" lacks its large size`)) : value;
    };
    const [plain, packed] = [field(24), field(20)];
    const local = field(42);
    if (flags & 1) refuse(`entry "${name}" is encrypted`);
    if (method !== 0 || plain !== packed) refuse(`entry "${name}" is compressed; torch stores its files as they are`);
    if (entries.has(name)) refuse(`two entries are called "${name}"`);
    if (local + 30 > offset) refuse(`entry "${name}" lies outside the file`);
    const head = view(read(local, 30));
    const ownName = head.getUint16(26, true);
    const same =
      head.getUint32(0, true) === 0x04034b50 &&
      head.getUint16(8, true) === 0 &&
      new TextDecoder().decode(read(local + 30, ownName)) === name;
    if (!same) refuse(`entry "${name}" is something else at its own place than in the directory`);
    const begin = local + 30 + ownName + head.getUint16(28, true);
    if (begin + plain > offset) refuse(`entry "${name}" lies outside the file`);
    entries.set(name, { offset: begin, length: plain });
    spans.push([local, begin + plain, name]);
    at = next;
  }
  spans.sort((a, b) => a[0] - b[0]);
  spans.forEach(([from, , name], i) => {
    if (i > 0 && from < spans[i - 1]![1]) refuse(`entries "${spans[i - 1]![2]}" and "${name}" overlap`);
  });
  return entries;
}
