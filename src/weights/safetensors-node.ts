/** Safetensors files on disk: opened by their header alone, read a tensor at a time, written whole or not at all. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { writeFileSafely } from "../base/files-node.ts";
import { readAt, readBytes, withFile } from "../base/read-node.ts";
import { headBytes } from "../base/sniff.ts";
import { fail } from "../errors.ts";
import { type NdArray, sizeOf } from "../graph/array.ts";
import { dtypes } from "../graph/dtype.ts";
import { type ReadPlace, readGgufTensor } from "./gguf/rows.ts";
import { encodeSafetensorsHeader, parseSafetensorsHeader, safetensorsHeaderLength } from "./safetensors.ts";
import { storedReader } from "./stored.ts";
import { type GgufTensor, isGguf, type Place, type PlainTensor, type StoredTensor } from "./weights.ts";

export type TensorInFile = Extract<PlainTensor, { readonly file: string }>;

type PlaceInFile = Extract<Place, { readonly file: string }>;

export interface SafetensorsFile {
  /** Absolute, symlinks resolved. */
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorInFile>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** A tensor that is made when its turn to be written comes, and forgotten afterwards. */
interface Deferred extends Pick<NdArray, "dtype" | "shape"> {
  read(): NdArray;
}

/** What can be written: an array in memory, a tensor that lies in another file and is copied from there, or a promise of one. */
export type Writable = NdArray | PlainTensor | Deferred;

/** A tensor copied from file to file goes through a buffer of this size. */
const copyBytes = 16 << 20;

/**
 * Read and check a file's header; the tensors stay on disk.
 * @throws not_found; corrupt_file naming file, tensor and rule
 */
export function openSafetensors(path: string): SafetensorsFile {
  return withFile(path, (file, size) => {
    const length = safetensorsHeaderLength(readBytes(file, 0, headBytes), size, path);
    const header = parseSafetensorsHeader(readBytes(file, 0, 8 + length), size, path);
    const real = realpathSync(path);
    const tensors = new Map<string, TensorInFile>();
    for (const [name, { dtype, shape, begin, end }] of header.tensors) {
      tensors.set(name, { dtype, shape, file: real, offset: begin, length: end - begin });
    }
    return { path: real, tensors, metadata: header.metadata };
  });
}

function readInFile(file: number, { file: where, offset, length }: PlaceInFile): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const got = readAt(file, bytes, offset);
  if (got !== length) {
    fail("corrupt_file", `${length} bytes expected at ${offset}, ${got} are there`, {
      where,
      hint: "the file changed while it was in use",
    });
  }
  return bytes;
}

const { read, bytes } = storedReader((place) => withFile(place.file, (file) => readInFile(file, place)));

/** A range of the bytes at a place; in a file, no more are read than these. */
export const ggufBytes: ReadPlace = bytes;

/**
 * A stored tensor as an array: read into memory of its own from a file, wrapped as it is when it is in memory, as
 * float32 when it is quantised.
 * @throws corrupt_file when the file shrank since it was opened
 */
export const readStored: (stored: StoredTensor) => NdArray = read;

/**
 * Read one tensor into memory of its own.
 * @throws not_found for a name the file does not have; corrupt_file when the file shrank since it was opened
 */
export function readTensor(file: SafetensorsFile, name: string): NdArray {
  const stored = file.tensors.get(name);
  if (!stored) return fail("not_found", `there is no tensor "${name}"`, { where: file.path });
  return readStored(stored);
}

/** A tensor of numbers as it is written: those of a GGUF file as float32. */
export const writable = (stored: PlainTensor | GgufTensor): Writable =>
  isGguf(stored) ? { dtype: stored.dtype, shape: stored.shape, read: () => readGgufTensor(stored, ggufBytes) } : stored;

/** The bytes of what is to be written, in pieces, so that a copy from file to file needs no room for the whole. */
function* piecesOf(tensor: Writable): Iterable<Uint8Array> {
  if ("read" in tensor) {
    yield* piecesOf(tensor.read());
    return;
  }
  if ("data" in tensor) {
    yield new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
    return;
  }
  const { file: path, offset, length } = tensor;
  for (let done = 0; done < length; done += copyBytes) {
    const part = { ...tensor, offset: offset + done, length: Math.min(copyBytes, length - done) };
    yield withFile(path, (file) => readInFile(file, part));
  }
}

/**
 * Write tensors to one file: under another name first, forced to disk, renamed. Missing folders are made.
 * @throws bad_input for a name given twice or reserved, a shape that does not fit its data, a disk that refuses
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<readonly [string, Writable]>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  const list = [...tensors];
  const byName = new Map(list);
  const header = encodeSafetensorsHeader(list, metadata);
  for (const [name, tensor] of list) {
    const { begin, end } = header.tensors.get(name)!;
    const bytes = "data" in tensor ? tensor.data.byteLength : "read" in tensor ? bytesOf(tensor) : tensor.length;
    if (bytes !== end - begin) fail("bad_input", `tensor "${name}" has ${bytes} bytes, its shape ${end - begin}`);
  }
  await writeFileSafely(path, function* () {
    yield header.bytes;
    for (const name of header.tensors.keys()) yield* piecesOf(byName.get(name)!);
  });
}

export interface CheckpointOptions {
  /** Largest file in bytes of tensor data; a tensor larger than this gets a file of its own. Default: one file. */
  readonly maxShardBytes?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

function bytesOf({ dtype, shape }: Writable): number {
  return sizeOf(shape) * dtypes[dtype].bytes;
}

/**
 * Write tensors into a folder as `model.safetensors`, or as `model-00001-of-0000N.safetensors` with
 * `model.safetensors.index.json` when they do not fit one file. Returns the names of the files written.
 */
export async function writeCheckpoint(
  folder: string,
  tensors: Iterable<readonly [string, Writable]>,
  { maxShardBytes = Number.POSITIVE_INFINITY, metadata = { format: "pt" } }: CheckpointOptions = {},
): Promise<string[]> {
  const shards: (readonly [string, Writable])[][] = [[]];
  let room = maxShardBytes;
  let total = 0;
  for (const entry of tensors) {
    const bytes = bytesOf(entry[1]);
    if (bytes > room && shards.at(-1)!.length > 0) {
      shards.push([]);
      room = maxShardBytes;
    }
    shards.at(-1)!.push(entry);
    room -= bytes;
    total += bytes;
  }
  if (shards.length === 1) {
    await writeSafetensors(join(folder, "model.safetensors"), shards[0]!, metadata);
    return ["model.safetensors"];
  }
  const number = (n: number) => String(n).padStart(5, "0");
  const placed = new Map<string, string>();
  const written: string[] = [];
  for (const [i, shard] of shards.entries()) {
    const name = `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
    for (const [tensor] of shard) {
      if (placed.has(tensor)) fail("bad_input", `tensor "${tensor}" is given twice`);
      placed.set(tensor, name);
    }
    await writeSafetensors(join(folder, name), shard, metadata);
    written.push(name);
  }
  const index = { metadata: { total_size: total }, weight_map: Object.fromEntries([...placed].sort()) };
  await writeFileSafely(join(folder, "model.safetensors.index.json"), `${JSON.stringify(index, null, 2)}\n`);
  return [...written, "model.safetensors.index.json"];
}
