/**
 * The entries of a zip file, each where both directories say it is: as torch writes it, stored and never compressed,
 * or deflated too where the caller can unpack. Anything else is refused rather than understood (APPNOTE 6.3.10,
 * sections 4.3 and 4.5.3).
 */

import { shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";

/** Bytes of a file by position; shorter at its end. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

export interface ZipEntry {
  /** Where its bytes begin in the file. */
  readonly offset: number;
  /** Bytes in the file. */
  readonly length: number;
  /** Bytes when unpacked; undefined where they are stored as they are. */
  readonly unpacked?: number;
  /** Whether unpacking it would make a symbolic link. */
  readonly isLink: boolean;
}

export interface Zip {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** Bytes that belong to no entry and to no record of the format. */
  readonly loose: number;
}

export interface ZipOptions {
  /** Read entries that are deflated, too. Default false. */
  readonly deflated?: boolean;
}

/** Far above the storages of any model in one file; each is looked up at its own place, which takes its time. */
const mostEntries = 1 << 17;
const mostDirectory = 64 << 20;

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const large = (bytes: DataView, at: number) => Number(bytes.getBigUint64(at, true));

interface Directory {
  readonly offset: number;
  readonly length: number;
  readonly count: number;
}

/**
 * Where the central directory lies and how many entries it has, from the records at the end of the file. It must end
 * where they begin, and they where the file ends: with room for a second set, two programs could see two files in one.
 */
function directory(read: ReadAt, size: number, where: string): Directory {
  const refuse = (what: string): never => fail("corrupt_file", what, { where });
  const tail = read(Math.max(0, size - 42), 42);
  const end = view(tail);
  const at = tail.length - 22;
  if (at < 0 || end.getUint32(at, true) !== 0x06054b50) {
    refuse("is cut short, or something follows: a zip file ends with its directory");
  }
  const [disk, first, here, count] = [4, 6, 8, 10].map((o) => end.getUint16(at + o, true)) as [
    number,
    number,
    number,
    number,
  ];
  if (disk !== 0 || first !== 0 || here !== count) refuse("is one part of a zip file in several");
  const record = { count, length: end.getUint32(at + 12, true), offset: end.getUint32(at + 16, true) };
  const ends = (at: number, { offset, length }: Directory) => {
    if (offset + length !== at) refuse("the zip directory does not end where it is said to");
  };
  if (at < 20 || end.getUint32(0, true) !== 0x07064b50) {
    ends(size - 22, record);
    return record;
  }
  const place = large(end, 8);
  const big = place === size - 22 - 20 - 56 ? view(read(place, 56)) : undefined;
  if (big?.byteLength !== 56 || big.getUint32(0, true) !== 0x06064b50 || large(big, 4) !== 44) {
    return refuse("the large directory of the zip file is not where it is said to be");
  }
  const wide = { count: large(big, 32), length: large(big, 40), offset: large(big, 48) };
  const agree =
    large(big, 24) === wide.count &&
    (record.count === 0xffff || record.count === wide.count) &&
    (record.length === 0xffffffff || record.length === wide.length) &&
    (record.offset === 0xffffffff || record.offset === wide.offset);
  if (!agree) refuse("the two records at the end of the zip file disagree");
  ends(place, wide);
  return wide;
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
    fail("corrupt_file", `an entry is called ${shown(name)}: it leads out of the file`, {
      where,
    });
  }
}

/** What the central directory says of an entry. */
interface Listed {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  /** Bytes in the file, and when unpacked. */
  readonly length: number;
  readonly plain: number;
  readonly local: number;
}

/** How long the record is that follows an entry's bytes and repeats its check sum and sizes; 0 where it does not. */
function descriptorLength(bytes: DataView, { crc, length, plain }: Listed): number {
  if (bytes.byteLength < 16 || bytes.getUint32(0, true) !== 0x08074b50 || bytes.getUint32(4, true) !== crc) return 0;
  if (bytes.getUint32(8, true) === length && bytes.getUint32(12, true) === plain) return 16;
  return bytes.byteLength >= 24 && large(bytes, 8) === length && large(bytes, 16) === plain ? 24 : 0;
}

/** The longest extra field of an entry: torch aligns storages to 4096 bytes with it. */
const mostExtra = 4096 + 64;

/** Where an entry's bytes lie, after its own header at its own place said the same as the directory. */
function located(read: ReadAt, entry: Listed, end: number, where: string) {
  const { name, flags, method, crc, length, plain, local } = entry;
  const refuse = (what: string): never => fail("corrupt_file", what, { where });
  const outside = () => refuse(`entry ${shown(name)} lies outside the file`);
  if (local + 30 > end) outside();
  const head = view(read(local, 30));
  const own = head.getUint16(26, true);
  const extra = head.getUint16(28, true);
  const offset = local + 30 + own + extra;
  if (offset + length > end) outside();
  const same =
    head.getUint32(0, true) === 0x04034b50 &&
    head.getUint16(6, true) === flags &&
    head.getUint16(8, true) === method &&
    new TextDecoder().decode(read(local + 30, own)) === name;
  if (!same) refuse(`entry ${shown(name)} is something else at its own place than in the directory`);
  const follows = (flags & described) !== 0;
  const after = follows ? descriptorLength(view(read(offset + length, Math.min(24, end - offset - length))), entry) : 0;
  const narrow = (at: number, size: number) => head.getUint32(at, true) === Math.min(size, 0xffffffff);
  const agrees = follows ? after > 0 : head.getUint32(14, true) === crc && narrow(18, length) && narrow(22, plain);
  if (!agrees) refuse(`entry ${shown(name)} has other sizes at its own place than in the directory`);
  return { offset, until: offset + length + after, loose: Math.max(0, extra - mostExtra) };
}

/** Flags an entry may carry: its sizes follow it, its name is UTF-8. */
const described = 1 << 3;
const knownFlags = described | (1 << 11);
/** How hard the packer tried; and a reserved one that books of calibre carry and nobody reads: how it is packed is the method. */
const deflateFlags = (1 << 1) | (1 << 2) | (1 << 4);
const deflate = 8;

/**
 * All entries by name.
 * @throws corrupt_file for compressed or encrypted entries, two of one name, overlaps, directories that disagree
 */
export function readZip(read: ReadAt, size: number, where: string, { deflated = false }: ZipOptions = {}): Zip {
  const refuse = (what: string): never => fail("corrupt_file", what, { where });
  const { offset, length, count } = directory(read, size, where);
  if (count > mostEntries || length > mostDirectory) refuse(`a zip directory of ${count} entries in ${length} bytes`);
  if (count * 46 > length) refuse(`a zip directory of ${count} entries in ${length} bytes`);
  const bytes = read(offset, length);
  const central = view(bytes);
  const entries = new Map<string, ZipEntry>();
  const spans: [number, number, string][] = [];
  let loose = 0;
  let at = 0;
  for (let i = 0; i < count; i++) {
    const damaged = (): never => refuse(`entry ${i} of the zip directory is damaged`);
    if (at + 46 > length || central.getUint32(at, true) !== 0x02014b50) damaged();
    const short = (o: number) => central.getUint16(at + o, true);
    const [flags, method, nameLength, extraLength, noteLength] = [short(8), short(10), short(28), short(30), short(32)];
    const next = at + 46 + nameLength + extraLength + noteLength;
    if (next > length) damaged();
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    checkName(name, where);
    const wide = wideSizes(view(bytes.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength)));
    const field = (o: number): number => {
      const value = central.getUint32(at + o, true);
      return value === 0xffffffff ? (wide.shift() ?? refuse(`entry ${shown(name)} lacks its large size`)) : value;
    };
    const [plain, packed, local] = [field(24), field(20), field(42)];
    const unread = (what: string): never =>
      fail(deflated ? "unsupported" : "corrupt_file", `entry ${shown(name)} ${what}`, { where });
    if (flags & (1 | (1 << 6) | (1 << 13))) unread("is encrypted");
    if (flags & ~(deflated ? knownFlags | deflateFlags : knownFlags)) {
      unread(`has flags that ${deflated ? "are not read" : "torch does not write"}`);
    }
    const isPacked = method === deflate && deflated;
    if (!isPacked && (method !== 0 || plain !== packed)) {
      unread(
        deflated ? "is compressed in another way than deflate" : "is compressed; torch stores its files as they are",
      );
    }
    if (entries.has(name)) refuse(`two entries are called ${shown(name)}`);
    const listed = { name, flags, method, crc: central.getUint32(at + 16, true), length: packed, plain, local };
    const found = located(read, listed, offset, where);
    // The mode of a file on Unix, in the upper half of the outer attributes.
    const isLink = central.getUint8(at + 5) === 3 && central.getUint32(at + 38, true) >>> 28 === 0xa;
    entries.set(name, { offset: found.offset, length: packed, isLink, ...(isPacked && { unpacked: plain }) });
    spans.push([local, found.until, name]);
    loose += noteLength + found.loose;
    at = next;
  }
  if (at !== length) refuse("the zip directory holds more than its entries");
  spans.sort((a, b) => a[0] - b[0]);
  let until = 0;
  spans.forEach(([from, end, name], i) => {
    if (from < until) refuse(`entries ${shown(spans[i - 1]![2])} and ${shown(name)} overlap`);
    loose += from - until;
    until = end;
  });
  return { entries, loose: loose + offset - until };
}
