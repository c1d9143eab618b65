/** A model by name or path, opened as what it is: a union by kind. */
import { realpathSync } from "node:fs";
import type { JsonObject } from "../base/json.ts";
import { fail } from "../errors.ts";
import { type ModelFolder, openModelFolder, openTokenizer } from "../folders/open-node.ts";
import { type EnsureOptions, ensureModel } from "../hub/download/ensure-node.ts";
import { adapted, fillersOf, placesOf } from "../models/adapters/adapter.ts";
import { filledLanguage, fillerOf } from "../models/adapters/fillers.ts";
import { cannot, kindWords, type ReadModel, readModel } from "../models/families.ts";
import type { Architecture, ImageEncoderArchitecture, TwoTowersArchitecture } from "../models/family.ts";
import { decoderModel } from "../models/kinds/decoder.ts";
import type { EncoderModel, ReaderArchitecture } from "../models/kinds/encoder.ts";
import { encoderDecoderModel } from "../models/kinds/encoder-decoder.ts";
import { type ImageEncoderModel, imageEncoderModel } from "../models/kinds/image-encoder.ts";
import type { LanguageModel } from "../models/kinds/language.ts";
import type { Compile } from "../models/kinds/programs.ts";
import { type TwoTowersModel, twoTowersModel } from "../models/kinds/two-towers.ts";
import { type CompileOptions, compile } from "../runtime/compile-node.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import {
  type Activations,
  anyQuantized,
  isQuantized,
  layoutOf,
  roundsProducts,
  type Weights,
} from "../weights/weights.ts";
import { readAdapted, readAdapterFiles } from "./adapters/files-node.ts";
import { unpackedCopy } from "./copies/gguf-node.ts";
import type { CopyOptions } from "./copies/kept-node.ts";
import { needRoom, quantizedCopy } from "./copies/quantized-node.ts";
import { filesIn, filesOfGguf, transformerFolder } from "./embedding/config-node.ts";
import type { EncodingModel } from "./embedding/encoding-model.ts";
import { type GenerationConfig, withGenerationConfig } from "./generation-config.ts";
import { roomFor, trainedLength } from "./lengths-node.ts";
import { type TextModel, textModel } from "./model.ts";
import { inPrecision } from "./precision-node.ts";
import { openReader, type Pooling, readingGraph } from "./reader.ts";

export interface OpenOptions extends Pick<CompileOptions, "device" | "threads" | "prepack" | "spin"> {
  /**
   * Precision of the weights; as stored by default. Arithmetic is fp32, but for products with weights in 8 and 4 bits.
   * A model that is not stored in these gets a copy that is, made once and kept; `quantize` tells how far it is.
   */
  readonly dtype?: "fp32" | "bf16" | "int8" | "int4";
  /**
   * Of a GGUF file. `fp32` (default): answers are those of the file's weights in fp32 arithmetic. `int8`: what is
   * multiplied with quantised weights is rounded to 8 bits, which is faster, takes less memory, and changes answers.
   */
  readonly activations?: Activations;
  /** How a model that is not on this machine is downloaded; `events` tell how far it is. */
  readonly download?: EnsureOptions;
  readonly quantize?: CopyOptions;
  /** How a text's tokens become one vector, whatever the folder says. */
  readonly pooling?: Pooling | undefined;
  /** Folder of an adapter that is put into the model: PEFT's, or what `zeroth tune` wrote. */
  readonly adapter?: string | undefined;
}

interface Opened extends AsyncDisposable {
  /** What the adapter's folder held, where one was asked for: warnings for people. */
  readonly adapter?: { readonly path: string; readonly warnings: readonly string[] } | undefined;
  readonly folder: ModelFolder;
  /** Under the names of the network. */
  readonly weights: Weights;
}

/** A model that writes text. */
export interface OpenedLanguageModel extends Opened {
  readonly kind: "encoder-decoder" | "decoder";
  readonly architecture: Extract<Architecture, { kind: "encoder-decoder" | "decoder" }>;
  readonly text: TextModel;
  /** The network behind it: ids in, numbers out. */
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly generation: GenerationConfig;
  /** Tokens of the longest text that the model was trained on, where its folder tells. */
  readonly trainedLength: number | undefined;
  /** Compiles graphs over its weights, for the device that it was opened for. */
  readonly compile: Compile;
  /** config.json */
  readonly config: JsonObject;
  /** Chat templates by name, read when they are asked for; none for a model without. */
  chatTemplates(): ReadonlyMap<string, string>;
}

/** A model that reads text and gives numbers. */
export interface OpenedEncoder extends Opened {
  readonly kind: "encoder";
  /** A decoder's where it was opened for its vectors or classes. */
  readonly architecture: ReaderArchitecture;
  /** Texts in, vectors and what the head tells out. */
  readonly encoder: EncodingModel;
  readonly model: EncoderModel;
  readonly tokenizer: Tokenizer;
  /** The same texts read by another network over its weights: by the one with an adapter in it, say. */
  readWith(other: OtherReader): ReturnType<typeof openReader>;
}

/** Another network that reads texts over the weights of an open model. */
export interface OtherReader {
  readonly architecture: ReaderArchitecture;
  readonly config: JsonObject;
  readonly weights: Weights;
  readonly fillers: { readonly count: number; readonly places: number };
  /** What compiles its graphs, made of what would. */
  around(compile: Compile): Compile;
}

/** A model that takes images and gives numbers. */
export interface OpenedImageEncoder extends Opened {
  readonly kind: "image-encoder";
  readonly architecture: ImageEncoderArchitecture;
  readonly model: ImageEncoderModel;
}

/** A model that brings texts and images into one space. */
export interface OpenedTwoTowers extends Opened {
  readonly kind: "two-towers";
  readonly architecture: TwoTowersArchitecture;
  readonly model: TwoTowersModel;
  readonly tokenizer: Tokenizer;
}

/** What a model cannot do is not there: ask its `kind`. */
export type OpenedModel = OpenedLanguageModel | OpenedEncoder | OpenedImageEncoder | OpenedTwoTowers;

const bitsOf = { int8: 8, int4: 4 } as const;
const wide = { fp32: "float32", bf16: "bfloat16" } as const;

/** Chat templates by name; none for a model without. */
export function templatesOf(folder: ModelFolder): ReadonlyMap<string, string> {
  if (folder.chatTemplates) return folder.chatTemplates;
  const { chatTemplate } = folder;
  return new Map(chatTemplate === undefined ? [] : [["default", chatTemplate]]);
}

const readFolder = ({ config, weights, path, absent, same }: ModelFolder, asReader: boolean): ReadModel =>
  readModel(config, weights, path, { absent, same, ...(asReader && { graph: readingGraph }) });

/** The folder itself where it is stored in these bits, or its copy that is. */
function inBits(folder: ModelFolder, read: ReadModel, dtype: keyof typeof bitsOf, options: CopyOptions | undefined) {
  if (folder.gguf) {
    fail("unsupported", `a GGUF file is not rounded to ${dtype}: it is quantised as it is`, {
      where: folder.path,
      hint: "leave the dtype out; with activations of int8 it is faster",
    });
  }
  if (anyQuantized(folder.weights)) {
    // What is only looked up in is stored in 8 bits in both.
    const four = [...folder.weights.values()].some(
      (stored) => isQuantized(stored) && layoutOf(stored.format).values === "int4",
    );
    if (four === (dtype === "int4")) return folder;
    if (four) {
      fail("unsupported", "is stored in 4 bits, which hold no more than they do", {
        where: folder.path,
        hint: "start from the model's original weights, or leave --dtype out",
      });
    }
  }
  return quantizedCopy(folder, read, bitsOf[dtype], options);
}

/** Open a model: a folder, `zeroth-nano`, which comes with this package, or a name, downloaded unless it is cached. */
export function openModel(name = "zeroth-nano", options: OpenOptions = {}): Promise<OpenedModel> {
  return openAs(name, options, () => {});
}

/**
 * `need` refuses what the caller has no use for, before anything but config.json is read or made; `asReader` has a
 * decoder opened for what it makes of texts, not for what it writes.
 */
async function openAs(
  name: string,
  options: OpenOptions,
  need: (model: Architecture) => void,
  asReader = false,
): Promise<OpenedModel> {
  const { dtype, activations, download, quantize, pooling, adapter: adapterPath, ...engine } = options;
  const home = (await ensureModel(name, download)).path;
  const found = openModelFolder(await transformerFolder(home));
  const read = readFolder(found, asReader);
  need(read.architecture);
  const tuned = adapterPath === undefined ? undefined : readAdapterFiles(adapterPath);
  const folder = dtype === "int8" || dtype === "int4" ? await inBits(found, read, dtype, quantize) : found;
  const put = tuned && readAdapted(folder, tuned);
  const { architecture, weights: named } = put
    ? { ...put, architecture: adapted(put.architecture, put.adapter.settings, put.survey) }
    : folder === found
      ? read
      : readFolder(folder, asReader);
  const fillers = put ? fillersOf(architecture, put.adapter.settings) : { whole: 0, cached: 0 };
  if (activations && !folder.gguf) {
    fail("wrong_use", "activations belong to a GGUF file", { where: name, hint: "of other models, ask for a dtype" });
  }
  const wanted = activations ?? "fp32";
  const stored =
    folder.gguf && dtype === undefined
      ? await unpackedCopy(folder.gguf, { architecture, weights: named }, wanted, quantize)
      : named;
  const weights = dtype === "fp32" || dtype === "bf16" ? inPrecision(stored, wide[dtype]) : stored;
  // Of a mixture of experts only those that receive tokens are read.
  if (!("unjoined" in architecture)) needRoom(weights, name);
  const compileWith =
    (weights: Weights): Compile =>
    (graph, more) =>
      compile(graph, { ...engine, ...more, weights });
  const compileHere = compileWith(weights);
  const packed = { packed: anyQuantized(weights) };
  if (put?.adapter.head && !asReader) {
    fail(
      "unsupported",
      `the adapter tells ${put.adapter.head === "span" ? "answers" : "classes"}, and writes no text`,
      {
        where: adapterPath!,
        hint: "zeroth predict",
      },
    );
  }
  if (architecture.kind === "encoder" || (asReader && architecture.kind === "decoder")) {
    const tokenizer = openTokenizer(folder);
    const { config, tokenizerConfig } = folder;
    const parts = {
      architecture,
      config: put?.config ?? config,
      tokenizerConfig,
      tokenizer,
      weights,
      pooling,
      files: folder.gguf ? filesOfGguf(folder.gguf) : filesIn(realpathSync(home)),
    };
    const places = put ? placesOf(put.adapter.settings) : 0;
    const { encoder, model } = await openReader({ ...parts, compileWith, fillers: { count: fillers.whole, places } });
    const readWith = ({ around, ...other }: OtherReader) =>
      openReader({ ...parts, ...other, compileWith: (weights) => around(compileWith(weights)) });
    const dispose = () => model[Symbol.asyncDispose]();
    return {
      kind: "encoder",
      ...{ architecture, encoder, model, tokenizer, folder, weights, readWith },
      ...(put && { adapter: { path: adapterPath!, warnings: put.warnings } }),
      [Symbol.asyncDispose]: dispose,
    };
  }
  switch (architecture.kind) {
    case "encoder-decoder":
    case "decoder": {
      const told = withGenerationConfig(architecture, folder.config, folder.generationConfig);
      const bare =
        told.architecture.kind === "decoder"
          ? decoderModel(told.architecture, compileHere, { ...packed, rounded: roundsProducts(weights) })
          : encoderDecoderModel(told.architecture, compileHere, packed);
      const begin = told.architecture.kind === "decoder" ? told.architecture.begin : undefined;
      const model = filledLanguage(bare, fillers, fillerOf(architecture), begin);
      const tokenizer = openTokenizer(folder);
      const text = textModel({ model, tokenizer, rules: told.generation.rules, room: roomFor(architecture) });
      return {
        ...told,
        kind: architecture.kind,
        text,
        model,
        tokenizer,
        compile: compileHere,
        config: folder.config,
        trainedLength: trainedLength(folder.config, folder.tokenizerConfig),
        chatTemplates: () => templatesOf(folder),
        folder,
        weights,
        ...(put && { adapter: { path: adapterPath!, warnings: put.warnings } }),
        [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
      };
    }
    case "image-encoder": {
      const model = imageEncoderModel(architecture, compileHere);
      const dispose = () => model[Symbol.asyncDispose]();
      return { kind: "image-encoder", architecture, model, folder, weights, [Symbol.asyncDispose]: dispose };
    }
    case "two-towers": {
      const model = twoTowersModel(architecture, compileHere);
      const tokenizer = openTokenizer(folder);
      const dispose = () => model[Symbol.asyncDispose]();
      return { kind: "two-towers", architecture, model, tokenizer, folder, weights, [Symbol.asyncDispose]: dispose };
    }
  }
}

/**
 * A model that writes text.
 * @throws unsupported for a model that cannot, saying what it is
 */
export async function openLanguageModel(name = "zeroth-nano", options: OpenOptions = {}): Promise<OpenedLanguageModel> {
  const opened = await openAs(name, options, (model) => {
    if (model.kind !== "encoder-decoder" && model.kind !== "decoder") cannot(model, "generate text", name);
  });
  return opened as OpenedLanguageModel;
}

/**
 * A model that reads texts and gives vectors or labels: an encoder, or a decoder for what it makes of a text's last
 * token.
 * @throws unsupported for a model that cannot, saying what it is
 */
export async function openEncoder(name: string, options: OpenOptions = {}): Promise<OpenedEncoder> {
  const need = (model: Architecture) => {
    if (model.kind === "encoder-decoder") {
      fail("unsupported", `${model.type} is ${kindWords[model.kind]}: it gives no vectors and has no classes`, {
        where: name,
        hint: "it answers prompts: zeroth generate, and zeroth score for choices",
      });
    }
    if (model.kind !== "encoder" && model.kind !== "decoder") cannot(model, "read texts alone", name);
  };
  return (await openAs(name, options, need, true)) as OpenedEncoder;
}

/** The text model alone: what a program that only wants answers needs. */
export async function openTextModel(name?: string, options?: OpenOptions): Promise<TextModel> {
  return (await openLanguageModel(name, options)).text;
}
