/** A model at an address, opened in the browser as what it is. */
import {
  type FetchedFolder,
  type FetchedParts,
  type FetchFolderOptions,
  fetchModelParts,
} from "../folders/fetch-web.ts";
import { cannot, readModel } from "../models/families.ts";
import { decoderModel } from "../models/kinds/decoder.ts";
import { encoderModel } from "../models/kinds/encoder.ts";
import { encoderDecoderModel } from "../models/kinds/encoder-decoder.ts";
import { type ImageEncoderModel, imageEncoderModel } from "../models/kinds/image-encoder.ts";
import type { LanguageModel } from "../models/kinds/language.ts";
import type { Compile } from "../models/kinds/programs.ts";
import { type TwoTowersModel, twoTowersModel } from "../models/kinds/two-towers.ts";
import { compile, type WebCompileOptions } from "../runtime/compile-web.ts";
import { defaultEmbedding } from "./embed.ts";
import { type EncodingModel, encodingModel } from "./encoding-model.ts";
import { type GenerationConfig, withGenerationConfig } from "./generation-config.ts";
import { type TextModel, textModel } from "./model.ts";

export interface WebOpenOptions extends FetchFolderOptions, Pick<WebCompileOptions, "device" | "threads"> {}

export interface OpenedWebTextModel extends AsyncDisposable, FetchedFolder {
  readonly kind: "encoder-decoder" | "decoder";
  readonly text: TextModel;
  /** The network behind it: ids in, numbers out. */
  readonly model: LanguageModel;
  readonly generation: GenerationConfig;
  /** Chat templates by name; none for a model without. */
  chatTemplates(): ReadonlyMap<string, string>;
}

export interface OpenedWebEncoder extends AsyncDisposable, FetchedFolder {
  readonly kind: "encoder";
  readonly encoder: EncodingModel;
}

export interface OpenedWebImageEncoder extends AsyncDisposable, Omit<FetchedParts, "tokenizer" | "chatTemplates"> {
  readonly kind: "image-encoder";
  readonly model: ImageEncoderModel;
}

export interface OpenedWebTwoTowers extends AsyncDisposable, FetchedFolder {
  readonly kind: "two-towers";
  readonly model: TwoTowersModel;
}

export type OpenedWebModel = OpenedWebTextModel | OpenedWebEncoder | OpenedWebImageEncoder | OpenedWebTwoTowers;

/** Fetch the model folder at `base` and open it. */
export async function openModel(base: string | URL, options: WebOpenOptions = {}): Promise<OpenedWebModel> {
  const { device, threads, ...fetching } = options;
  const { tokenizer: openTokenizer, chatTemplates, ...parts } = await fetchModelParts(base, fetching);
  const { architecture, weights } = readModel(parts.config, parts.weights, String(base));
  const engine = { ...(device ? { device } : {}), ...(threads ? { threads } : {}), weights };
  const compileHere: Compile = (graph) => compile(graph, engine);
  switch (architecture.kind) {
    case "encoder-decoder":
    case "decoder": {
      const read = withGenerationConfig(architecture, parts.config, parts.generationConfig);
      const model =
        read.architecture.kind === "decoder"
          ? decoderModel(read.architecture, compileHere)
          : encoderDecoderModel(read.architecture, compileHere);
      // Templates that cannot be read are a chat's concern: the model writes without them.
      const [tokenizer, templates] = await Promise.all([
        openTokenizer(),
        chatTemplates().catch((error: Error) => error),
      ]);
      const { generation } = read;
      const text = textModel({ model, tokenizer, rules: generation.rules });
      return {
        ...parts,
        tokenizer,
        kind: architecture.kind,
        text,
        model,
        generation,
        chatTemplates() {
          if (templates instanceof Error) throw templates;
          return templates;
        },
        [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
      };
    }
    case "encoder": {
      const model = encoderModel(architecture, compileHere);
      const tokenizer = await openTokenizer();
      const encoder = encodingModel({ model, architecture, tokenizer, embedding: defaultEmbedding });
      const dispose = () => model[Symbol.asyncDispose]();
      return { ...parts, tokenizer, kind: "encoder", encoder, [Symbol.asyncDispose]: dispose };
    }
    case "image-encoder": {
      const model = imageEncoderModel(architecture, compileHere);
      return { ...parts, kind: "image-encoder", model, [Symbol.asyncDispose]: () => model[Symbol.asyncDispose]() };
    }
    case "two-towers": {
      const model = twoTowersModel(architecture, compileHere);
      const tokenizer = await openTokenizer();
      const dispose = () => model[Symbol.asyncDispose]();
      return { ...parts, tokenizer, kind: "two-towers", model, [Symbol.asyncDispose]: dispose };
    }
  }
}

/** A model that writes text. @throws unsupported for one that cannot, saying what it is */
export async function openTextModel(base: string | URL, options: WebOpenOptions = {}): Promise<OpenedWebTextModel> {
  const opened = await openModel(base, options);
  if ("text" in opened) return opened;
  await opened[Symbol.asyncDispose]();
  return cannot({ type: String(opened.config.model_type), kind: opened.kind }, "generate text", String(base));
}
