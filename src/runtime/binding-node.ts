/** Pointing a compiled graph at weights where they lie: in files, without a copy, or in memory. */
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { BoundWeight } from "../graph/lower.ts";
import { splitQuantized } from "../weights/quantize.ts";
import type { Weights } from "../weights/weights.ts";
import { storedTensor } from "./binding.ts";

export interface Binding {
  weight(name: string, shape: readonly number[]): BoundWeight | undefined;
  /** The folder the engine may read weights from: the real one of the files, never a caller's. */
  folder(): string | undefined;
  /** Names of the weight files in it. */
  files(): readonly string[];
}

/**
 * Bind frozen parameters to stored tensors. All files of a model must lie in one folder (as shards and the blobs
 * of a cache do); a tensor from another folder is read into memory instead.
 */
export function bindWeights(weights: Weights | undefined, trained: (name: string) => boolean): Binding {
  const parts = weights && splitQuantized(weights);
  let folder: string | undefined;
  const files = new Set<string>();
  return {
    weight(name, shape) {
      if (trained(name)) return undefined;
      const stored = storedTensor(parts, name, shape);
      if ("data" in stored) return { dtype: stored.dtype, data: { bytes: stored.data } };
      folder ??= dirname(stored.file);
      if (dirname(stored.file) === folder) {
        files.add(basename(stored.file));
        return {
          dtype: stored.dtype,
          data: { location: basename(stored.file), offset: stored.offset, length: stored.length },
        };
      }
      const bytes = readFileSync(stored.file).subarray(stored.offset, stored.offset + stored.length);
      return { dtype: stored.dtype, data: { bytes } };
    },
    folder: () => folder,
    files: () => [...files].sort(),
  };
}
