/** torch's `.bin` and `.pt` files, zip and older ones: their tensors found and left where they are. */

import { shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { dtypes } from "../../graph/dtype.ts";
import type { PlainTensor } from "../weights.ts";
import { readPickle, type StorageRecord, type TensorRecord, type Value } from "./pickle.ts";
import { type ReadAt, zipEntries } from "./zip.ts";

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

/** The dictionary of tensors: the value itself, or what is called state_dict or model in it. */
function stateOf(value: Value, where: string): Map<Value, Value> {
  for (const key of [undefined, "state_dict", "model"]) {
    const found = key === undefined ? value : value instanceof Map ? value.get(key) : undefined;
    if (!(found instanceof Map)) continue;
    if ([...found.values()].some(isTensor)) return found;
  }
  return fail("corrupt_file", "holds no dictionary of tensors", { where });
}

/** A value in a message or as a key: never what a list holds, which may hold itself or grow without end. */
const plain = (value: Value): string => (typeof value === "object" ? "that is no number" : String(value).slice(0, 200));

const isTensor = (value: Value): value is TensorRecord =>
  typeof value === "object" && value !== null && (value as TensorRecord).kind === "tensor";

function openZip(read: ReadAt, size: number, where: string): { value: Value; place: Place } {
  const refuse = (what: string): never => fail("corrupt_file", what, { where });
  const entries = zipEntries(read, size, where);
  const pickles = [...entries.keys()].filter((name) => name === "data.pkl" || name.endsWith("/data.pkl"));
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
    place: ({ key }) => entries.get(`${prefix}data/${key}`) ?? refuse(`storage ${shown(key)} is missing`),
  };
}

/** Before torch 1.6: magic number, version, system, tensors, keys of storages, then the storages one after another. */
function openLegacy(read: ReadAt, size: number, where: string): { value: Value; place: Place } {
  const refuse = (what: string): never => fail("corrupt_file", what, { where });
  const bytes = read(0, Math.min(size, mostPickle));
  const parts: Value[] = [];
  let at = 0;
  while (parts.length < 5) {
    const { value, end } = readPickle(bytes, at, where);
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
  const state = stateOf(value, where);
  const known = new Map<string, StorageRecord>();
  for (const tensor of state.values()) if (isTensor(tensor)) known.set(tensor.storage.key, tensor.storage);
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

/**
 * The tensors of a torch file by name, none of them read but those stored out of order.
 * @param file the path that the tensors are given; `where` is what messages call it
 * @throws corrupt_file for damage and for whatever wants to run code; unsupported for big-endian files
 */
export function readTorch(read: ReadAt, size: number, where: string, file = where): Map<string, PlainTensor> {
  const first = read(0, 4);
  const zip = first[0] === 0x50 && first[1] === 0x4b;
  const { value, place } = zip ? openZip(read, size, where) : openLegacy(read, size, where);
  const source: Source = { read, place, file, room: size };
  const tensors = new Map<string, PlainTensor>();
  for (const [name, tensor] of stateOf(value, where)) {
    if (typeof name === "string" && isTensor(tensor)) tensors.set(name, stored(name, tensor, source));
  }
  return tensors;
}
