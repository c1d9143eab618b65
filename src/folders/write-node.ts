/** Writing a model folder so that half a folder is never a model. */
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeFileSafely } from "../base/files-node.ts";
import { type JsonObject, shown } from "../base/json.ts";
import { fail } from "../errors.ts";
import { isPlainFileName } from "../hub/names.ts";
import { type Writable, writeCheckpoint } from "../weights/safetensors-node.ts";

export interface ModelFolderContent {
  readonly config: JsonObject;
  readonly tensors: Iterable<readonly [string, Writable]>;
  readonly tokenizerJson?: JsonObject | string;
  readonly tokenizerConfig?: JsonObject;
  readonly generationConfig?: JsonObject;
  /** Further small files: name to text (README.md, a licence). */
  readonly texts?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Weights larger than this are cut into several files. Default: one file. */
  readonly maxShardBytes?: number;
  /** Replace a model that is already there. Default false. */
  readonly overwrite?: boolean;
}

const weightFile = /^model(-\d{5}-of-\d{5})?\.safetensors$|^model\.safetensors\.index\.json$/;

/**
 * Write a whole Hugging Face folder. Each file appears whole or not at all, config.json last: a folder that was being
 * written when the power went is not a model. Weight files of an earlier model in the folder are removed.
 * @throws bad_input when a model is there and `overwrite` is not set, or the disk refuses
 */
export async function writeModelFolder(path: string, content: ModelFolderContent): Promise<void> {
  const configFile = join(path, "config.json");
  if (statSync(configFile, { throwIfNoEntry: false })) {
    if (!content.overwrite) {
      fail("bad_input", "holds a model already", { where: path, hint: "choose another folder, or ask to overwrite" });
    }
    rmSync(configFile);
  }
  const text = (value: JsonObject): string => `${JSON.stringify(value, null, 2)}\n`;
  const { metadata, maxShardBytes } = content;
  const written = await writeCheckpoint(path, content.tensors, {
    ...(metadata && { metadata }),
    ...(maxShardBytes !== undefined && { maxShardBytes }),
  });
  for (const name of readdirSync(path)) {
    if (weightFile.test(name) && !written.includes(name)) rmSync(join(path, name));
  }
  const { tokenizerJson } = content;
  if (tokenizerJson !== undefined) {
    const json = typeof tokenizerJson === "string" ? tokenizerJson : text(tokenizerJson);
    await writeFileSafely(join(path, "tokenizer.json"), json);
  }
  if (content.tokenizerConfig)
    await writeFileSafely(join(path, "tokenizer_config.json"), text(content.tokenizerConfig));
  if (content.generationConfig) {
    await writeFileSafely(join(path, "generation_config.json"), text(content.generationConfig));
  }
  for (const [name, value] of Object.entries(content.texts ?? {})) {
    if (!isPlainFileName(name)) fail("bad_input", `${shown(name)} is not a plain file name`);
    await writeFileSafely(join(path, name), value);
  }
  await writeFileSafely(configFile, text(content.config));
}
