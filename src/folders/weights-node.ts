/** The weights of a model folder: one file, or several with an index, in the first format that is there. */
import { join } from "node:path";
import { isJsonObject, jsonKind, jsonLimits, shown } from "../base/json.ts";
import { readJsonFile } from "../base/read-node.ts";
import { fail } from "../errors.ts";
import { locate } from "../hub/locate-node.ts";
import { isPlainFileName } from "../hub/names.ts";
import { openSafetensors } from "../weights/safetensors-node.ts";
import { openTorch } from "../weights/torch/torch-node.ts";
import type { StoredTensor, Weights } from "../weights/weights.ts";

type Stored = { tensors: Weights; metadata: ReadonlyMap<string, string> };

interface WeightFormat {
  /** The one file, or the index of several. */
  readonly single: string;
  readonly extension: string;
  open(path: string): Stored;
}

/** In the order in which they are looked for. */
const weightFormats: readonly WeightFormat[] = [
  { single: "model.safetensors", extension: ".safetensors", open: openSafetensors },
  {
    single: "pytorch_model.bin",
    extension: ".bin",
    open: (path) => ({ tensors: openTorch(path), metadata: new Map() }),
  },
];

function openShards(folder: string, indexFile: string, { single, extension, open }: WeightFormat): Stored {
  const where = join(folder, `${single}.index.json`);
  const map = readJsonFile(indexFile, jsonLimits.index, where).weight_map;
  if (!isJsonObject(map)) fail("corrupt_file", `weight_map must be an object, got ${jsonKind(map)}`, { where });
  const shards = new Map<string, Weights>();
  const tensors = new Map<string, StoredTensor>();
  const metadata = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== "string" || !isPlainFileName(shard) || !shard.endsWith(extension)) {
      const got = typeof shard === "string" ? shown(shard) : jsonKind(shard);
      fail("corrupt_file", `tensor ${shown(tensor)} is said to be in ${got}, which is not a plain file name`, {
        where,
      });
    }
    let held = shards.get(shard);
    if (!held) {
      const file = locate(folder, shard);
      if (!file) {
        fail("corrupt_file", `shard ${shard} is missing (tensor ${shown(tensor)} is in it)`, {
          where,
          hint: "fetch the missing file into the folder",
        });
      }
      const opened = open(file);
      for (const [key, value] of opened.metadata) metadata.set(key, value);
      held = opened.tensors;
      shards.set(shard, held);
    }
    const stored = held.get(tensor);
    if (!stored) fail("corrupt_file", `tensor ${shown(tensor)} is not in ${shard}, where the index puts it`, { where });
    tensors.set(tensor, stored);
  }
  return { tensors, metadata };
}

export function openWeights(folder: string): Stored {
  for (const format of weightFormats) {
    const single = locate(folder, format.single);
    if (single) return format.open(single);
    const index = locate(folder, `${format.single}.index.json`);
    if (index) return openShards(folder, index, format);
  }
  return fail("not_found", "no weights: neither model.safetensors nor pytorch_model.bin, nor an index of several", {
    where: folder,
    hint: "is the download complete?",
  });
}
