/** Model folders on disk: opened without reading a single weight, written so that half a folder is never a model. */
import { readdirSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { fail } from "../errors.ts";
import { writeFileSafely } from "./files-node.ts";
import { type Files, knownModels, locateModel, type ResolvedModel } from "./folder.ts";
import { isJsonObject, type JsonObject, jsonKind, jsonLimits, parseJsonObject, shown } from "./json.ts";
import { type Environment, isPlainFileName } from "./names.ts";
import { joinQuantized } from "./quantize.ts";
import { openSafetensors, systemError, type Writable, writeCheckpoint } from "./safetensors-node.ts";
import { createSentencePieceTokenizer } from "./sentencepiece-tokenizer.ts";
import { createTokenizer, type Tokenizer } from "./tokenizer.ts";
import { openTorch } from "./torch/torch-node.ts";
import type { StoredTensor, Weights } from "./weights.ts";

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

/** This machine's disk, for {@link locateModel}. */
const diskFiles: Files = {
  kind(path) {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat?.isDirectory() ? "folder" : stat?.isFile() ? "file" : undefined;
  },
  list(path) {
    try {
      return readdirSync(path).sort();
    } catch {
      return [];
    }
  },
  readSmall(path, limit) {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat?.isFile() && stat.size <= limit ? readFileSync(path, "utf8") : undefined;
  },
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

/**
 * Folders a model's files may really lie in: its own; in the Hugging Face cache the blobs of its repository, and those
 * that Python shares between repositories.
 */
export function allowedRoots(folder: string): string[] {
  const repository = dirname(dirname(folder));
  const cached = basename(dirname(folder)) === "snapshots" && basename(repository).startsWith("models--");
  return cached ? [folder, join(repository, "blobs"), join(dirname(repository), "blobs")] : [folder];
}

/**
 * The real path of a file of the folder; undefined when it is not there. Whatever is read or copied from a folder by
 * its name goes through here. Hard links are files like any other: who could make one could read the file.
 * @throws corrupt_file for a link that leads out of the folder; bad_input for one in a circle
 */
export function locate(folder: string, name: string): string | undefined {
  const path = join(folder, name);
  let real: string;
  try {
    real = realpathSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw systemError(cause, path);
  }
  if (!allowedRoots(folder).some((root) => real.startsWith(root + sep))) {
    fail("corrupt_file", "is a link that leads outside the model's folder", {
      where: path,
      hint: "copy or hard-link the file into the folder instead",
    });
  }
  return real;
}

/** Read a JSON object from a file of at most `limit` bytes. */
export function readJsonFile(path: string, limit: number = jsonLimits.config, where: string = path): JsonObject {
  let text: string;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) fail("corrupt_file", "is not a file", { where });
    const { size } = stat;
    if (size > limit) fail("corrupt_file", `${size} bytes of JSON, at most ${limit} are read`, { where });
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (cause) {
    if (cause instanceof TypeError) fail("corrupt_file", "not valid UTF-8", { where, cause });
    throw systemError(cause, where);
  }
  return parseJsonObject(text, where, limit);
}

type Stored = { tensors: Weights; metadata: ReadonlyMap<string, string> };

interface WeightFormat {
  /** The one file, or the index of several. */
  readonly single: string;
  readonly extension: string;
  open(path: string): Stored;
}

/** In the order in which they are looked for. */
const weightFormats: readonly WeightFormat[] = [
  { single: "model.safetensors", extension: ".safetensors", open: openSafetensors },
  {
    single: "pytorch_model.bin",
    extension: ".bin",
    open: (path) => ({ tensors: openTorch(path), metadata: new Map() }),
  },
];

function openShards(folder: string, indexFile: string, { single, extension, open }: WeightFormat): Stored {
  const where = join(folder, `${single}.index.json`);
  const map = readJsonFile(indexFile, jsonLimits.index, where).weight_map;
  if (!isJsonObject(map)) fail("corrupt_file", `weight_map must be an object, got ${jsonKind(map)}`, { where });
  const shards = new Map<string, Weights>();
  const tensors = new Map<string, StoredTensor>();
  const metadata = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== "string" || !isPlainFileName(shard) || !shard.endsWith(extension)) {
      const got = typeof shard === "string" ? shown(shard) : jsonKind(shard);
      fail("corrupt_file", `tensor ${shown(tensor)} is said to be in ${got}, which is not a plain file name`, {
        where,
      });
    }
    let held = shards.get(shard);
    if (!held) {
      const file = locate(folder, shard);
      if (!file) {
        fail("corrupt_file", `shard ${shard} is missing (tensor ${shown(tensor)} is in it)`, {
          where,
          hint: "fetch the missing file into the folder",
        });
      }
      const opened = open(file);
      for (const [key, value] of opened.metadata) metadata.set(key, value);
      held = opened.tensors;
      shards.set(shard, held);
    }
    const stored = held.get(tensor);
    if (!stored) fail("corrupt_file", `tensor ${shown(tensor)} is not in ${shard}, where the index puts it`, { where });
    tensors.set(tensor, stored);
  }
  return { tensors, metadata };
}

function openWeights(folder: string): Stored {
  for (const format of weightFormats) {
    const single = locate(folder, format.single);
    if (single) return format.open(single);
    const index = locate(folder, `${format.single}.index.json`);
    if (index) return openShards(folder, index, format);
  }
  return fail("not_found", "no weights: neither model.safetensors nor pytorch_model.bin, nor an index of several", {
    where: folder,
    hint: "is the download complete?",
  });
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
 * The tokenizer of a model folder: tokenizer.json, or else its SentencePiece file.
 * @throws not_found when there is none; corrupt_file with the key or piece; unsupported for kinds that are not run here
 */
export function openTokenizer(folder: ModelFolder): Tokenizer {
  const { tokenizerJson, tokenizerConfig, tokenizer, path } = folder;
  if (tokenizerJson) return createTokenizer(tokenizerJson, tokenizerConfig);
  const sentencePiece = tokenizer.sentencePiece ?? locate(path, "tokenizer.model");
  if (!sentencePiece) {
    return fail("not_found", "neither tokenizer.json nor spiece.model", {
      where: path,
      hint: "is the download complete?",
    });
  }
  const where = join(path, tokenizer.sentencePiece ? "spiece.model" : "tokenizer.model");
  const { size } = statSync(sentencePiece);
  if (size > jsonLimits.tokenizer) {
    fail("corrupt_file", `${size} bytes, at most ${jsonLimits.tokenizer} are read`, { where });
  }
  const special = locate(path, "special_tokens_map.json");
  const settings = {
    ...(special && readJsonFile(special, jsonLimits.config, join(path, "special_tokens_map.json"))),
    ...tokenizerConfig,
  };
  return createSentencePieceTokenizer(readFileSync(sentencePiece), settings, where);
}

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
