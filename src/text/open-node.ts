/** A model by name or path to a text model, ready to answer. */
import { fail } from "../errors.ts";
import { findModel, openModelFolder, openTokenizer } from "../hub/folder-node.ts";
import { canonicalWeights, t5ConfigFor, t5Model } from "../models/t5-model.ts";
import { type CompileOptions, compile } from "../runtime/compile-node.ts";
import { type TextModel, textModel } from "./model.ts";

export interface OpenOptions extends Pick<CompileOptions, "device" | "threads" | "prepack" | "spin"> {
  readonly signal?: AbortSignal;
}

/** Open a model folder: a path, a name in the Hugging Face cache, or `zeroth-nano`, which comes with this package. */
export async function openTextModel(name = "zeroth-nano", options: OpenOptions = {}): Promise<TextModel> {
  const folder = openModelFolder(findModel(name).path);
  const type = folder.config.model_type;
  if (type !== "t5" && type !== "mt5") {
    fail("unsupported", `model_type ${JSON.stringify(type)} cannot generate text here`, {
      where: `${folder.path}/config.json`,
      hint: "supported: t5 and mt5 (T5, T5 v1.1, LM-adapted T5, T0, Flan-T5, mT5)",
    });
  }
  const weights = canonicalWeights(folder.weights);
  const config = t5ConfigFor(folder.config, weights);
  const tokenizer = openTokenizer(folder);
  const model = t5Model(config, (graph) => compile(graph, { ...options, weights }));
  return textModel({ model, tokenizer });
}
