/**
 * The beginning of a GGUF file: metadata and the list of tensors (https://github.com/ggml-org/ggml, docs/gguf.md;
 * versions 2 and 3). It is read in pieces as far as it goes, the tensors stay where they are, and nothing is allocated
 * by a number that was not compared with the bytes that are there.
 */
import { shown } from "../../base/json.ts";
import { headBytes, refuseMistaken } from "../../base/sniff.ts";
import { fail } from "../../errors.ts";
import type { ReadAt } from "../torch/zip.ts";
import { type Cursor, createCursor } from "./cursor.ts";
import { type GgufType, layoutOfType, typeOfNumber } from "./types.ts";

/** A list of texts, decoded when it is asked for: a vocabulary has a hundred thousand of them. */
export interface Texts {
  readonly length: number;
  read(): string[];
}

export type Numbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/** Whole numbers that a double cannot hold are bigints. A list of truth values is bytes. */
export type GgufValue = string | number | bigint | boolean | Numbers | Texts;

export interface GgufTensor {
  readonly type: GgufType;
  /** Outermost first, as everywhere else here: [out, in]. */
  readonly shape: readonly number[];
  /** Bytes in the file, absolute. */
  readonly offset: number;
  readonly length: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** Where the tensors' data begins. */
  readonly dataStart: number;
}

/** Real headers take 2 to 20 MB: most of it is the vocabulary. */
const mostHeader = 256 << 20;
const mostKey = 65_535;
/** Longest name of a tensor in bytes, and most axes: ggml's own limits (`GGML_MAX_NAME`, `GGML_MAX_DIMS`). */
const [mostName, mostAxes] = [63, 4];

const arrays = [
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Uint8Array,
  undefined,
  undefined,
  BigUint64Array,
  BigInt64Array,
  Float64Array,
] as const;
const [boolType, textType, arrayType] = [7, 8, 9];

function truth(byte: number, refuse: (what: string) => never): boolean {
  return byte <= 1 ? byte === 1 : refuse(`holds ${byte} as a truth value, expected 0 or 1`);
}

const whole = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;

/** Texts one after another, each behind its length: walked once to see that they are there. */
function textsAt(at: Cursor, count: number, where: string): Texts {
  const start = at.position;
  for (let i = 0; i < count; i++) at.skip(at.length("a text of a list"));
  const bytes = at.bytes(start, at.position - start);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return {
    length: count,
    read() {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      let place = 0;
      return Array.from({ length: count }, (_, i) => {
        const size = Number(view.getBigUint64(place, true));
        const from = place + 8;
        place = from + size;
        try {
          return decoder.decode(bytes.subarray(from, place));
        } catch (cause) {
          return fail("corrupt_file", `text ${i} is not UTF-8`, { where, cause });
        }
      });
    },
  };
}

function listAt(at: Cursor, where: string): GgufValue {
  const refuse = (what: string): never => fail("corrupt_file", what, { where });
  const type = at.u32();
  if (type === arrayType) fail("unsupported", "is a list of lists", { where, hint: "no known model has one" });
  const count = at.count(type === textType ? 8 : 1, "elements");
  if (type === textType) return textsAt(at, count, where);
  const Array_ = arrays[type];
  if (!Array_) return refuse(`has elements of the unknown type ${type}`);
  const size = count * Array_.BYTES_PER_ELEMENT;
  const start = at.position;
  at.skip(size);
  // Copied: what lies in the file is not aligned.
  const values = new Array_(new Uint8Array(at.bytes(start, size)).buffer);
  if (type === boolType) for (const byte of values as Uint8Array) truth(byte, refuse);
  return values;
}

function valueAt(at: Cursor, type: number, where: string): GgufValue {
  const refuse = (what: string): never => fail("corrupt_file", what, { where });
  switch (type) {
    case 0:
      return at.view(1).getUint8(0);
    case 1:
      return at.view(1).getInt8(0);
    case 2:
      return at.view(2).getUint16(0, true);
    case 3:
      return at.view(2).getInt16(0, true);
    case 4:
      return at.u32();
    case 5:
      return at.view(4).getInt32(0, true);
    case 6:
      return at.view(4).getFloat32(0, true);
    case boolType:
      return truth(at.view(1).getUint8(0), refuse);
    case textType:
      return at.text(at.length("a text"), "text");
    case arrayType:
      return listAt(at, where);
    case 10:
      return whole(at.view(8).getBigUint64(0, true));
    case 11:
      return whole(at.view(8).getBigInt64(0, true));
    case 12:
      return at.view(8).getFloat64(0, true);
    default:
      return refuse(`has the unknown type ${type}`);
  }
}

function metadataAt(at: Cursor, count: number, where: string): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const length = at.length("a key");
    if (length > mostKey) fail("corrupt_file", `key ${i} is ${length} bytes long`, { where });
    const key = at.text(length, `key ${i}`);
    if (metadata.has(key)) fail("corrupt_file", `key ${shown(key)} is there twice`, { where });
    metadata.set(key, valueAt(at, at.u32(), `${where}, key ${shown(key)}`));
  }
  return metadata;
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>, where: string): number {
  const given = metadata.get("general.alignment") ?? 32;
  if (typeof given === "number" && given >= 1 && given <= 1 << 20 && (given & (given - 1)) === 0) return given;
  const got = typeof given === "object" ? "a list" : String(given);
  return fail("corrupt_file", `general.alignment is ${got}, expected a power of two`, { where });
}

interface Listed extends Omit<GgufTensor, "offset"> {
  /** From the start of the data. */
  readonly from: number;
}

function tensorAt(at: Cursor, number: number, file: string): readonly [string, Listed] {
  const size = at.length("a tensor's name");
  if (size > mostName) fail("corrupt_file", `the name of tensor ${number} is ${size} bytes long`, { where: file });
  const name = at.text(size, `name of tensor ${number}`);
  const where = `${file}, tensor ${shown(name)}`;
  const refuse = (what: string): never => fail("corrupt_file", what, { where });
  const axes = at.u32();
  if (axes < 1 || axes > mostAxes) refuse(`has ${axes} axes, at most ${mostAxes} are known`);
  const shape = Array.from({ length: axes }, () => {
    const dim = at.view(8).getBigUint64(0, true);
    // With an axis of 0 the others could say anything without a byte being there.
    return dim > 0n && dim <= BigInt(2 ** 48) ? Number(dim) : refuse(`has an axis of ${dim}`);
  }).reverse();
  const count = shape.reduce((a, b) => a * b, 1);
  if (!Number.isSafeInteger(count)) refuse(`has the shape [${shape.join(", ")}], which is too large`);
  const type = at.u32();
  const known = typeOfNumber(type) ?? refuse(`has the unknown type ${type}`);
  if ("notRead" in known) {
    return fail("unsupported", `is stored as ${known.notRead}, which is not read here`, {
      where,
      hint: "convert the model to Q4_K_M or Q8_0, or choose another file of it",
    });
  }
  const { elements, bytes } = layoutOfType(known.read);
  const width = shape.at(-1)!;
  if (width % elements !== 0) refuse(`has rows of ${width}, ${known.read} stores whole blocks of ${elements}`);
  const from = at.view(8).getBigUint64(0, true);
  if (from > BigInt(Number.MAX_SAFE_INTEGER)) refuse(`begins at ${from}`);
  const length = (count / elements) * bytes;
  return [name, { type: known.read, shape, length, from: Number(from) }];
}

/** Every tensor at a multiple of the alignment, within the file, and none over another. */
function placed(
  listed: ReadonlyMap<string, Listed>,
  start: number,
  alignment: number,
  size: number,
  file: string,
): Map<string, GgufTensor> {
  const byPlace = [...listed].sort(([, a], [, b]) => a.from - b.from || a.length - b.length);
  let before: readonly [string, Listed] | undefined;
  for (const one of byPlace) {
    const [name, { from, length }] = one;
    const where = `${file}, tensor ${shown(name)}`;
    if (from % alignment !== 0) fail("corrupt_file", `begins at ${from}, no multiple of ${alignment}`, { where });
    if (from + length > size - start) {
      fail("corrupt_file", `ends at byte ${start + from + length}, the file has ${size}`, {
        where,
        hint: "is the download complete?",
      });
    }
    if (before && length > 0 && before[1].from + before[1].length > from) {
      fail("corrupt_file", `lies over tensor ${shown(before[0])}`, { where });
    }
    if (length > 0) before = one;
  }
  return new Map(
    [...listed].map(([name, { from, type, shape, length }]) => [name, { type, shape, length, offset: start + from }]),
  );
}

/** What begins a file of the format. */
const magic = 0x46554747;

/** Whether these first bytes are those of a GGUF file. */
export const beginsGguf = (head: Uint8Array): boolean =>
  head.length >= 4 && new DataView(head.buffer, head.byteOffset, 4).getUint32(0, true) === magic;

function needMagic(head: Uint8Array, size: number, where: string): void {
  if (beginsGguf(head)) return;
  refuseMistaken(head, size, where);
  const isSafetensors = head[8] === 0x7b;
  fail("corrupt_file", `does not begin with GGUF${isSafetensors ? "; it looks like a safetensors file" : ""}`, {
    where,
    hint: "give a .gguf file, or the folder of a model",
  });
}

/**
 * Read and check the header.
 * @param read bytes of the file by position, shorter at its end
 * @param size bytes of the whole file
 * @throws corrupt_file naming the key or tensor and what is wrong; unsupported for other versions, big-endian files,
 *   and types of tensors that are not read here
 */
export function readGgufHeader(read: ReadAt, size: number, where: string): GgufHeader {
  needMagic(read(0, Math.min(size, headBytes)), size, where);
  const at = createCursor(read, size, Math.min(size, mostHeader), where);
  at.skip(4);
  const version = at.u32();
  if ((version & 0xffff) === 0 && version !== 0) {
    fail("unsupported", "is a big-endian file", { where, hint: "convert the model on a little-endian machine" });
  }
  if (version !== 2 && version !== 3) {
    fail("unsupported", `is of version ${version}, 2 and 3 are read`, {
      where,
      hint: version === 1 ? "convert the model anew with a current llama.cpp" : "is there a newer release of Zeroth?",
    });
  }
  // The least a tensor takes is a name's length, one axis, type and offset; a key its length, type and one byte.
  const tensorCount = at.count(8 + 4 + 8 + 4 + 8, "tensors");
  const keyCount = at.count(8 + 4 + 1, "keys");
  const metadata = metadataAt(at, keyCount, where);
  const alignment = alignmentOf(metadata, where);
  const listed = new Map<string, Listed>();
  for (let i = 0; i < tensorCount; i++) {
    const [name, tensor] = tensorAt(at, i, where);
    if (listed.has(name)) fail("corrupt_file", `tensor ${shown(name)} is there twice`, { where });
    listed.set(name, tensor);
  }
  const dataStart = Math.ceil(at.position / alignment) * alignment;
  return { version, metadata, dataStart, tensors: placed(listed, dataStart, alignment, size, where) };
}
