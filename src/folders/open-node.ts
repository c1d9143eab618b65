/** Model folders on disk, opened without reading a single weight. */
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { type JsonObject, jsonLimits } from "../base/json.ts";
import { readJsonFile, systemError } from "../base/read-node.ts";
import { fail } from "../errors.ts";
import { locate } from "../hub/locate-node.ts";
import { aboutOf } from "../tokenizers/formats/about.ts";
import { tokenizerFileNames, tokenizerKind } from "../tokenizers/formats/kinds.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { joinQuantized } from "../weights/quantize.ts";
import type { Weights } from "../weights/weights.ts";
import { openWeights } from "./weights-node.ts";

export interface ModelFolder {
  /** Absolute, symlinks resolved. */
  readonly path: string;
  readonly config: JsonObject;
  readonly weights: Weights;
  /** `__metadata__` of the weight files. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Real paths of the tokenizer's files that are there. */
  readonly tokenizer: { readonly json?: string; readonly config?: string; readonly sentencePiece?: string };
  /** Contents of tokenizer.json and tokenizer_config.json, read when first asked for: opening needs neither. */
  readonly tokenizerJson: JsonObject | undefined;
  readonly tokenizerConfig: JsonObject | undefined;
  readonly generationConfig: JsonObject | undefined;
  /** Names in the folder, sorted. */
  readonly files: readonly string[];
}

/**
 * Open a model folder: configuration parsed, every weight located (none read), tokenizer files named.
 * @throws not_found without a folder, config.json or weights; corrupt_file naming what does not fit; unsupported for
 *   weights of another format
 */
export function openModelFolder(path: string): ModelFolder {
  let folder: string;
  let files: string[];
  try {
    folder = realpathSync(path);
    files = readdirSync(folder).sort();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") fail("not_found", "no such folder", { where: path, cause });
    throw systemError(cause, path);
  }
  const configFile = locate(folder, "config.json");
  if (!configFile) {
    fail("not_found", "no config.json, so this is not a model folder", {
      where: path,
      hint: "give the folder that holds config.json, tokenizer.json and the weights",
    });
  }
  const config = readJsonFile(configFile, jsonLimits.config, join(path, "config.json"));
  const generation = locate(folder, "generation_config.json");
  const { tensors, metadata } = openWeights(folder);
  const json = locate(folder, "tokenizer.json");
  const tokenizerConfig = locate(folder, "tokenizer_config.json");
  const sentencePiece = locate(folder, "spiece.model");
  let tokenizerJson: JsonObject | undefined;
  let settings: JsonObject | undefined;
  return {
    path: folder,
    config,
    weights: joinQuantized(tensors, folder),
    metadata,
    tokenizer: {
      ...(json && { json }),
      ...(tokenizerConfig && { config: tokenizerConfig }),
      ...(sentencePiece && { sentencePiece }),
    },
    get tokenizerJson() {
      tokenizerJson ??= json ? readJsonFile(json, jsonLimits.tokenizer, join(path, "tokenizer.json")) : undefined;
      return tokenizerJson;
    },
    get tokenizerConfig() {
      settings ??= tokenizerConfig
        ? readJsonFile(tokenizerConfig, jsonLimits.config, join(path, "tokenizer_config.json"))
        : undefined;
      return settings;
    },
    generationConfig: generation
      ? readJsonFile(generation, jsonLimits.config, join(path, "generation_config.json"))
      : undefined,
    files,
  };
}

/**
 * The names of all files in a folder that belong to its tokenizer: those {@link openTokenizer} reads and those other
 * programs read. Whatever writes a folder anew copies them.
 */
export function tokenizerFiles({ path }: Pick<ModelFolder, "path">): string[] {
  const templates = "additional_chat_templates";
  const more = statSync(join(path, templates), { throwIfNoEntry: false })?.isDirectory()
    ? readdirSync(join(path, templates)).filter((name) => name.endsWith(".jinja"))
    : [];
  const names = [...tokenizerFileNames, ...more.sort().map((name) => `${templates}/${name}`)];
  return names.filter((name) => locate(path, name) !== undefined);
}

/**
 * The tokenizer of a model folder, of whatever kind its files are (`tokenizers/formats/kinds.ts`), with the added
 * tokens that are declared beside it.
 * @throws not_found when there is none; corrupt_file with the key or piece; unsupported for kinds that are not run here
 */
export function openTokenizer(folder: ModelFolder): Tokenizer {
  const { tokenizerConfig, config, path } = folder;
  const about = aboutOf((name) => locate(path, name) !== undefined, config, tokenizerConfig);
  const setting = (name: string): JsonObject | undefined => {
    const file = locate(path, name);
    return file === undefined ? undefined : readJsonFile(file, jsonLimits.config, join(path, name));
  };
  return tokenizerKind(about, path).open({
    about,
    where: path,
    settings: {
      config: tokenizerConfig,
      special: setting("special_tokens_map.json"),
      added: setting("added_tokens.json"),
    },
    bytes(name) {
      const file = locate(path, name)!;
      const { size } = statSync(file);
      if (size > jsonLimits.tokenizer) {
        fail("corrupt_file", `${size} bytes, at most ${jsonLimits.tokenizer} are read`, { where: join(path, name) });
      }
      try {
        return readFileSync(file);
      } catch (cause) {
        throw systemError(cause, join(path, name));
      }
    },
  });
}
