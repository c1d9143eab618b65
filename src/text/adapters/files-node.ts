/** Folders of adapters on disk. */
import { createHash } from "node:crypto";
import { realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeFileSafely } from "../../base/files-node.ts";
import { jsonLimits } from "../../base/json.ts";
import { readJsonFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import type { ModelFolder } from "../../folders/open-node.ts";
import { locate } from "../../hub/locate-node.ts";
import type { Adapter } from "../../models/adapters/adapter.ts";
import type { Base } from "../../models/adapters/peft.ts";
import { openSafetensors, readStored, writeSafetensors } from "../../weights/safetensors-node.ts";
import { openTorch } from "../../weights/torch/torch-node.ts";
import {
  type AdapterFiles,
  adapterFiles,
  fingerprintDigits,
  fingerprintParts,
  readAdapterPlace,
  type WriteOptions,
} from "./files.ts";
import { type ReadAdapted, readAdaptedAs } from "./read.ts";

/** The files of an adapter's folder, read. @throws as {@link readAdapterPlace} */
export function readAdapterFiles(folder: string): AdapterFiles {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    fail("not_found", "no such folder of an adapter", { where: folder });
  }
  const path = realpathSync(folder);
  return readAdapterPlace({
    path,
    json(name) {
      const file = locate(path, name);
      return file === undefined ? undefined : readJsonFile(file, jsonLimits.config, join(path, name));
    },
    tensors(name) {
      const file = locate(path, name);
      if (file === undefined) return undefined;
      return { file, tensors: name.endsWith(".bin") ? openTorch(file) : openSafetensors(file).tensors };
    },
    read: readStored,
  });
}

const fingerprints = new WeakMap<object, string>();

/**
 * What tells a base model from others of its shape: its configuration, its first and its last tensor. Of a folder that is
 * open it is computed once: those tensors may be large.
 */
export function fingerprintOf(folder: Pick<ModelFolder, "config" | "weights">): string {
  const known = fingerprints.get(folder);
  if (known !== undefined) return known;
  const hash = createHash("sha256");
  for (const part of fingerprintParts(folder, readStored)) hash.update(part);
  const value = hash.digest("hex").slice(0, fingerprintDigits);
  fingerprints.set(folder, value);
  return value;
}

/**
 * An adapter's folder over a model's.
 * @throws bad_input where the adapter is another model's (also by its fingerprint, if `strict`); corrupt_file naming the tensor
 */
export const readAdapted = (folder: ModelFolder, files: AdapterFiles, { strict = false } = {}): ReadAdapted =>
  readAdaptedAs(folder, files, { strict, fingerprint: files.sidecar?.base?.fingerprint && fingerprintOf(folder) });

/** Write an adapter's folder: as PEFT's where PEFT can hold it. Each file appears whole or not at all. */
export async function writeAdapter(
  path: string,
  adapter: Adapter,
  base: Base,
  options: WriteOptions = {},
): Promise<string[]> {
  const files = adapterFiles(adapter, base, options);
  for (const { name, content } of files) {
    if (typeof content === "string") await writeFileSafely(join(path, name), content);
    else await writeSafetensors(join(path, name), content.tensors, content.metadata);
  }
  return files.map(({ name }) => name);
}
