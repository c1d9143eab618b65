/** The settings of a folder of sentence-transformers on disk. */
import { existsSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { jsonLimits, parseJsonObject } from "../../base/json.ts";
import { readTextFile } from "../../base/read-node.ts";
import type { OpenedGguf } from "../../folders/gguf/open-node.ts";
import { poolingFiles } from "../../folders/gguf/pooling.ts";
import { findWeights } from "../../folders/weights-node.ts";
import { locate } from "../../hub/locate-node.ts";
import { type FolderFiles, readModules, transformerPath } from "./config.ts";

const isFolder = (path: string): boolean => statSync(path).isDirectory();

/** The files below a folder; none is read that leads out of it. A model of one file has none. */
export const filesIn = (folder: string): FolderFiles => ({
  where: folder,
  async json(name) {
    if (!isFolder(folder)) return undefined;
    const file = locate(folder, name);
    if (!file) return undefined;
    const where = join(folder, name);
    // Whatever it is, a list too, read with the checks that objects have.
    return parseJsonObject(`{"file":${readTextFile(file, jsonLimits.config, where)}}`, where).file;
  },
  async weights(name) {
    const inside = locate(folder, name);
    return inside && isFolder(inside) ? findWeights(inside)?.tensors : undefined;
  },
});

/** The same of a GGUF file, which says it in its metadata. */
export const filesOfGguf = (gguf: OpenedGguf): FolderFiles => ({
  where: gguf.file,
  async json(name) {
    const text = poolingFiles(gguf).get(name);
    return text === undefined ? undefined : JSON.parse(text);
  },
  weights: async () => undefined,
});

/** Where the transformer's own files lie: the folder itself, or the one in it that modules.json names. */
export async function transformerFolder(given: string): Promise<string> {
  // What is not there is whoever opens it's to say.
  if (!existsSync(given) || !isFolder(given)) return given;
  const folder = realpathSync(given);
  if (locate(folder, "config.json") !== undefined) return folder;
  const modules = await readModules(filesIn(folder));
  const inside = modules && transformerPath(modules);
  return inside ? (locate(folder, inside) ?? folder) : folder;
}
