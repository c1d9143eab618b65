/**
 * Weights in several files, joined. What a file holds is what its own header says: an index lists names that no file
 * has (copies that were dropped when it was written) and lacks others, so it is asked for the files alone.
 */
import { join } from "node:path";
import { isJsonObject, jsonKind, jsonLimits, shown } from "../base/json.ts";
import { readJsonFile } from "../base/read-node.ts";
import { fail } from "../errors.ts";
import { locate } from "../hub/locate-node.ts";
import { isPlainFileName } from "../hub/names.ts";
import { sameStored } from "../weights/same-node.ts";
import type { PlainTensor } from "../weights/weights.ts";

/** What a weight file holds. */
export interface OpenedFile {
  readonly tensors: ReadonlyMap<string, PlainTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

export interface Shards extends OpenedFile {
  /** Tensors that the index names and no file has, with the file it puts them in. */
  readonly absent: ReadonlyMap<string, string>;
}

/** How many files one model may be in; the largest known has some 200. */
const mostShards = 10_000;

/** The file of each tensor, as an index puts them. */
function readIndex(indexFile: string, where: string, extension: string): Map<string, string> {
  const map = readJsonFile(indexFile, jsonLimits.index, where).weight_map;
  if (!isJsonObject(map)) return fail("corrupt_file", `weight_map must be an object, got ${jsonKind(map)}`, { where });
  const placed = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== "string" || !isPlainFileName(shard) || !shard.endsWith(extension)) {
      const got = typeof shard === "string" ? shown(shard) : jsonKind(shard);
      fail("corrupt_file", `tensor ${shown(tensor)} is said to be in ${got}, which is not a plain file name`, {
        where,
      });
    }
    placed.set(tensor, shard);
  }
  return placed;
}

/**
 * Names of the shards in a folder without an index: `STEM-00001-of-00003.EXTENSION` and its fellows.
 * @throws corrupt_file when one of them is missing, or there are two sets of them
 */
export function shardNames(files: readonly string[], stem: string, extension: string, where: string): string[] {
  const found = new Map<string, number[]>();
  for (const file of files) {
    if (!file.startsWith(`${stem}-`) || !file.endsWith(extension)) continue;
    const numbers = /^(\d{5})-of-(\d{5})$/.exec(file.slice(stem.length + 1, file.length - extension.length));
    if (numbers) found.set(numbers[2]!, [...(found.get(numbers[2]!) ?? []), Number(numbers[1])]);
  }
  if (found.size === 0) return [];
  const hint = "fetch the missing files into the folder";
  if (found.size > 1) {
    const sets = [...found.keys()].map((count) => `of-${count}`).join(" and ");
    return fail("corrupt_file", `holds two sets of weight files (${sets}) and no index that says which`, { where });
  }
  const [[count, there]] = [...found] as [[string, number[]]];
  if (Number(count) > mostShards) fail("corrupt_file", `weights in ${Number(count)} files`, { where });
  const name = (n: number) => `${stem}-${String(n).padStart(5, "0")}-of-${count}${extension}`;
  const all = Array.from({ length: Number(count) }, (_, i) => i + 1);
  const missing = all.find((n) => !there.includes(n));
  if (missing !== undefined) fail("corrupt_file", `shard ${name(missing)} is missing`, { where, hint });
  return all.map(name);
}

const bytesOf = (tensor: PlainTensor) => ("data" in tensor ? tensor.data.length : tensor.length);

/** Compares tensors that two files hold; together not more bytes than files can honestly repeat. */
function comparer(where: string): (a: PlainTensor, b: PlainTensor) => boolean {
  const seen = new Set<string>();
  let compared = 0;
  let allowed = 0;
  return (a, b) => {
    if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return false;
    if ("file" in a && "file" in b) {
      const pair = `${a.file} ${a.offset} ${b.file} ${b.offset} ${a.length}`;
      if (seen.has(pair)) return true;
      seen.add(pair);
    }
    const length = bytesOf(a);
    compared += length;
    // Views of one storage under many names could ask for the same bytes without an end.
    allowed = Math.max(allowed, 4 * length + (1 << 30));
    if (compared > allowed) fail("unsupported", "its files hold the same tensors too many times", { where });
    return sameStored(a, b);
  };
}

/**
 * Open these files of a folder and join their tensors.
 * @param placed the file of each tensor as an index puts them; empty where there is none
 * @throws corrupt_file for a file that is not there, and for a tensor that two files hold with different content
 */
export function openShards(
  folder: string,
  names: readonly string[],
  placed: ReadonlyMap<string, string>,
  open: (path: string) => OpenedFile,
): Shards {
  if (names.length > mostShards) fail("corrupt_file", `weights in ${names.length} files`, { where: folder });
  const tensors = new Map<string, PlainTensor>();
  const from = new Map<string, string>();
  const metadata = new Map<string, string>();
  const isSame = comparer(folder);
  for (const shard of names) {
    const file = locate(folder, shard);
    if (!file) {
      const tensor = [...placed].find(([, name]) => name === shard)?.[0] ?? "";
      return fail("corrupt_file", `shard ${shard} is missing (tensor ${shown(tensor)} is in it)`, {
        where: folder,
        hint: "fetch the missing file into the folder",
      });
    }
    const opened = open(file);
    for (const [key, value] of opened.metadata) metadata.set(key, value);
    for (const [name, tensor] of opened.tensors) {
      const before = tensors.get(name);
      if (before && !isSame(before, tensor)) {
        fail("corrupt_file", `tensor ${shown(name)} is in ${from.get(name)} and, with other content, in ${shard}`, {
          where: folder,
          hint: "files of two models lie in one folder: fetch it again into an empty one",
        });
      }
      if (before) continue;
      tensors.set(name, tensor);
      from.set(name, shard);
    }
  }
  const absent = new Map([...placed].filter(([name]) => !tensors.has(name)));
  return { tensors, metadata, absent };
}

/** The index of a model in several files. */
const indexName = (single: string) => `${single}.index.json`;

/** As {@link openShards}, of the files that the folder's index names. */
export function openIndexed(
  folder: string,
  single: string,
  extension: string,
  open: (path: string) => OpenedFile,
): Shards | undefined {
  const index = locate(folder, indexName(single));
  if (!index) return undefined;
  const placed = readIndex(index, join(folder, indexName(single)), extension);
  return openShards(folder, [...new Set(placed.values())].sort(), placed, open);
}
