/** A model at an address, opened in the browser as what it is. */
import { fail } from "../errors.ts";
import {
  type FetchedFolder,
  type FetchedParts,
  type FetchFolderOptions,
  fetchModelParts,
} from "../folders/fetch-web.ts";
import { adapted, fillersOf, placesOf } from "../models/adapters/adapter.ts";
import { filledLanguage, fillerOf } from "../models/adapters/fillers.ts";
import { cannot, readModel } from "../models/families.ts";
import type { Architecture } from "../models/family.ts";
import { decoderModel } from "../models/kinds/decoder.ts";
import type { EncoderModel } from "../models/kinds/encoder.ts";
import { encoderDecoderModel } from "../models/kinds/encoder-decoder.ts";
import { type ImageEncoderModel, imageEncoderModel } from "../models/kinds/image-encoder.ts";
import type { LanguageModel } from "../models/kinds/language.ts";
import type { Compile } from "../models/kinds/programs.ts";
import { type TwoTowersModel, twoTowersModel } from "../models/kinds/two-towers.ts";
import { compile, type WebCompileOptions } from "../runtime/compile-web.ts";
import { roundsProducts, type Weights } from "../weights/weights.ts";
import { type AdapterContents, readAdapterContents } from "./adapters/files.ts";
import { fingerprintInPage } from "./adapters/fingerprint-web.ts";
import { readAdaptedAs } from "./adapters/read.ts";
import { filesAt } from "./embedding/config-web.ts";
import type { EncodingModel } from "./embedding/encoding-model.ts";
import { type GenerationConfig, withGenerationConfig } from "./generation-config.ts";
import { type TextModel, textModel } from "./model.ts";
import { openReader, type Pooling, readingGraph } from "./reader.ts";

export interface WebOpenOptions extends FetchFolderOptions, Pick<WebCompileOptions, "device" | "threads"> {
  /** How a text's tokens become one vector, whatever the folder says. */
  readonly pooling?: Pooling | undefined;
  /** Files of an adapter that is put into the model, by name. */
  readonly adapter?: AdapterContents | undefined;
}

/** What an adapter's files held, where there are any: warnings for people. */
interface WithAdapter {
  readonly adapter?: { readonly warnings: readonly string[] } | undefined;
}

export interface OpenedWebTextModel extends AsyncDisposable, FetchedFolder, WithAdapter {
  readonly kind: "encoder-decoder" | "decoder";
  readonly text: TextModel;
  /** The network behind it: ids in, numbers out. */
  readonly model: LanguageModel;
  readonly generation: GenerationConfig;
  readonly architecture: Extract<Architecture, { kind: "encoder-decoder" | "decoder" }>;
  /** Compiles graphs over its weights, for the device that it was opened for. */
  readonly compile: Compile;
  /** Chat templates by name; none for a model without. */
  chatTemplates(): ReadonlyMap<string, string>;
}

export interface OpenedWebEncoder extends AsyncDisposable, FetchedFolder, WithAdapter {
  readonly kind: "encoder";
  readonly encoder: EncodingModel;
  /** The network behind it. */
  readonly model: EncoderModel;
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

/** An adapter's files over a model that was fetched. */
async function adaptedOver(parts: Pick<FetchedParts, "config" | "weights">, contents: AdapterContents, path: string) {
  const files = readAdapterContents(contents);
  const fingerprint = files.sidecar?.base?.fingerprint && (await fingerprintInPage(parts));
  return readAdaptedAs({ ...parts, path }, files, { fingerprint });
}

/** Fetch the model folder at `base` and open it. */
export function openModel(base: string | URL, options: WebOpenOptions = {}): Promise<OpenedWebModel> {
  return openAs(base, options, false);
}

/** `asReader` has a decoder opened for what it makes of texts, not for what it writes. */
async function openAs(base: string | URL, options: WebOpenOptions, asReader: boolean): Promise<OpenedWebModel> {
  const { device, threads, pooling, adapter: contents, ...fetching } = options;
  const { tokenizer: openTokenizer, chatTemplates, ...parts } = await fetchModelParts(base, fetching);
  const put = contents && (await adaptedOver(parts, contents, String(base)));
  const { architecture, weights } = put
    ? { ...put, architecture: adapted(put.architecture, put.adapter.settings, put.survey) }
    : readModel(parts.config, parts.weights, String(base), { ...(asReader && { graph: readingGraph }) });
  const fillers = put ? fillersOf(architecture, put.adapter.settings) : { whole: 0, cached: 0 };
  const told = put && { adapter: { warnings: put.warnings } };
  const engine = { ...(device ? { device } : {}), ...(threads ? { threads } : {}) };
  const compileWith =
    (weights: Weights): Compile =>
    (graph) =>
      compile(graph, { ...engine, weights });
  const compileHere = compileWith(weights);
  if (architecture.kind === "encoder" || (asReader && architecture.kind === "decoder")) {
    const { tokenizerConfig } = parts;
    const config = put?.config ?? parts.config;
    const tokenizer = await openTokenizer();
    const files = filesAt(String(base).replace(/\/*$/, ""), parts);
    const { encoder, model } = await openReader({
      ...{ architecture, config, tokenizerConfig, tokenizer, weights, files, pooling, compileWith },
      fillers: { count: fillers.whole, places: put ? placesOf(put.adapter.settings) : 0 },
    });
    const dispose = () => model[Symbol.asyncDispose]();
    return {
      ...parts,
      ...told,
      tokenizer,
      kind: "encoder",
      encoder,
      model,
      [Symbol.asyncDispose]: dispose,
    };
  }
  switch (architecture.kind) {
    case "encoder-decoder":
    case "decoder": {
      const read = withGenerationConfig(architecture, parts.config, parts.generationConfig);
      if (put?.adapter.head) {
        fail("unsupported", "the adapter tells classes, and writes no text", {
          hint: "openEncoder reads texts with it",
        });
      }
      const bare =
        read.architecture.kind === "decoder"
          ? decoderModel(read.architecture, compileHere, { rounded: roundsProducts(weights) })
          : encoderDecoderModel(read.architecture, compileHere);
      const begin = read.architecture.kind === "decoder" ? read.architecture.begin : undefined;
      const model = filledLanguage(bare, fillers, fillerOf(architecture), begin);
      // Templates that cannot be read are a chat's concern: the model writes without them.
      const [tokenizer, templates] = await Promise.all([
        openTokenizer(),
        chatTemplates().catch((error: Error) => error),
      ]);
      const { generation } = read;
      const text = textModel({ model, tokenizer, rules: generation.rules });
      return {
        ...parts,
        ...told,
        tokenizer,
        kind: architecture.kind,
        text,
        model,
        generation,
        architecture: read.architecture,
        compile: compileHere,
        chatTemplates() {
          if (templates instanceof Error) throw templates;
          return templates;
        },
        [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
      };
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

/**
 * A model that reads texts and gives vectors or labels: an encoder, or a decoder for what it makes of a text's last
 * token.
 * @throws unsupported for one that cannot, saying what it is
 */
export async function openEncoder(base: string | URL, options: WebOpenOptions = {}): Promise<OpenedWebEncoder> {
  const opened = await openAs(base, options, true);
  if (opened.kind === "encoder") return opened;
  await opened[Symbol.asyncDispose]();
  const is = { type: String(opened.config.model_type), kind: opened.kind };
  return cannot(is, "give vectors or classes of texts", String(base));
}
