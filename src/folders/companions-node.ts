/** Small files beside a model's weights, that whoever writes the model anew takes over as they are. */
import { join } from "node:path";
import { writeFileSafely } from "../base/files-node.ts";
import { jsonLimits } from "../base/json.ts";
import { readBytes, readWholeFile, withFile } from "../base/read-node.ts";
import { headBytes, refuseMistaken } from "../base/sniff.ts";
import { locate } from "../hub/locate-node.ts";
import type { ModelFolder } from "./open-node.ts";

/** Every file that a tokenizer is opened from, of any kind; without one of them the copy could not be asked. */
const tokenizerFiles =
  /^(tokenizer[\w.-]*\.json|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|merges\.txt|spiece\.model|tokenizer\.model|sentencepiece(\.bpe)?\.model|(source|target)\.spm|chat_template\.(jinja|json))$/;
const notes = /^(generation_config\.json|README\.md|LICEN[CS]E(\.\w+)?)$/;

/** What a card or a list of words may be; the rest (a pointer in the place of a file) is no use in the copy. */
const copied = ["empty", "html"] as const;

/** A file's name and its real path. */
export type NamedPath = readonly [name: string, path: string];

/**
 * The files beside a model's weights that belong to it: its tokenizer's, its settings for generation, its card and
 * licence.
 * @throws corrupt_file for one that is a link out of the folder, or was not fetched
 */
export function companions(folder: Pick<ModelFolder, "path" | "files">): NamedPath[] {
  return folder.files.flatMap((name): NamedPath[] => {
    const path = tokenizerFiles.test(name) || notes.test(name) ? locate(folder.path, name) : undefined;
    if (path === undefined) return [];
    withFile(path, (file, size) => refuseMistaken(readBytes(file, 0, headBytes), size, path, ...copied));
    return [[name, path]];
  });
}

/**
 * Copy companions into another folder, each whole or not at all.
 * @returns their names
 */
export async function copyCompanions(files: readonly NamedPath[], out: string): Promise<string[]> {
  for (const [name, path] of files) {
    await writeFileSafely(join(out, name), readWholeFile(path, jsonLimits.tokenizer, path, ...copied));
  }
  return files.map(([name]) => name);
}
