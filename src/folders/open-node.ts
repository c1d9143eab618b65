/** Model folders on disk, opened without reading a single weight. */
import { readdirSync, realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { namesIn } from "../base/files-node.ts";
import { type JsonObject, jsonLimits } from "../base/json.ts";
import {
  needFile,
  readBytes,
  readJsonFile,
  readTextFile,
  readWholeFile,
  systemError,
  withFile,
} from "../base/read-node.ts";
import { fail } from "../errors.ts";
import { locate } from "../hub/locate-node.ts";
import { aboutOf } from "../tokenizers/formats/about.ts";
import { tokenizerKind } from "../tokenizers/formats/kinds.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { beginsGguf } from "../weights/gguf/header.ts";
import { joinQuantized } from "../weights/quantize.ts";
import { sameStored } from "../weights/same-node.ts";
import { refuseForeignStorage } from "../weights/schemes.ts";
import type { StoredTensor, Weights } from "../weights/weights.ts";
import { chatTemplateFiles, chatTemplatesOf, templateLimit } from "./chat-templates.ts";
import { type OpenedGguf, onlyGguf, openGguf } from "./gguf/open-node.ts";
import { openMegatron } from "./megatron-node.ts";
import { openNpz } from "./npz/open-node.ts";
import type { Shards } from "./shards-node.ts";
import { findWeights, openWeights } from "./weights-node.ts";

export interface ModelFolder {
  /** Absolute, symlinks resolved; of a GGUF file the file. */
  readonly path: string;
  readonly config: JsonObject;
  readonly weights: Weights;
  /** `__metadata__` of the weight files. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Tensors that the shard index names and no file has, with the file it puts them in: for messages. */
  readonly absent?: ReadonlyMap<string, string>;
  /** Whether two of its tensors hold the same numbers; reads them as far as they are equal. */
  same(a: StoredTensor, b: StoredTensor): boolean;
  /** Real paths of the tokenizer's files that are there. */
  readonly tokenizer: { readonly json?: string; readonly config?: string; readonly sentencePiece?: string };
  /** Contents of tokenizer.json and tokenizer_config.json, read when first asked for: opening needs neither. */
  readonly tokenizerJson: JsonObject | undefined;
  readonly tokenizerConfig: JsonObject | undefined;
  readonly generationConfig: JsonObject | undefined;
  /** The chat template for ordinary talk, where there is one; read when it is first asked for, as are those by name. */
  readonly chatTemplate?: string | undefined;
  readonly chatTemplates?: ReadonlyMap<string, string> | undefined;
  /** Names in the folder, sorted; none of a GGUF file. */
  readonly files: readonly string[];
  /** What a GGUF file holds, where that was opened. */
  readonly gguf?: OpenedGguf;
}

/** Which parts a folder must have. */
export interface OpenFolderOptions {
  /**
   * `needed`: an error without them. `optional`: none where there are none. `unread`: none, and their files are not
   * opened, for callers that want the configuration or the tokenizer alone. Default `needed`.
   */
  readonly weights?: "needed" | "optional" | "unread";
  /** `optional`: an empty configuration where there is no config.json. Default `needed`. */
  readonly config?: "needed" | "optional";
}

/** The real path of a folder and the names in it, sorted. */
function listFolder(path: string): { folder: string; files: string[] } {
  try {
    const folder = realpathSync(path);
    return { folder, files: readdirSync(folder).sort() };
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") fail("not_found", "no such folder", { where: path, cause });
    throw systemError(cause, path);
  }
}

const noWeights: Shards = { tensors: new Map(), metadata: new Map(), absent: new Map() };

const weightsOf: Readonly<Record<NonNullable<OpenFolderOptions["weights"]>, (folder: string) => Shards>> = {
  needed: openWeights,
  optional: (folder) => findWeights(folder) ?? noWeights,
  unread: () => noWeights,
};

/** A GGUF file as a folder with one model. */
function ggufFolder(file: string, weights: NonNullable<OpenFolderOptions["weights"]>): ModelFolder {
  const gguf = openGguf(file);
  return {
    path: resolve(gguf.file),
    config: gguf.config,
    weights: weights === "unread" ? new Map() : gguf.weights,
    metadata: new Map(),
    tokenizer: {},
    tokenizerJson: undefined,
    tokenizerConfig: gguf.tokenizerConfig,
    generationConfig: gguf.generationConfig,
    chatTemplate: gguf.chatTemplate,
    get chatTemplates() {
      return chatTemplatesOf({
        config: gguf.tokenizerConfig,
        json: undefined,
        jinja: undefined,
        additional: new Map(),
      });
    },
    same: sameStored,
    files: [],
    gguf,
  };
}

/** An original checkpoint of a model of images as a folder. */
function npzFolder(file: string): ModelFolder {
  const { path, config, weights } = openNpz(file);
  return {
    ...{ path, config, weights, metadata: new Map(), tokenizer: {}, same: sameStored, files: [] },
    ...{ tokenizerJson: undefined, tokenizerConfig: undefined, generationConfig: undefined },
  };
}

/** Weights that win over a GGUF file beside them. */
const isWeightFile = (name: string): boolean => /^(model|pytorch_model)\b.*\.(safetensors|bin|json)$/.test(name);

/** The GGUF file that a path is, or that is the one model of a folder. */
export function ggufAt(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile()) return path.endsWith(".gguf") || beginsGguf(headOf(path)) ? path : undefined;
  if (!stat?.isDirectory() || namesIn(path).some(isWeightFile)) return undefined;
  const name = onlyGguf(path);
  return name === undefined ? undefined : join(path, name);
}

const headOf = (path: string): Uint8Array => withFile(path, (file) => readBytes(file, 0, 4));

/**
 * Open a model folder, a GGUF file or a folder whose weights are one, or an original checkpoint of images (.npz): configuration parsed, every weight located (none read), tokenizer files named.
 * @throws not_found without a folder, or without a part that is needed; corrupt_file naming what does not fit;
 *   unsupported for weights of another format, and for those that another program quantised
 */
export function openModelFolder(
  path: string,
  { weights = "needed", config: configuration = "needed" }: OpenFolderOptions = {},
): ModelFolder {
  const file = ggufAt(path);
  if (file !== undefined) return ggufFolder(file, weights);
  if (path.endsWith(".npz") && statSync(path, { throwIfNoEntry: false })?.isFile()) return npzFolder(path);
  const { folder, files } = listFolder(path);
  /** The real path of a file that is there and is a file. */
  const fileOf = (name: string): string | undefined => {
    const file = locate(folder, name);
    if (file) needFile(file);
    return file;
  };
  const jsonOf = (name: string, limit: number): JsonObject | undefined => {
    const file = fileOf(name);
    return file ? readJsonFile(file, limit, join(path, name)) : undefined;
  };
  const given = jsonOf("config.json", jsonLimits.config);
  const entries = () => {
    const vocabulary = jsonOf("vocab.json", jsonLimits.tokenizer);
    return vocabulary && Object.keys(vocabulary).length;
  };
  const megatron = openMegatron(folder, files, given, entries);
  const config = megatron?.config ?? given;
  if (!config && configuration === "needed") {
    fail("not_found", "no config.json, so this is not a model folder", {
      where: path,
      hint: "give the folder that holds config.json, tokenizer.json and the weights",
    });
  }
  // Asked before the weights are opened, too: the scheme's name says more than a number type that is not known here.
  if (weights !== "unread") refuseForeignStorage(config ?? {}, new Map(), path);
  const { tensors, metadata, absent } =
    megatron && weights !== "unread" ? { ...noWeights, tensors: megatron.tensors() } : weightsOf[weights](folder);
  const joined = joinQuantized(tensors, folder);
  if (weights !== "unread") refuseForeignStorage(config ?? {}, joined, path);
  const generationConfig = jsonOf("generation_config.json", jsonLimits.config);
  const json = fileOf("tokenizer.json");
  const tokenizerConfig = fileOf("tokenizer_config.json");
  const sentencePiece = fileOf("spiece.model");
  let tokenizerJson: JsonObject | undefined;
  let settings: JsonObject | undefined;
  let read: ReadonlyMap<string, string> | undefined;
  /** Chat templates by name. */
  const templates = (): ReadonlyMap<string, string> => {
    read ??= readChatTemplates();
    return read;
  };
  function readChatTemplates(): ReadonlyMap<string, string> {
    const textOf = (name: string): string | undefined => {
      const file = fileOf(name);
      return file ? readTextFile(file, templateLimit, join(path, name)) : undefined;
    };
    const { jinja, json: processor, additional } = chatTemplateFiles;
    const more = files.includes(additional) ? readdirSync(join(folder, additional)).sort() : [];
    return chatTemplatesOf({
      config: jsonOf("tokenizer_config.json", jsonLimits.config),
      json: jsonOf(processor, jsonLimits.config),
      jinja: textOf(jinja),
      additional: new Map(
        more
          .filter((name) => name.endsWith(".jinja"))
          .map((name) => [name.slice(0, -".jinja".length), textOf(`${additional}/${name}`) ?? ""]),
      ),
    });
  }
  return {
    path: folder,
    config: config ?? {},
    weights: joined,
    metadata,
    absent,
    same: sameStored,
    tokenizer: {
      ...(json && { json }),
      ...(tokenizerConfig && { config: tokenizerConfig }),
      ...(sentencePiece && { sentencePiece }),
    },
    get tokenizerJson() {
      tokenizerJson ??= jsonOf("tokenizer.json", jsonLimits.tokenizer);
      return tokenizerJson;
    },
    get tokenizerConfig() {
      settings ??= jsonOf("tokenizer_config.json", jsonLimits.config);
      return settings;
    },
    generationConfig,
    get chatTemplate() {
      return templates().get("default");
    },
    get chatTemplates() {
      return templates();
    },
    files,
  };
}

/**
 * The tokenizer of a model folder, of whatever kind its files are (`tokenizers/formats/kinds.ts`), with the added
 * tokens that are declared beside it.
 * @throws not_found when there is none; corrupt_file with the key or piece; unsupported for kinds that are not run here
 */
export function openTokenizer(folder: ModelFolder): Tokenizer {
  if (folder.gguf) return folder.gguf.tokenizer();
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
    bytes: (name) => readWholeFile(locate(path, name)!, jsonLimits.tokenizer, join(path, name)),
  });
}
