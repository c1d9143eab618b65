/** A model by name or path to a text model, ready to answer. */
import { fail } from "../errors.ts";
import { type ModelFolder, openModelFolder, openTokenizer } from "../folders/open-node.ts";
import { type EnsureOptions, ensureModel } from "../hub/download/ensure-node.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import { needTextModel, type T5Config } from "../models/t5-config.ts";
import { canonicalWeights, t5ConfigFor, t5Model } from "../models/t5-model.ts";
import { type CompileOptions, compile } from "../runtime/compile-node.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { anyQuantized, isQuantized, type Weights } from "../weights/weights.ts";
import { type FewBitsOptions, inFewBits, needRoom } from "./few-bits-node.ts";
import { type TextModel, textModel } from "./model.ts";
import { inPrecision } from "./precision-node.ts";

export interface OpenOptions extends Pick<CompileOptions, "device" | "threads" | "prepack" | "spin"> {
  /**
   * Precision of the weights; as stored by default. Arithmetic is fp32, but for products with weights in 8 and 4 bits.
   * A model that is not stored in these gets a copy that is, made once and kept; `quantize` tells how far it is.
   */
  readonly dtype?: "fp32" | "bf16" | "int8" | "int4";
  /** How a model that is not on this machine is downloaded; `events` tell how far it is. */
  readonly download?: EnsureOptions;
  readonly quantize?: FewBitsOptions;
}

export interface OpenedModel extends AsyncDisposable {
  readonly text: TextModel;
  /** The network behind it: ids in, numbers out. */
  readonly model: Seq2Seq;
  readonly tokenizer: Tokenizer;
  readonly folder: ModelFolder;
  readonly config: T5Config;
  readonly weights: Weights;
}

const bitsOf = { int8: 8, int4: 4 } as const;
const wide = { fp32: "float32", bf16: "bfloat16" } as const;

/** The folder itself where it is stored in these bits, or its copy that is. */
function inBits(folder: ModelFolder, dtype: keyof typeof bitsOf, options: FewBitsOptions | undefined) {
  const weights = canonicalWeights(folder.weights);
  if (anyQuantized(weights)) {
    // What is only looked up in is stored in 8 bits in both.
    const four = [...weights.values()].some((stored) => isQuantized(stored) && stored.format === "int4");
    if (four === (dtype === "int4")) return folder;
    if (four) {
      fail("unsupported", "is stored in 4 bits, which hold no more than they do", {
        where: folder.path,
        hint: "start from the model's original weights, or leave --dtype out",
      });
    }
  }
  return inFewBits(folder, t5ConfigFor(folder.config, weights), bitsOf[dtype], options);
}

/** Open a model: a folder, `zeroth-nano`, which comes with this package, or a name, downloaded unless it is cached. */
export async function openModel(name = "zeroth-nano", options: OpenOptions = {}): Promise<OpenedModel> {
  const { dtype, download, quantize, ...engine } = options;
  const found = openModelFolder((await ensureModel(name, download)).path);
  needTextModel(found.config, `${found.path}/config.json`);
  const folder = dtype === "int8" || dtype === "int4" ? await inBits(found, dtype, quantize) : found;
  const stored = canonicalWeights(folder.weights);
  const weights = dtype === "fp32" || dtype === "bf16" ? inPrecision(stored, wide[dtype]) : stored;
  const config = t5ConfigFor(folder.config, weights);
  // Of a mixture of experts only those are read that somebody is sent to.
  if (!config.experts) needRoom(weights, name);
  const tokenizer = openTokenizer(folder);
  const model = t5Model(config, (graph, more) => compile(graph, { ...engine, ...more, weights }), {
    packed: anyQuantized(weights),
  });
  const text = textModel({ model, tokenizer });
  return { text, model, tokenizer, folder, config, weights, [Symbol.asyncDispose]: () => model[Symbol.asyncDispose]() };
}

/** The text model alone: what a program that only wants answers needs. */
export async function openTextModel(name?: string, options?: OpenOptions): Promise<TextModel> {
  return (await openModel(name, options)).text;
}
