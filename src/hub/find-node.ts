/** Finding a model on this machine: a folder, a name in the cache, or one this package ships. */
import { readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { systemError } from "../base/read-node.ts";
import { type Files, knownModels, locateModel, type ResolvedModel } from "./find.ts";
import type { Environment } from "./names.ts";
import { leadsOut, readRef } from "./refs-node.ts";

/** This machine's disk, for {@link locateModel}. */
const diskFiles: Files = {
  kind(path) {
    try {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat?.isDirectory() ? "folder" : stat?.isFile() ? "file" : undefined;
    } catch (cause) {
      // Below a file there is nothing, and a name too long for this disk is not on it.
      if (["ENOTDIR", "ENAMETOOLONG"].includes((cause as NodeJS.ErrnoException).code ?? "")) return undefined;
      throw cause;
    }
  },
  list(path) {
    try {
      return readdirSync(path).sort();
    } catch {
      return [];
    }
  },
  ref: readRef,
  leadsOut,
};

/** `models/` at the root of this package, from `src/hub` and `dist/hub` alike. */
export const shippedModels: string = fileURLToPath(new URL("../../models", import.meta.url));

export interface ResolveOptions {
  /** Where `HF_HOME` and its like are read. Default: this process's environment. */
  readonly env?: Environment;
  /** false where the name comes from a stranger: then only names, never paths. Default true. */
  readonly allowPaths?: boolean;
}

/**
 * Find a model on this machine: a local folder, then a name in the Hugging Face cache (`org/name`,
 * `org/name@revision`), then a model this package ships (`zeroth-nano`).
 * @throws bad_input for what cannot be a name, before any look at the disk; not_found with where it looked and near names
 */
export function resolveModel(
  name: string,
  { env = process.env, allowPaths = true }: ResolveOptions = {},
): ResolvedModel {
  try {
    return locateModel(name, { env, files: diskFiles, shipped: shippedModels, allowPaths });
  } catch (cause) {
    throw systemError(cause, name.slice(0, 200));
  }
}

export { resolveModel as findModel };

/** Names of all models that open without a download, for listings and shell completion. */
export function listModels(env: Environment = process.env): string[] {
  return knownModels({ env, files: diskFiles, shipped: shippedModels });
}
