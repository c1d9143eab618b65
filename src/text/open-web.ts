/** A model at an address, opened in the browser as what it is. */
import { type FetchedFolder, type FetchFolderOptions, fetchModelFolder } from "../folders/fetch-web.ts";
import { cannot, readModel } from "../models/families.ts";
import { decoderModel } from "../models/kinds/decoder.ts";
import { encoderModel } from "../models/kinds/encoder.ts";
import { encoderDecoderModel } from "../models/kinds/encoder-decoder.ts";
import type { Compile } from "../models/kinds/programs.ts";
import { compile, type WebCompileOptions } from "../runtime/compile-web.ts";
import { defaultEmbedding } from "./embed.ts";
import { type EncodingModel, encodingModel } from "./encoding-model.ts";
import { withGenerationConfig } from "./generation-config.ts";
import { type TextModel, textModel } from "./model.ts";

export interface WebOpenOptions extends FetchFolderOptions, Pick<WebCompileOptions, "device" | "threads"> {}

export interface OpenedWebTextModel extends AsyncDisposable, FetchedFolder {
  readonly kind: "encoder-decoder" | "decoder";
  readonly text: TextModel;
}

export interface OpenedWebEncoder extends AsyncDisposable, FetchedFolder {
  readonly kind: "encoder";
  readonly encoder: EncodingModel;
}

export type OpenedWebModel = OpenedWebTextModel | OpenedWebEncoder;

/** Fetch the model folder at `base` and open it. */
export async function openModel(base: string | URL, options: WebOpenOptions = {}): Promise<OpenedWebModel> {
  const { device, threads, ...fetching } = options;
  const folder = await fetchModelFolder(base, fetching);
  const { architecture, weights } = readModel(folder.config, folder.weights, String(base));
  const engine = { ...(device ? { device } : {}), ...(threads ? { threads } : {}), weights };
  const compileHere: Compile = (graph) => compile(graph, engine);
  switch (architecture.kind) {
    case "encoder-decoder":
    case "decoder": {
      const read = withGenerationConfig(architecture, folder.config, folder.generationConfig);
      const model =
        read.architecture.kind === "decoder"
          ? decoderModel(read.architecture, compileHere)
          : encoderDecoderModel(read.architecture, compileHere);
      const text = textModel({ model, tokenizer: folder.tokenizer, forced: read.generation.forced });
      const dispose = () => model[Symbol.asyncDispose]();
      return { ...folder, kind: architecture.kind, text, [Symbol.asyncDispose]: dispose };
    }
    case "encoder": {
      const model = encoderModel(architecture, compileHere);
      const { tokenizer } = folder;
      const encoder = encodingModel({ model, architecture, tokenizer, embedding: defaultEmbedding });
      return { ...folder, kind: "encoder", encoder, [Symbol.asyncDispose]: () => model[Symbol.asyncDispose]() };
    }
    default:
      return cannot(architecture, "be opened by address yet", String(base));
  }
}

/** A model that writes text. @throws unsupported for one that cannot, saying what it is */
export async function openTextModel(base: string | URL, options: WebOpenOptions = {}): Promise<OpenedWebTextModel> {
  const opened = await openModel(base, options);
  if (opened.kind !== "encoder") return opened;
  await opened[Symbol.asyncDispose]();
  return cannot({ type: String(opened.config.model_type), kind: "encoder" }, "generate text", String(base));
}
