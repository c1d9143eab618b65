/** A model at an address to a text model, ready to answer in the browser. */
import { type FetchedFolder, type FetchFolderOptions, fetchModelFolder } from "../folders/fetch-web.ts";
import { needTextModel } from "../models/t5-config.ts";
import { canonicalWeights, t5ConfigFor, t5Model } from "../models/t5-model.ts";
import { compile, type WebCompileOptions } from "../runtime/compile-web.ts";
import { type TextModel, textModel } from "./model.ts";

export interface WebOpenOptions extends FetchFolderOptions, Pick<WebCompileOptions, "device" | "threads"> {}

export interface OpenedWebModel extends AsyncDisposable, FetchedFolder {
  readonly text: TextModel;
}

/** Fetch the model folder at `base` and open it. */
export async function openModel(base: string | URL, options: WebOpenOptions = {}): Promise<OpenedWebModel> {
  const { device, threads, ...fetching } = options;
  const folder = await fetchModelFolder(base, fetching);
  needTextModel(folder.config, `${base}/config.json`);
  const weights = canonicalWeights(folder.weights);
  const engine = { ...(device ? { device } : {}), ...(threads ? { threads } : {}), weights };
  const model = t5Model(t5ConfigFor(folder.config, weights), (graph) => compile(graph, engine));
  const text = textModel({ model, tokenizer: folder.tokenizer });
  return { ...folder, text, [Symbol.asyncDispose]: () => model[Symbol.asyncDispose]() };
}
