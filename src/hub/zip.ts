/**
 * Zip archives as containers of arrays, from strangers: what is where, after every claim has been checked against
 * every other. Stricter than the format (APPNOTE.TXT 6.3): the archive begins at byte 0 and ends with its last record,
 * its entries lie side by side without gap or overlap, the list at the end agrees with the header before each entry.
 * So no reader can find other contents in it than this one. Nothing is unpacked here.
 */
import { fail } from "../errors.ts";
import { type ByteSource, readCount, viewOf } from "./bytes.ts";
import { shown } from "./json.ts";

export interface ZipEntry {
  readonly name: string;
  readonly deflated: boolean;
  /** Bytes as stored, and unpacked; equal unless deflated. */
  readonly packed: number;
  readonly size: number;
  readonly crc: number;
  /** Where the stored bytes begin. */
  readonly offset: number;
}

interface Listed extends Omit<ZipEntry, "offset"> {
  readonly rawName: Uint8Array;
  readonly flags: number;
  readonly method: number;
  /** Of its local header. */
  readonly header: number;
}

const maxEntries = 1 << 20;
const maxDirectoryBytes = 256 << 20;
const maxNameBytes = 1024;

/** Sizes come after the data, in a record of their own. */
const hasDescriptor = 0x0008;
const isUtf8 = 0x0800;
const full32 = 0xffffffff;

const bad = (source: ByteSource, what: string, entry?: string): never =>
  fail("corrupt_file", what, {
    where: entry === undefined ? source.name : `${source.name}, entry ${shown(entry)}`,
  });

/** Where the list of entries lies and how many it has. */
function directoryOf(source: ByteSource): { start: number; end: number; count: number } {
  const { name: where, size } = source;
  const refuse = (what: string) => bad(source, what);
  if (size < 22) refuse(`${size} bytes are too few for a zip archive`);
  const tail = source.read(size - Math.min(size, 98), Math.min(size, 98));
  const view = viewOf(tail);
  const last = tail.length - 22;
  if (view.getUint32(last, true) !== 0x06054b50) {
    fail("corrupt_file", "the zip archive does not end as one does", { where, hint: "is the download complete?" });
  }
  const record = {
    disk: view.getUint16(last + 4, true) + view.getUint16(last + 6, true),
    here: view.getUint16(last + 8, true),
    count: view.getUint16(last + 10, true),
    bytes: view.getUint32(last + 12, true),
    start: view.getUint32(last + 16, true),
  };
  if (view.getUint16(last + 20, true) !== 0) refuse("the zip archive carries a comment");
  if (record.disk !== 0 || record.here !== record.count) refuse("the zip archive is a part of several");
  let { count, bytes, start } = record;
  let end = size - 22;
  if (tail.length >= 98 && view.getUint32(last - 20, true) === 0x07064b50) {
    const large = last - 76;
    end = size - 98;
    if (view.getUint32(last - 16, true) !== 0 || view.getUint32(last - 4, true) !== 1) {
      refuse("the zip archive is a part of several");
    }
    const fits =
      readCount(view, last - 12, where) === end &&
      view.getUint32(large, true) === 0x06064b50 &&
      readCount(view, large + 4, where) === 44 &&
      view.getUint32(large + 16, true) + view.getUint32(large + 20, true) === 0;
    if (!fits) refuse("the 64-bit end record of the zip archive is damaged");
    count = readCount(view, large + 32, where);
    if (readCount(view, large + 24, where) !== count) refuse("the zip archive is a part of several");
    bytes = readCount(view, large + 40, where);
    start = readCount(view, large + 48, where);
    const agree = (short: number, long: number, most: number) => short === most || short === long;
    if (
      !agree(record.count, count, 0xffff) ||
      !agree(record.bytes, bytes, full32) ||
      !agree(record.start, start, full32)
    ) {
      refuse("the two end records of the zip archive disagree");
    }
  }
  if (start + bytes !== end) refuse(`the list of entries ends at ${start + bytes}, the end record begins at ${end}`);
  if (count > maxEntries || bytes > maxDirectoryBytes) refuse(`a zip archive of ${count} entries`);
  if (count * 46 > bytes) refuse(`${count} entries cannot be listed in ${bytes} bytes`);
  return { start, end, count };
}

/** The 64-bit values of an entry's extra field, in its order. */
function largeValues(extra: Uint8Array, wanted: number, source: ByteSource, entry: string): number[] {
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length; ) {
    const length = view.getUint16(at + 2, true);
    if (at + 4 + length > extra.length) break;
    if (view.getUint16(at, true) === 1 && length >= wanted * 8) {
      return Array.from({ length: wanted }, (_, i) => readCount(view, at + 4 + i * 8, source.name));
    }
    at += 4 + length;
  }
  return bad(source, "its 64-bit sizes are missing", entry);
}

function checkName(raw: Uint8Array, source: ByteSource): string {
  let name: string;
  try {
    name = new TextDecoder("utf-8", { fatal: true }).decode(raw);
  } catch {
    return bad(source, "the name of an entry is not valid UTF-8");
  }
  if (name.length === 0) bad(source, "an entry has no name");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) bad(source, "its name holds a control character", name);
  if (/^\/|^[A-Za-z]:|\\|(^|\/)\.{1,2}(\/|$)|\/\/|\/$/.test(name)) {
    bad(source, "its name leads out of the archive or names a folder", name);
  }
  return name;
}

function listEntries(source: ByteSource, deflate: boolean): { entries: Listed[]; start: number } {
  const { start, end, count } = directoryOf(source);
  const bytes = source.read(start, end - start);
  const view = viewOf(bytes);
  const entries: Listed[] = [];
  const seen = new Set<string>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x02014b50) {
      bad(source, `entry ${i} of the list of entries is damaged`);
    }
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
      number,
      number,
      number,
    ];
    const next = at + 46 + nameBytes + extraBytes + commentBytes;
    if (next > bytes.length || nameBytes > maxNameBytes) bad(source, `entry ${i} of the list of entries is damaged`);
    const rawName = bytes.subarray(at + 46, at + 46 + nameBytes);
    const name = checkName(rawName, source);
    if (seen.has(name)) bad(source, "there are two entries of this name", name);
    seen.add(name);
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    if (flags & 0x2041) bad(source, "it is encrypted", name);
    if (flags & ~(hasDescriptor | isUtf8 | 0x0006)) bad(source, `its flags are 0x${flags.toString(16)}`, name);
    if (method !== 0 && !(deflate && method === 8)) {
      bad(source, method === 8 ? "it is compressed" : `it is packed by method ${method}`, name);
    }
    if (commentBytes !== 0 || view.getUint16(at + 34, true) !== 0) bad(source, "it has a comment or a disk", name);
    if (((view.getUint32(at + 38, true) >>> 16) & 0xf000) === 0xa000) bad(source, "it is a link", name);
    const short = [24, 20, 42].map((field) => view.getUint32(at + field, true));
    const large = short.filter((value) => value === full32).length;
    const extra = bytes.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes);
    const values = large > 0 ? largeValues(extra, large, source, name) : [];
    const [size, packed, header] = short.map((value) => (value === full32 ? values.shift()! : value)) as [
      number,
      number,
      number,
    ];
    if (method === 0 && size !== packed) bad(source, `stored in ${packed} bytes, said to have ${size}`, name);
    const crc = view.getUint32(at + 16, true);
    entries.push({ name, rawName, flags, method, deflated: method === 8, size, packed, crc, header });
    at = next;
  }
  if (at !== bytes.length) bad(source, `${bytes.length - at} bytes after the list of entries`);
  return { entries, start };
}

/** The record after the data: 12 or 20 bytes, with a signature of 4 before it or not. */
function checkDescriptor({ name, crc, size, packed }: Listed, bytes: Uint8Array, source: ByteSource): void {
  const view = viewOf(bytes);
  const wide = bytes.length >= 20;
  const signed = bytes.length === 16 || bytes.length === 24;
  const at = signed ? 4 : 0;
  const count = (offset: number) => (wide ? readCount(view, offset, source.name) : view.getUint32(offset, true));
  const agrees =
    (!signed || view.getUint32(0, true) === 0x08074b50) &&
    view.getUint32(at, true) === crc &&
    count(at + 4) === packed &&
    count(at + (wide ? 12 : 8)) === size;
  if (!agrees) bad(source, "the sizes after its data are not those in the list", name);
}

/** Check an entry's own header and what follows its data; gives where the data begins. */
function locate(entry: Listed, limit: number, source: ByteSource): number {
  const { name, rawName, header } = entry;
  const refuse = (what: string) => bad(source, what, name);
  if (header + 30 + rawName.length > limit) refuse("its header does not fit");
  const bytes = source.read(header, 30 + rawName.length);
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== 0x04034b50) refuse("there is no header where the list puts it");
  const extraBytes = view.getUint16(28, true);
  const differs =
    view.getUint16(26, true) !== rawName.length || rawName.some((byte, i) => byte !== bytes[30 + i])
      ? "name"
      : view.getUint16(6, true) !== entry.flags
        ? "flags"
        : view.getUint16(8, true) !== entry.method
          ? "method"
          : undefined;
  if (differs) refuse(`its header and the list of entries disagree about its ${differs}`);
  const offset = header + 30 + rawName.length + extraBytes;
  const end = offset + entry.packed;
  if (end > limit) refuse(`it overlaps what comes after it, or is longer than the archive`);
  const late = (entry.flags & hasDescriptor) !== 0;
  const [crc, packed, size] = [14, 18, 22].map((field) => view.getUint32(field, true)) as [number, number, number];
  const large = [packed, size].filter((value) => value === full32).length;
  if (late) {
    const open = (got: number, listed: number) => got === 0 || got === listed || got === full32;
    if (!open(crc, entry.crc) || !open(packed, entry.packed) || !open(size, entry.size)) {
      refuse("its header and the list of entries disagree about its size");
    }
    const gap = limit - end;
    // Writers leave the record away after an empty entry.
    if (gap === 0 && entry.size === 0) return offset;
    if (gap !== 12 && gap !== 16 && gap !== 20 && gap !== 24) refuse(`${gap} bytes after it belong to no entry`);
    checkDescriptor(entry, source.read(end, gap), source);
    return offset;
  }
  const extra = large > 0 ? source.read(header + 30 + rawName.length, extraBytes) : new Uint8Array(0);
  // Size first, then packed: the order of the field.
  const values = large > 0 ? largeValues(extra, large, source, name) : [];
  const realSize = size === full32 ? values.shift()! : size;
  const realPacked = packed === full32 ? values.shift()! : packed;
  if (crc !== entry.crc || realPacked !== entry.packed || realSize !== entry.size) {
    refuse("its header and the list of entries disagree about its size");
  }
  if (end !== limit) refuse(`${limit - end} bytes after it belong to no entry`);
  return offset;
}

/** Whether a file begins as a zip archive does. */
export function looksZipped(source: ByteSource): boolean {
  return source.size >= 4 && viewOf(source.read(0, 4)).getUint32(0, true) === 0x04034b50;
}

/**
 * The entries of an archive by name, in the order of the file.
 * @param deflate whether entries may be compressed
 * @throws corrupt_file naming the entry for anything that does not agree, is encrypted, a link, named twice or named
 *   to lead elsewhere
 */
export function readZip(source: ByteSource, deflate: boolean): Map<string, ZipEntry> {
  const { entries, start } = listEntries(source, deflate);
  entries.sort((a, b) => a.header - b.header);
  if (entries.length > 0 && entries[0]!.header !== 0) bad(source, "bytes before the first entry belong to none");
  if (entries.length === 0 && start !== 0) bad(source, "bytes before the list of entries belong to none");
  const located = new Map<string, ZipEntry>();
  entries.forEach((entry, i) => {
    const offset = locate(entry, entries[i + 1]?.header ?? start, source);
    const { name, deflated, size, packed, crc } = entry;
    located.set(name, { name, deflated, size, packed, crc, offset });
  });
  return located;
}

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

/** CRC-32 as zip archives have it. */
export function crc32(bytes: Uint8Array): number {
  let c = full32;
  for (let i = 0; i < bytes.length; i++) c = table[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
  return (c ^ full32) >>> 0;
}

/**
 * The bytes of a stored entry.
 * @throws corrupt_file when it is larger than `limit` or its checksum does not fit
 */
export function readEntry(source: ByteSource, entry: ZipEntry, limit: number): Uint8Array {
  if (entry.size > limit) bad(source, `${entry.size} bytes, at most ${limit} are read`, entry.name);
  const bytes = source.read(entry.offset, entry.packed);
  // Writers may be told to leave the sum out; it is 0 then.
  if (entry.crc !== 0 && crc32(bytes) !== entry.crc) bad(source, "its checksum does not fit its bytes", entry.name);
  return bytes;
}
