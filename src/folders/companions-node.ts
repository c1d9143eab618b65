/** Small files beside a model's weights, that whoever writes the model anew takes over as they are. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeFileSafely } from "../base/files-node.ts";
import { jsonLimits } from "../base/json.ts";
import { readBytes, readWholeFile, withFile } from "../base/read-node.ts";
import { headBytes, refuseMistaken } from "../base/sniff.ts";
import { fail } from "../errors.ts";
import { locate } from "../hub/locate-node.ts";
import { tokenizerFileNames } from "../tokenizers/formats/kinds.ts";
import type { ModelFolder } from "./open-node.ts";

interface Kind {
  /** Names in the folder itself. */
  readonly named: (name: string) => boolean;
  /** Files of folders in it. */
  readonly below?: { readonly folder: RegExp; readonly file: RegExp };
}

/** What belongs to a model besides config.json and its weights. */
const kinds = {
  /** Every file that its tokenizer is opened from, here or by other programs; else the copy could not be asked. */
  tokenizer: {
    named: (name) => tokenizerFileNames.includes(name) || /^tokenizer[\w.-]*\.json$/.test(name),
    below: { folder: /^additional_chat_templates$/, file: /\.jinja$/ },
  },
  generation: { named: (name) => name === "generation_config.json" },
  /** How sentence-transformers make one vector of a text: the same weights give other vectors without. */
  pooling: {
    named: (name) => /^(modules|sentence_[\w-]+_config|config_sentence_transformers)\.json$/.test(name),
    // The transformer's own folder is the model itself.
    below: { folder: /^\d+_(?!Transformer$)[A-Z]\w*$/, file: /^(config\.json|model\.safetensors|pytorch_model\.bin)$/ },
  },
  /** How images are resized and normalised before a model sees them. */
  images: { named: (name) => /^(pre)?processor_config\.json$/.test(name) },
  notes: { named: (name) => /^(README\.md|LICEN[CS]E(\.\w+)?)$/.test(name) },
} as const satisfies Readonly<Record<string, Kind>>;

export type Companion = keyof typeof kinds;

/** What a card or a list of words may be; the rest (a pointer in the place of a file) is no use in the copy. */
const copied = ["empty", "html"] as const;

/** Small weights of a layer behind the model, too: torch's files are archives. */
const archives = ["zip", ...copied] as const;

const allowedIn = (name: string) => (name.endsWith(".bin") ? archives : copied);

/** A file's name, with / between folders, and its real path. */
export type NamedPath = readonly [name: string, path: string];

/**
 * The files beside a model's weights that belong to it, of all kinds or of those that are asked for.
 * @throws unsupported for a GGUF file, beside which nothing lies; corrupt_file for one that is a link out of the folder, or was not fetched
 */
export function companions(
  { path: folder, files, gguf }: Pick<ModelFolder, "path" | "files" | "gguf">,
  asked: readonly Companion[] = Object.keys(kinds) as Companion[],
): NamedPath[] {
  if (gguf) {
    fail("unsupported", "is a GGUF file, of which no other model is made", {
      where: folder,
      hint: "train, quantise and export the model's original weights: they are in the repository that the file was made from",
    });
  }
  const wanted: readonly Kind[] = asked.map((kind) => kinds[kind]);
  const below = (name: string): string[] => {
    const kind = wanted.find((one) => one.below?.folder.test(name));
    if (!kind?.below || !statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory()) return [];
    const { file } = kind.below;
    const inside = readdirSync(join(folder, name)).filter((one) => file.test(one));
    return inside.sort().map((one) => `${name}/${one}`);
  };
  const names = files.flatMap((name) => (wanted.some(({ named }) => named(name)) ? [name] : below(name)));
  return names.flatMap((name): NamedPath[] => {
    const path = locate(folder, name);
    if (path === undefined) return [];
    withFile(path, (file, size) => refuseMistaken(readBytes(file, 0, headBytes), size, path, ...allowedIn(name)));
    return [[name, path]];
  });
}

/** The content of one of the {@link companions}. */
export const readCompanion = ([name, path]: NamedPath): Uint8Array<ArrayBuffer> =>
  readWholeFile(path, jsonLimits.tokenizer, path, ...allowedIn(name));

/**
 * Copy companions into another folder, each whole or not at all.
 * @returns their names
 */
export async function copyCompanions(files: readonly NamedPath[], out: string): Promise<string[]> {
  for (const file of files) await writeFileSafely(join(out, file[0]), readCompanion(file));
  return files.map(([name]) => name);
}
