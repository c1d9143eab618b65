/** What a run starts from: a model's folder, or an architecture and a tokenizer. */
import { readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type JsonObject, jsonLimits, parseJsonObject } from "../base/json.ts";
import { fail } from "../errors.ts";
import { openModelFolder, openTokenizer } from "../folders/open-node.ts";
import { float32, type NdArray } from "../graph/array.ts";
import { findModel } from "../hub/find-node.ts";
import { locate } from "../hub/locate-node.ts";
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

/** Files that a tokenizer may be read from, besides tokenizer_config.json. */
const tokenizerNames = [
  "tokenizer.json",
  "spiece.model",
  "tokenizer.model",
  "sentencepiece.bpe.model",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
];

const text = (value: JsonObject): string => `${JSON.stringify(value, null, 2)}\n`;

interface OpenedTokenizer {
  readonly tokenizer: Tokenizer;
  readonly files: readonly CarriedFile[];
  readonly config: JsonObject | undefined;
}

/** The tokenizer of a model's folder. */
function tokenizerOf(folder: ReturnType<typeof openModelFolder>): OpenedTokenizer {
  const files = tokenizerNames.flatMap((name) => {
    const path = locate(folder.path, name);
    return path ? [{ name, content: readFileSync(path) }] : [];
  });
  return { tokenizer: openTokenizer(folder), files, config: folder.tokenizerConfig };
}

/** A tokenizer.json by its path, or the tokenizer of a folder or a model by its name. */
async function namedTokenizer(given: string): Promise<OpenedTokenizer> {
  if (statSync(given, { throwIfNoEntry: false })?.isFile()) {
    const json = await readFile(given, "utf8");
    const parsed = parseJsonObject(json, given, jsonLimits.tokenizer);
    return {
      tokenizer: createTokenizer(parsed),
      files: [{ name: "tokenizer.json", content: json }],
      config: undefined,
    };
  }
  if (basename(given).endsWith(".json")) fail("not_found", "no such file", { where: given });
  return tokenizerOf(openModelFolder(findModel(given).path));
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
    const { architecture, weights } = readModel(folder.config, folder.weights, join(folder.path, "config.json"));
    // Asked before the tokenizer is looked for: a model of images has none.
    lossOf(architecture, c.objective);
    const { tokenizer, files, config } = c.tokenizer ? await namedTokenizer(c.tokenizer) : tokenizerOf(folder);
    const generation = folder.generationConfig
      ? [{ name: "generation_config.json", content: text(folder.generationConfig) }]
      : [];
    return {
      architecture,
      tokenizer,
      carried: [
        ...files,
        ...generation,
        { name: "config.json", content: architecture.configText?.() ?? text(unquantizedConfig(folder.config)) },
      ],
      tokenizerConfig: config ?? folder.tokenizerConfig ?? {},
      // A product with a quantised matrix has no gradient, so what is frozen is read as numbers too.
      weights: inPrecision(weights, "float32", isQuantized),
    };
  }
  const json = { model_type: c.architecture!, ...c.sizes };
  const architecture = familyOf(json, "the training configuration").read(json);
  lossOf(architecture, c.objective);
  const { tokenizer, files, config } = await namedTokenizer(c.tokenizer!);
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

/** Starting token embeddings of a configuration, raw float32 [vocabulary, width]. */
export async function startingEmbeddings(c: TrainingConfig): Promise<Float32Array | undefined> {
  if (!c.embeddings) return undefined;
  const bytes = await readFile(c.embeddings).catch(() => fail("not_found", "no such file", { where: c.embeddings! }));
  return new Float32Array(new Uint8Array(bytes).buffer);
}
