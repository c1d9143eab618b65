/** An original checkpoint, one .npz file, as a model's folder. */
import { resolve } from "node:path";
import type { JsonObject } from "../../base/json.ts";
import { readWholeFile } from "../../base/read-node.ts";
import { asStored } from "../../weights/stored.ts";
import type { StoredTensor } from "../../weights/weights.ts";
import { originalModel } from "./names.ts";
import { readNpz } from "./read.ts";

/** Bytes of the largest file. */
const mostBytes = 2 ** 32;

export interface OpenedNpz {
  readonly path: string;
  readonly config: JsonObject;
  readonly weights: ReadonlyMap<string, StoredTensor>;
}

/** @throws not_found; corrupt_file; unsupported for arrays of another model */
export function openNpz(path: string): OpenedNpz {
  const { config, tensors } = originalModel(readNpz(readWholeFile(path, mostBytes, path, "zip"), path), path);
  return { path: resolve(path), config, weights: new Map(asStored(tensors)) };
}
