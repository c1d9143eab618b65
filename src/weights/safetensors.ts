/**
 * The safetensors format: 8 bytes of length, a JSON header, then the tensors' bytes without gap or overlap.
 * https://github.com/huggingface/safetensors#format. Files come from strangers: every rule is checked before any
 * number of the header is used as a size, and a broken one is named together with the file and the tensor.
 */

import { isJsonObject, type JsonObject, jsonKind, parseJsonObject, shown } from "../base/json.ts";
import { refuseMistaken } from "../base/sniff.ts";
import { fail } from "../errors.ts";
import { type DType, dtypeOfSafetensors, dtypes } from "../graph/dtype.ts";

/** Where a tensor lies: `begin` and `end` are byte positions from the start of the file. */
export interface SafetensorsEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Where the tensors' bytes begin. */
  readonly dataStart: number;
}

/** The reference implementation's own limit on the header. */
export const maxHeaderBytes = 100_000_000;

/** Header, entry, list. */
const maxDepth = 3;

/** Types the format has and tensors here cannot: the file is whole, this version just cannot use it. */
const foreignDTypes = /^(F8_[A-Z0-9]+|F6_[A-Z0-9]+|F4|F4_[A-Z0-9]+|C64|C128)$/;

/** A value of the file as it may stand in a message. */
function brief(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item === "number")) {
    return value.length > 12 ? `${value.length} numbers` : `[${value.join(", ")}]`;
  }
  return typeof value === "string" ? shown(value) : jsonKind(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);
}

/** Where the string that opens at `start` closes; the text has been parsed before, so it does. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return end;
  }
}

interface Scan {
  /** Members written, one colon each. */
  readonly members: number;
  /** No number has a point or an exponent. */
  readonly plainNumbers: boolean;
  readonly depth: number;
}

/** What parsing forgets, and the depth, which bounds its work; one pass over the bytes, valid JSON or not. */
function scan(bytes: Uint8Array): Scan {
  let members = 0;
  let plainNumbers = true;
  let open = 0;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x3a) members++;
    else if (byte === 0x7b || byte === 0x5b) depth = Math.max(depth, ++open);
    else if (byte === 0x7d || byte === 0x5d) open--;
    else if (byte === 0x2e || byte === 0x45) plainNumbers = false;
    else if (byte === 0x65 && bytes[i - 1]! <= 0x39) plainNumbers = false;
  }
  return { members, plainNumbers, depth };
}

/** The first key that comes twice in one object. */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === "{" || char === "[") open.push(new Set());
    else if (char === "}" || char === "]") open.pop();
    else if (char === '"') {
      const end = endOfString(text, i);
      let next = end + 1;
      while (/\s/.test(text[next] ?? "")) next++;
      if (text[next] === ":") {
        const key = JSON.parse(text.slice(i, end + 1)) as string;
        const keys = open.at(-1)!;
        if (keys.has(key)) return key;
        keys.add(key);
      }
      i = end;
    }
  }
  return undefined;
}

/** Members that parsing kept: fewer than written when a key came twice. */
function countKeptMembers(value: unknown): number {
  let members = 0;
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== "object" || next === null) continue;
    const isList = Array.isArray(next);
    for (const child of isList ? next : Object.values(next)) {
      if (!isList) members++;
      if (typeof child === "object") open.push(child);
    }
  }
  return members;
}

/**
 * The length of the JSON header that the first 8 bytes announce.
 * @param bytes the beginning of the file: 8 bytes, or more to tell what a file of another kind is
 * @throws corrupt_file when the file cannot hold it or it is over the limit
 */
export function safetensorsHeaderLength(bytes: Uint8Array, fileSize: number, fileName: string): number {
  const where = fileName;
  // A length can look like the beginning of a zip or gzip file; the header after it begins with {.
  if (bytes[8] !== 0x7b) refuseMistaken(bytes, fileSize, where);
  if (fileSize < 8 || bytes.length < 8) {
    fail("corrupt_file", `too short: ${Math.min(fileSize, bytes.length)} bytes, a safetensors file has at least 10`, {
      where,
      hint: "its download stopped; fetch it again",
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) {
    fail("corrupt_file", `the header claims ${length} bytes, larger than the format allows (${maxHeaderBytes})`, {
      where,
      hint: "this is not a safetensors file, or its beginning is damaged",
    });
  }
  if (Number(length) > fileSize - 8) {
    fail(
      "corrupt_file",
      `the header claims ${length} bytes and does not fit: the file has ${fileSize - 8} after its length field`,
      {
        where,
        hint: "the file is cut off; fetch it again",
      },
    );
  }
  if (length < 2n) fail("corrupt_file", `the header claims ${length} bytes, which cannot hold an object`, { where });
  return Number(length);
}

function parseJson(bytes: Uint8Array, where: string): { json: JsonObject; plainNumbers: boolean } {
  if (bytes[0] !== 0x7b) fail("corrupt_file", "the header does not start with {", { where });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    return fail("corrupt_file", "the header is not valid UTF-8", { where, cause });
  }
  const { members, plainNumbers, depth } = scan(bytes);
  if (depth > maxDepth) fail("corrupt_file", `the header is nested ${depth} deep, tensors need ${maxDepth}`, { where });
  const json = parseJsonObject(text, `${where}, header`, maxHeaderBytes);
  if (members !== countKeptMembers(json)) {
    fail("corrupt_file", `the key ${shown(repeatedKey(text) ?? "")} appears twice in the header`, { where });
  }
  return { json, plainNumbers };
}

function parseMetadata(value: unknown, where: string): Map<string, string> {
  if (!isJsonObject(value))
    return fail("corrupt_file", `__metadata__ must be an object, got ${brief(value)}`, { where });
  const metadata = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      return fail("corrupt_file", `__metadata__ ${shown(key)} must be a string, got ${brief(text)}`, { where });
    }
    metadata.set(key, text);
  }
  return metadata;
}

/** Bytes of a dense tensor, or undefined when the product leaves the exact integers. */
function byteLength(dtype: DType, shape: readonly number[]): number | undefined {
  let elements = 1;
  for (const dim of shape) {
    elements *= dim;
    if (elements > Number.MAX_SAFE_INTEGER) return undefined;
  }
  const bytes = elements * dtypes[dtype].bytes;
  return bytes > Number.MAX_SAFE_INTEGER ? undefined : bytes;
}

function parseEntry(name: string, value: unknown, dataStart: number, dataBytes: number, file: string) {
  const where = `${file}, tensor ${shown(name)}`;
  const bad = (what: string): never => fail("corrupt_file", what, { where });
  if (!isJsonObject(value)) return bad(`its entry must be an object, got ${brief(value)}`);
  const { dtype: written, shape, data_offsets: offsets } = value;
  if (typeof written !== "string") return bad(`dtype must be a string, got ${brief(written)}`);
  const dtype = dtypeOfSafetensors(written);
  if (dtype === undefined) {
    if (!foreignDTypes.test(written)) return bad(`unknown dtype ${shown(written)}`);
    return fail("unsupported", `stored as ${written}, which cannot be computed with here`, {
      where,
      hint: "use a copy of the model stored as F32, F16 or BF16",
    });
  }
  if (!Array.isArray(shape)) return bad(`shape must be an array, got ${brief(shape)}`);
  if (!shape.every(isCount)) {
    return bad(`shape must hold integers from 0 to 2^53 - 1, got ${brief(shape.find((dim) => !isCount(dim)))}`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2) {
    return bad(`data_offsets must hold two integers, got ${brief(offsets)}`);
  }
  if (!offsets.every(isCount)) return bad(`data_offsets must hold integers from 0 to 2^53 - 1, got ${brief(offsets)}`);
  const strange = Object.keys(value).find((key) => key !== "dtype" && key !== "shape" && key !== "data_offsets");
  if (strange !== undefined) bad(`unknown key ${shown(strange)}`);
  const [begin, end] = offsets as [number, number];
  if (begin > end) bad(`data_offsets [${begin}, ${end}] run backwards`);
  if (end > dataBytes) bad(`data_offsets end at ${end}, the file holds ${dataBytes} bytes of data`);
  const needed = byteLength(dtype, shape);
  if (needed === undefined) bad(`shape overflows: ${brief(shape)} of ${written}`);
  if (needed !== end - begin) {
    bad(`${written} ${brief(shape)} takes ${needed} bytes, data_offsets give ${end - begin}`);
  }
  return { dtype, shape: shape as number[], begin: dataStart + begin, end: dataStart + end };
}

/** The tensors sorted by place; each must begin where the one before ends, so that they tile the data. */
function inFileOrder(
  tensors: readonly (readonly [string, SafetensorsEntry])[],
  dataStart: number,
  fileSize: number,
  file: string,
): Map<string, SafetensorsEntry> {
  const sorted = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let position = dataStart;
  for (const [name, { begin, end }] of sorted) {
    if (begin !== position) {
      const what = begin < position ? "overlaps the tensor before it" : `leaves a hole of ${begin - position} bytes`;
      fail("corrupt_file", what, { where: `${file}, tensor ${shown(name)}` });
    }
    position = end;
  }
  if (position !== fileSize) {
    fail("corrupt_file", `${fileSize - position} bytes after the last tensor belong to none`, { where: file });
  }
  return new Map(sorted);
}

/**
 * Read and check a header.
 * @param bytes the beginning of the file, at least as far as the header goes
 * @param fileSize bytes of the whole file
 * @param fileName for messages
 * @throws corrupt_file naming file, tensor and rule; unsupported for a number type tensors here cannot have
 */
export function parseSafetensorsHeader(bytes: Uint8Array, fileSize: number, fileName: string): SafetensorsHeader {
  const length = safetensorsHeaderLength(bytes, fileSize, fileName);
  const dataStart = 8 + length;
  if (bytes.length < dataStart) {
    fail("corrupt_file", `the header has ${length} bytes, only ${bytes.length - 8} were read`, { where: fileName });
  }
  const { json, plainNumbers } = parseJson(bytes.subarray(8, dataStart), fileName);
  const entries: [string, SafetensorsEntry][] = [];
  let metadata = new Map<string, string>();
  for (const [name, value] of Object.entries(json)) {
    if (name === "__metadata__") metadata = parseMetadata(value, fileName);
    else entries.push([name, parseEntry(name, value, dataStart, fileSize - dataStart, fileName)]);
  }
  if (!plainNumbers) {
    fail(
      "corrupt_file",
      "a number in the header has a point or an exponent, plain non-negative integers are the rule",
      {
        where: fileName,
      },
    );
  }
  return { tensors: inFileOrder(entries, dataStart, fileSize, fileName), metadata, dataStart };
}

export interface EncodedHeader {
  /** Length field and header, padded so that the data starts at a multiple of 8. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each tensor goes, in the order in which the data is to be written. */
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
  readonly fileSize: number;
}

/**
 * Lay out a file: tensors of wide numbers first, then by name, as the reference implementation does, so that all
 * are aligned and equal contents give equal files.
 * @throws bad_input for a name that comes twice or is reserved, or a shape without a size
 */
export function encodeSafetensorsHeader(
  tensors: Iterable<readonly [string, { readonly dtype: DType; readonly shape: readonly number[] }]>,
  metadata?: Readonly<Record<string, string>>,
): EncodedHeader {
  const sorted = [...tensors].sort(
    ([a, x], [b, y]) => dtypes[y.dtype].bytes - dtypes[x.dtype].bytes || (a < b ? -1 : a > b ? 1 : 0),
  );
  const placed = new Map<string, SafetensorsEntry>();
  let position = 0;
  for (const [name, { dtype, shape }] of sorted) {
    if (placed.has(name)) fail("bad_input", `tensor ${shown(name)} is given twice`);
    if (name === "__metadata__") fail("bad_input", "the name __metadata__ is reserved");
    const bytes = shape.every(isCount) ? byteLength(dtype, shape) : undefined;
    if (bytes === undefined) return fail("bad_input", `tensor ${shown(name)} has shape [${shape.join(", ")}]`);
    placed.set(name, { dtype, shape: [...shape], begin: position, end: position + bytes });
    position += bytes;
  }
  // Written by hand because an object would move names that look like numbers to the front and swallow __proto__.
  const members = [...placed].map(([name, { dtype, shape, begin, end }]) => {
    const body = { dtype: dtypes[dtype].safetensors, shape, data_offsets: [begin, end] };
    return `${JSON.stringify(name)}:${JSON.stringify(body)}`;
  });
  if (metadata && Object.keys(metadata).length > 0) members.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  const json = `{${members.join(",")}}`;
  const text = new TextEncoder().encode(json);
  const length = Math.ceil(text.length / 8) * 8;
  if (length > maxHeaderBytes) fail("bad_input", `a header of ${length} bytes is over the limit of ${maxHeaderBytes}`);
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  const start = bytes.length;
  const final = new Map<string, SafetensorsEntry>();
  for (const [name, entry] of placed) {
    final.set(name, { ...entry, begin: entry.begin + start, end: entry.end + start });
  }
  return { bytes, tensors: final, fileSize: start + position };
}
