/** A GGUF file as a model folder: configuration, weights by the checkpoint's names, tokenizer, templates. */
import { type JsonObject, shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { ggufTokenizer, vocabularyWarning } from "../../tokenizers/formats/gguf.ts";
import type { Tokenizer } from "../../tokenizers/tokenizer.ts";
import type { GgufHeader } from "../../weights/gguf/header.ts";
import { type ReadPlace, readGgufTensor } from "../../weights/gguf/rows.ts";
import { isPlainType, plainTypes } from "../../weights/gguf/types.ts";
import type { GgufTensor, Place, StoredTensor, Weights } from "../../weights/weights.ts";
import { configurations, type GgufArchitecture } from "./configuration.ts";
import { type Metadata, metadataOf } from "./metadata.ts";
import { type Change, checkpointTensor } from "./names.ts";
import { endsOf, vocabularyOf } from "./vocabulary.ts";

/** One of the files of a model, with where its tensors lie. */
export interface GgufPart {
  readonly header: GgufHeader;
  /** What messages call it. */
  readonly where: string;
  place(offset: number, length: number): Place;
}

export interface GgufModel {
  readonly architecture: GgufArchitecture;
  /** `general.name`, else the architecture. */
  readonly title: string;
  /** What config.json would say. */
  readonly config: JsonObject;
  readonly weights: Weights;
  /** What generation_config.json would say. */
  readonly generationConfig: JsonObject;
  /** What tokenizer_config.json would say. */
  readonly tokenizerConfig: JsonObject;
  readonly chatTemplate: string | undefined;
  /** Texts of named tokens: `bos_token`, `eos_token`, … */
  readonly specialTokens: Readonly<Record<string, string>>;
  /** How vectors of a text are made of its tokens' (`pooling_type`). */
  readonly pooling: "mean" | "cls" | "last" | undefined;
  /** The most tokens that the model was trained on. */
  readonly context: number | undefined;
  /** Kind of the tokenizer, and how it cuts texts where that is named. */
  readonly tokenizerKind: string;
  readonly licence: string | undefined;
  readonly warnings: readonly string[];
  tokenizer(): Tokenizer;
}

/** What a file is that holds no model, by `general.type`. */
const otherTypes: Readonly<Record<string, string>> = {
  adapter: "an adapter, which changes another model",
  mmproj: "the image part of a model",
  vocab: "a vocabulary without weights",
  imatrix: "statistics for quantising a model",
};

function needModel(metadata: Metadata, where: string): GgufArchitecture {
  const type = metadata.text("general.type") ?? "model";
  if (type !== "model") {
    fail("unsupported", `is ${otherTypes[type] ?? `of the type ${shown(type)}`}, and no model`, {
      where,
      hint: "give the file of the model itself",
    });
  }
  const name = metadata.need("general.architecture", metadata.text("general.architecture"));
  const version = metadata.number("general.quantization_version") ?? 2;
  if (version !== 2) fail("unsupported", `quantised by version ${version} of the formats, 2 is read`, { where });
  const known = Object.keys(configurations);
  if (!known.includes(name)) {
    fail("unsupported", `the architecture ${shown(name)} is not known here`, {
      where,
      hint: `known: ${known.join(", ")}`,
    });
  }
  if ((metadata.number(`${name}.expert_count`) ?? 0) > 0) {
    fail("unsupported", `a mixture of experts (${name}.expert_count) is not computed here`, { where });
  }
  return name as GgufArchitecture;
}

/** The tensors of all files; a name that two of them have would be one too many. */
function tensorsOf(parts: readonly GgufPart[]): Map<string, { stored: GgufTensor; where: string }> {
  const tensors = new Map<string, { stored: GgufTensor; where: string }>();
  for (const { header, place, where } of parts) {
    for (const [name, { type, shape, offset, length }] of header.tensors) {
      if (tensors.has(name)) fail("corrupt_file", `tensor ${shown(name)} is in two of the files`, { where });
      const stored: GgufTensor = { dtype: "float32", shape, gguf: type, place: place(offset, length) };
      tensors.set(name, { stored, where });
    }
  }
  return tensors;
}

/** A tensor as the checkpoint has it; what nothing has to be done to is an ordinary one. */
function changed({ shape, gguf, place }: GgufTensor, change: Change): StoredTensor {
  const nothing = Object.keys(change).length === 0;
  if (isPlainType(gguf) && nothing) return { dtype: plainTypes[gguf], shape, ...place };
  return { dtype: "float32", shape: change.turned ? [...shape].reverse() : shape, gguf, place, ...change };
}

/** Rows that change places must be those of whole heads; else one would be read that is not there. */
function needRows(name: string, { shape }: GgufTensor, change: Change, where: string): void {
  const rows = shape[0] ?? 0;
  if (!change.rowOf || shape.length > 2) return;
  for (let row = 0; row < rows; row++) {
    const from = change.rowOf(row);
    if (Number.isInteger(from) && from >= 0 && from < rows) continue;
    fail("corrupt_file", `has ${rows} rows, which are no whole heads`, { where: `${where}, tensor ${shown(name)}` });
  }
}

const poolings = [undefined, "mean", "cls", "last"] as const;

/** Template by name, the default one first. */
function templatesOf(metadata: Metadata): { name: string; template: string }[] {
  const names = ["default", ...(metadata.texts("tokenizer.chat_templates") ?? [])];
  return [...new Set(names)].flatMap((name) => {
    const template = metadata.text(name === "default" ? "tokenizer.chat_template" : `tokenizer.chat_template.${name}`);
    return template === undefined ? [] : [{ name, template }];
  });
}

/**
 * @param parts the files in their order: the first has the metadata
 * @param read bytes of small tensors that settings are in
 * @throws corrupt_file, unsupported
 */
export function ggufModel(parts: readonly GgufPart[], read: ReadPlace): GgufModel {
  const [{ header, where }] = parts as [GgufPart, ...GgufPart[]];
  const metadata = metadataOf(header.metadata, where);
  const architecture = needModel(metadata, where);
  const tensors = tensorsOf(parts);
  const found = (name: string) => tensors.get(name)?.stored;
  const config = configurations[architecture]({
    metadata,
    architecture,
    where,
    shape: (name) => found(name)?.shape,
    read(name) {
      const stored = found(name);
      if (!stored) return undefined;
      if (stored.shape.length !== 1 || stored.shape[0]! > 1 << 16) {
        fail("corrupt_file", `is [${stored.shape.join(", ")}], expected a short vector`, {
          where: `${where}, tensor ${shown(name)}`,
        });
      }
      return [...(readGgufTensor(stored, read).data as Float32Array)];
    },
  });
  const weights = new Map<string, StoredTensor>();
  for (const [name, { stored, where: file }] of tensors) {
    const own = checkpointTensor(name, architecture, config);
    if (!own) continue;
    needRows(name, stored, own.change, file);
    weights.set(own.name, changed(stored, own.change));
  }
  const vocabulary = vocabularyOf(metadata, where);
  const rows = Number(config.vocab_size);
  if (vocabulary.tokens.length !== rows) {
    fail("corrupt_file", `${vocabulary.tokens.length} tokens and ${rows} rows of embeddings do not fit together`, {
      where,
    });
  }
  const templates = templatesOf(metadata);
  const ends = endsOf(metadata, vocabulary.tokens);
  const ids = ["bos_token_id", "pad_token_id", "decoder_start_token_id"].filter((key) => config[key] !== undefined);
  const warning = vocabularyWarning(vocabulary);
  const special = Object.fromEntries(Object.entries(vocabulary.named));
  return {
    architecture,
    title: metadata.text("general.name") ?? architecture,
    config,
    weights,
    generationConfig: {
      ...Object.fromEntries(ids.map((key) => [key, config[key]])),
      ...(ends.length > 0 && { eos_token_id: ends }),
    },
    tokenizerConfig: {
      ...special,
      ...(templates.length > 0 && { chat_template: templates.length === 1 ? templates[0]!.template : templates }),
    },
    chatTemplate: templates[0]?.template,
    specialTokens: special,
    pooling: poolings[metadata.count(`${architecture}.pooling_type`) ?? 0],
    context: metadata.same(`${architecture}.context_length`),
    tokenizerKind: [vocabulary.model, vocabulary.pre].filter(Boolean).join(", "),
    licence: metadata.text("general.license"),
    warnings: warning === undefined ? [] : [warning],
    tokenizer: () => ggufTokenizer(vocabulary),
  };
}
