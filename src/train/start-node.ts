/** What a run starts from: a model's folder, or an architecture and a tokenizer. */
import { statSync } from "node:fs";
import { basename } from "node:path";
import { type JsonObject, jsonLimits, parseJsonObject } from "../base/json.ts";
import { readTextFile, readWholeFile } from "../base/read-node.ts";
import { fail } from "../errors.ts";
import { type Companion, companions, readCompanion } from "../folders/companions-node.ts";
import { configText } from "../folders/config-text-node.ts";
import { openModelFolder, openTokenizer } from "../folders/open-node.ts";
import { float32, type NdArray } from "../graph/array.ts";
import { findModel } from "../hub/find-node.ts";
import { familyOf, readModel } from "../models/families.ts";
import type { Architecture } from "../models/family.ts";
import { inPrecision } from "../text/precision-node.ts";
import { createTokenizer, type Tokenizer } from "../tokenizers/tokenizer.ts";
import { toFloat32 } from "../weights/convert.ts";
import { readStored } from "../weights/safetensors-node.ts";
import { isQuantized, unquantizedConfig, type Weights } from "../weights/weights.ts";
import type { TrainingConfig } from "./config.ts";
import { lossOf } from "./model.ts";

/** A file to be written beside the trained weights. */
export interface CarriedFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

export interface Start {
  readonly architecture: Architecture;
  readonly tokenizer: Tokenizer;
  /** config.json and every tokenizer file, so that the written folder opens as the first one did. */
  readonly carried: readonly CarriedFile[];
  /** Settings of tokenizer_config.json, which also says how prompts ended in training. */
  readonly tokenizerConfig: JsonObject;
  /** Under the names of the network; undefined from scratch. */
  readonly weights: Weights | undefined;
}

const text = (value: JsonObject): string => `${JSON.stringify(value, null, 2)}\n`;

interface OpenedTokenizer {
  readonly tokenizer: Tokenizer;
  readonly files: readonly CarriedFile[];
  readonly config: JsonObject | undefined;
}

type Folder = ReturnType<typeof openModelFolder>;

const carry = (folder: Folder, ...kinds: readonly Companion[]): CarriedFile[] =>
  companions(folder, kinds).map((file) => ({ name: file[0], content: readCompanion(file) }));

/** The tokenizer of a model's folder. Its tokenizer_config.json is written anew: it says how prompts ended. */
const tokenizerOf = (folder: Folder): OpenedTokenizer => ({
  tokenizer: openTokenizer(folder),
  files: carry(folder, "tokenizer").filter(({ name }) => name !== "tokenizer_config.json"),
  config: folder.tokenizerConfig,
});

/** A tokenizer.json by its path, or the tokenizer of a folder or a model by its name. */
function namedTokenizer(given: string): OpenedTokenizer {
  if (statSync(given, { throwIfNoEntry: false })?.isDirectory() === false) {
    const content = readTextFile(given, jsonLimits.tokenizer);
    const parsed = parseJsonObject(content, given, jsonLimits.tokenizer);
    return { tokenizer: createTokenizer(parsed), files: [{ name: "tokenizer.json", content }], config: undefined };
  }
  if (basename(given).endsWith(".json")) fail("not_found", "no such file", { where: given });
  return tokenizerOf(openModelFolder(findModel(given).path, { weights: "unread", config: "optional" }));
}

/** The class that reads a tokenizer, by the first of its files that is there; ByT5's has none. */
const tokenizerClasses = {
  "tokenizer.json": "PreTrainedTokenizerFast",
  "spiece.model": "T5Tokenizer",
  "tokenizer.model": "T5Tokenizer",
  "vocab.txt": "BertTokenizer",
  "vocab.json": "GPT2Tokenizer",
};

/** tokenizer_config.json of a new model: other programs do not open a tokenizer without it. */
function newTokenizerConfig(
  tokenizer: Tokenizer,
  architecture: Architecture,
  files: readonly CarriedFile[],
): JsonObject {
  const there = Object.entries(tokenizerClasses).find(([file]) => files.some(({ name }) => name === file));
  const end = "ends" in architecture ? architecture.ends[0] : undefined;
  const special = {
    ...("pad" in architecture && { pad_token: tokenizer.piece(architecture.pad) }),
    ...(end !== undefined && { eos_token: tokenizer.piece(end) }),
  };
  return { tokenizer_class: there?.[1] ?? "ByT5Tokenizer", ...special, clean_up_tokenization_spaces: false };
}

/** Open what a configuration starts from. @throws what reading the folder, the sizes or the tokenizer throws */
export async function openStart(c: TrainingConfig): Promise<Start> {
  if (c.model !== undefined) {
    const folder = openModelFolder(findModel(c.model).path);
    const { architecture, weights } = readModel(folder.config, folder.weights, folder.path, folder);
    // Asked before the tokenizer is looked for: a model of images has none.
    lossOf(architecture, c.objective);
    const { tokenizer, files, config } = c.tokenizer ? namedTokenizer(c.tokenizer) : tokenizerOf(folder);
    return {
      architecture,
      tokenizer,
      carried: [
        ...files,
        ...carry(folder, "generation", "images", "pooling"),
        {
          name: "config.json",
          content: architecture.configText?.() ?? configText(folder.path, unquantizedConfig(folder.config)),
        },
      ],
      tokenizerConfig: config ?? folder.tokenizerConfig ?? {},
      // A product with a quantised matrix has no gradient, so what is frozen is read as numbers too.
      weights: inPrecision(weights, "float32", isQuantized),
    };
  }
  const json = { model_type: c.architecture!, ...c.sizes };
  const architecture = familyOf(json, "the training configuration").read(json);
  lossOf(architecture, c.objective);
  const { tokenizer, files, config } = namedTokenizer(c.tokenizer!);
  return {
    architecture,
    tokenizer,
    carried: [...files, { name: "config.json", content: architecture.configText?.() ?? text(json) }],
    tokenizerConfig: config ?? newTokenizerConfig(tokenizer, architecture, files),
    weights: undefined,
  };
}

/** The stored values of parameters as float32, in memory of their own. */
export function loaded(weights: Weights, specs: readonly { name: string }[]): Map<string, NdArray> {
  return new Map(
    specs.map(({ name }): [string, NdArray] => {
      const stored = weights.get(name) ?? fail("corrupt_file", `there is no tensor "${name}" among the weights`);
      return [name, float32(stored.shape, (toFloat32(readStored(stored)).data as Float32Array).slice())];
    }),
  );
}

/** Most bytes of starting embeddings: a table of two million words of 1,024 numbers each. */
const mostEmbeddings = 2 ** 33;

/** Starting token embeddings of a configuration, raw float32 [vocabulary, width]. */
export function startingEmbeddings(c: TrainingConfig): Float32Array | undefined {
  if (!c.embeddings) return undefined;
  const bytes = readWholeFile(c.embeddings, mostEmbeddings);
  if (bytes.length % 4 !== 0) {
    fail("corrupt_file", `${bytes.length} bytes are no whole number of float32`, { where: c.embeddings });
  }
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}
