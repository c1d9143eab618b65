/** The weights of a model folder: one file or several, in the first format that is there. */
import { namesIn } from "../base/files-node.ts";
import { fail } from "../errors.ts";
import { locate } from "../hub/locate-node.ts";
import { openSafetensors } from "../weights/safetensors-node.ts";
import { openTorch } from "../weights/torch/torch-node.ts";
import { type OpenedFile, openIndexed, openShards, type Shards, shardNames } from "./shards-node.ts";

interface WeightFormat {
  /** The one file is called so, with the extension; several have a number between the two. */
  readonly stem: string;
  readonly extension: string;
  open(path: string): OpenedFile;
}

/** In the order in which they are looked for. */
const weightFormats: readonly WeightFormat[] = [
  { stem: "model", extension: ".safetensors", open: openSafetensors },
  {
    stem: "pytorch_model",
    extension: ".bin",
    open: (path) => ({ tensors: openTorch(path), metadata: new Map() }),
  },
];

const none: ReadonlyMap<string, string> = new Map();

/**
 * Every tensor of a folder's weight files, located and not read; undefined where there are no such files.
 * @throws corrupt_file naming file and tensor; unsupported for number types that are not computed with here
 */
export function findWeights(folder: string): Shards | undefined {
  for (const { stem, extension, open } of weightFormats) {
    const single = locate(folder, stem + extension);
    if (single) return { ...open(single), absent: none };
    const indexed = openIndexed(folder, stem + extension, extension, open);
    if (indexed) return indexed;
    const shards = shardNames(namesIn(folder), stem, extension, folder);
    if (shards.length > 0) return openShards(folder, shards, none, open);
  }
  return undefined;
}

/** As {@link findWeights}, of a folder that must have them. */
export function openWeights(folder: string): Shards {
  return (
    findWeights(folder) ??
    fail("not_found", "no weights: neither model.safetensors nor pytorch_model.bin, nor several with numbers", {
      where: folder,
      hint: "is the download complete?",
    })
  );
}
