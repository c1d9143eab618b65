/** torch's `.bin` and `.pt` files, zip and older ones: their tensors found and left where they are. */

import { shown } from "../../base/json.ts";
import { headBytes, refuseMistaken } from "../../base/sniff.ts";
import { fail } from "../../errors.ts";
import { dtypes } from "../../graph/dtype.ts";
import type { PlainTensor } from "../weights.ts";
import { pickleBudget, readPickle } from "./pickle.ts";
import type { StorageRecord, TensorRecord, Value } from "./pickle-names.ts";
import { storagesIn, tensorsIn } from "./state.ts";
import { type ReadAt, readZip, type Zip, type ZipEntry } from "./zip.ts";

const mostPickle = 256 << 20;
/** A tensor whose elements are not one after another is put in order in memory, up to this size. */
const mostGathered = 256 << 20;
const legacyMagic = 0x1950a86a20f9469cfc6cn;

/** Where a storage's bytes lie in the file. */
type Place = (storage: StorageRecord) => { readonly offset: number; readonly length: number };

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

function isContiguous({ shape, strides }: TensorRecord): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/** The elements of a transposed or otherwise strided tensor in their order; `span` begins with its first. */
function gathered({ shape, strides }: TensorRecord, span: Uint8Array, bytes: number): Uint8Array {
  const count = product(shape);
  const data = new Uint8Array(count * bytes);
  const index = shape.map(() => 0);
  let from = 0;
  for (let i = 0; i < count; i++) {
    data.set(span.subarray(from * bytes, (from + 1) * bytes), i * bytes);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return data;
}

/** A file being read, and how much of it may still be put in order in memory. */
interface Source {
  readonly read: ReadAt;
  readonly place: Place;
  readonly file: string;
  room: number;
}

function stored(name: string, tensor: TensorRecord, source: Source): PlainTensor {
  const where = `${source.file}, tensor ${shown(name)}`;
  const refuse = (what: string): never => fail("corrupt_file", what, { where });
  const { storage, shape, strides, offset } = tensor;
  const { bytes } = dtypes[storage.dtype];
  const at = source.place(storage);
  const count = product(shape);
  if (!Number.isSafeInteger(count * bytes)) refuse(`has the shape [${shape.join(", ")}]`);
  const last = count === 0 ? -1 : offset + shape.reduce((sum, dim, axis) => sum + (dim - 1) * strides[axis]!, 0);
  if (!(last < storage.elements) || storage.elements * bytes > at.length) refuse("reaches beyond its storage");
  const head = { dtype: storage.dtype, shape };
  if (count === 0 || isContiguous(tensor)) {
    return {
      ...head,
      file: source.file,
      offset: at.offset + (count === 0 ? 0 : offset * bytes),
      length: count * bytes,
    };
  }
  // Strides of 0 would make much of little.
  if (count > last - offset + 1) refuse("shows elements of its storage more than once");
  const span = (last - offset + 1) * bytes;
  source.room -= span;
  if (span > mostGathered || source.room < 0) {
    fail("unsupported", "is stored out of order and too large to be put in order", {
      where,
      hint: "save the model once as safetensors: save_pretrained(folder, safe_serialization=True)",
    });
  }
  return { ...head, data: gathered(tensor, source.read(at.offset + offset * bytes, span), bytes) };
}

/** A value in a message or as a key: never what a list holds, which may hold itself or grow without end. */
const plain = (value: Value): string => (typeof value === "object" ? "that is no number" : String(value).slice(0, 200));

interface Opened {
  readonly value: Value;
  readonly place: Place;
  readonly zip?: Zip;
}

/** Small members beside the pickle and the storages, below the folder that torch names after the file. */
const notes = ["byteorder", "version", ".format_version", ".storage_alignment", ".data/serialization_id"];
const mostNote = 100;

/** The one pickle of a torch file; its name ends so, and what stands before it stands before all other names too. */
const pickleOf = (entries: Zip["entries"]) =>
  [...entries.keys()].filter((name) => name === "data.pkl" || name.endsWith("/data.pkl"));

function openZip(read: ReadAt, size: number, where: string): Opened {
  const refuse = (what: string): never => fail("corrupt_file", what, { where });
  const zip = readZip(read, size, where);
  const { entries } = zip;
  const pickles = pickleOf(entries);
  if (pickles.length !== 1) refuse(`a torch file has one data.pkl, this one ${pickles.length}`);
  const prefix = pickles[0]!.slice(0, -"data.pkl".length);
  const pickle = entries.get(pickles[0]!)!;
  if (pickle.length > mostPickle) refuse(`a pickle of ${pickle.length} bytes`);
  const order = entries.get(`${prefix}byteorder`);
  if (order && new TextDecoder().decode(read(order.offset, Math.min(order.length, 10))) !== "little") {
    fail("unsupported", "was written on a big-endian machine", { where });
  }
  const { value, end } = readPickle(read(pickle.offset, pickle.length), 0, where);
  if (end !== pickle.length) refuse("something follows the pickle");
  return {
    value,
    zip,
    place: ({ key }) => entries.get(`${prefix}data/${key}`) ?? refuse(`storage ${shown(key)} is missing`),
  };
}

/** Before torch 1.6: magic number, version, system, tensors, keys of storages, then the storages one after another. */
function openLegacy(read: ReadAt, size: number, where: string): Opened {
  const refuse = (what: string): never => fail("corrupt_file", what, { where });
  const bytes = read(0, Math.min(size, mostPickle));
  const parts: Value[] = [];
  const budget = pickleBudget(bytes.length);
  let at = 0;
  while (parts.length < 5) {
    const { value, end } = readPickle(bytes, at, where, budget);
    parts.push(value);
    at = end;
    if (parts.length === 1 && value !== legacyMagic) refuse("is neither a zip file nor begins with torch's number");
  }
  const [, version, system, value, keys] = parts as [Value, Value, Value, Value, Value];
  if (version !== 1001) refuse(`version ${plain(version)} of the older format, expected 1001`);
  if (system instanceof Map && system.get("little_endian") === false) {
    fail("unsupported", "was written on a big-endian machine", { where });
  }
  if (!Array.isArray(keys)) refuse("the list of storages is missing");
  const known = storagesIn(value);
  const places = new Map<string, { offset: number; length: number }>();
  for (const key of keys as Value[]) {
    const storage = known.get(plain(key)) ?? refuse(`storage ${shown(plain(key))} belongs to no tensor`);
    if (places.has(storage.key)) refuse(`storage ${shown(storage.key)} comes twice`);
    if (at + 8 > size) refuse("is cut short");
    const head = read(at, 8);
    const count = Number(new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true));
    if (count !== storage.elements)
      refuse(`storage ${shown(storage.key)} has ${count} elements, expected ${storage.elements}`);
    const length = count * dtypes[storage.dtype].bytes;
    if (at + 8 + length > size) refuse("is cut short");
    places.set(storage.key, { offset: at + 8, length });
    at += 8 + length;
  }
  if (at !== size) refuse(`${size - at} bytes follow the last storage`);
  return { value, place: ({ key }) => places.get(key) ?? refuse(`storage ${shown(key)} is missing`) };
}

/** Members of a zip file that are no part of what torch writes for this value. */
function unexplained({ entries }: Zip, value: Value): Map<string, ZipEntry> {
  const rest = new Map(entries);
  const [pickle = ""] = pickleOf(entries);
  const prefix = pickle.slice(0, -"data.pkl".length);
  rest.delete(pickle);
  for (const note of notes) if ((rest.get(prefix + note)?.length ?? Infinity) <= mostNote) rest.delete(prefix + note);
  for (const { key, elements, dtype } of storagesIn(value).values()) {
    const name = `${prefix}data/${key}`;
    if (rest.get(name)?.length === elements * dtypes[dtype].bytes) rest.delete(name);
  }
  return rest;
}

export interface TorchFile {
  /** What the file holds as a whole: beside the model, whatever a training program wrote. */
  readonly value: Value;
  readonly tensors: ReadonlyMap<string, PlainTensor>;
  /** Members of the zip file that hold neither the tensors nor torch's own notes. */
  readonly unexplained: ReadonlyMap<string, ZipEntry>;
  /** Bytes that belong to no member. */
  readonly loose: number;
}

/**
 * A torch file: its tensors by name, none of them read but those stored out of order, and what else is in it.
 * @param file the path that the tensors are given; `where` is what messages call it
 * @throws corrupt_file for damage and for whatever wants to run code; unsupported for big-endian files
 */
export function readTorchFile(read: ReadAt, size: number, where: string, file = where): TorchFile {
  const first = read(0, headBytes);
  refuseMistaken(first, size, where, "zip");
  const isZip = first[0] === 0x50 && first[1] === 0x4b;
  const { value, place, zip } = (isZip ? openZip : openLegacy)(read, size, where);
  const source: Source = { read, place, file, room: size };
  const tensors = new Map<string, PlainTensor>();
  for (const [name, tensor] of tensorsIn(value, where)) tensors.set(name, stored(name, tensor, source));
  return { value, tensors, unexplained: zip ? unexplained(zip, value) : new Map(), loose: zip?.loose ?? 0 };
}
