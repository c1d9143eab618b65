/** A model by name or path to a text model, ready to answer. */
import { fail } from "../errors.ts";
import { isFloat } from "../graph/dtype.ts";
import { fromFloat32, toFloat32 } from "../hub/convert.ts";
import { type EnsureOptions, ensureModel } from "../hub/download/ensure-node.ts";
import { type ModelFolder, openModelFolder, openTokenizer } from "../hub/folder-node.ts";
import { readStored } from "../hub/safetensors-node.ts";
import type { Tokenizer } from "../hub/tokenizer.ts";
import { anyQuantized, isQuantized, type Weights } from "../hub/weights.ts";
import { needTextModel, type T5Config } from "../models/t5-config.ts";
import { canonicalWeights, t5ConfigFor, t5Model } from "../models/t5-model.ts";
import { type CompileOptions, compile } from "../runtime/compile-node.ts";
import { type TextModel, textModel } from "./model.ts";

export interface OpenOptions extends Pick<CompileOptions, "device" | "threads" | "prepack" | "spin"> {
  /**
   * Precision of the weights; as stored by default. Arithmetic is fp32, but for products with weights in 8 and 4 bits:
   * those come from `zeroth quantize`, and asking for them here only makes sure that the model is stored so.
   */
  readonly dtype?: "fp32" | "bf16" | "int8" | "int4";
  /** How a model that is not on this machine is downloaded; `events` tell how far it is. */
  readonly download?: EnsureOptions;
}

export interface OpenedModel extends AsyncDisposable {
  readonly text: TextModel;
  readonly tokenizer: Tokenizer;
  readonly folder: ModelFolder;
  readonly config: T5Config;
  readonly weights: Weights;
}

/** Weights rounded to another precision in memory; those that have it already stay in their file. */
function inPrecision(weights: Weights, dtype: OpenOptions["dtype"], name: string): Weights {
  const wanted = { fp32: "float32", bf16: "bfloat16" } as const;
  if (!dtype) return weights;
  if (dtype === "int8" || dtype === "int4") {
    if ([...weights.values()].some((stored) => isQuantized(stored) && stored.format === dtype)) return weights;
    fail("unsupported", `${name} is not stored in ${dtype}`, {
      hint: `write it so once: zeroth quantize ${name} --dtype ${dtype} --out FOLDER; then use --model FOLDER`,
    });
  }
  const target = wanted[dtype];
  return new Map(
    [...weights].map(([name, stored]) => {
      if (stored.dtype === target || !(isQuantized(stored) || isFloat(stored.dtype))) return [name, stored];
      const { shape, data } = fromFloat32(toFloat32(readStored(stored)), target);
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return [name, { dtype: target, shape, data: bytes }];
    }),
  );
}

/** Open a model: a folder, `zeroth-nano`, which comes with this package, or a name, downloaded unless it is cached. */
export async function openModel(name = "zeroth-nano", options: OpenOptions = {}): Promise<OpenedModel> {
  const folder = openModelFolder((await ensureModel(name, options.download)).path);
  needTextModel(folder.config, `${folder.path}/config.json`);
  const { dtype, download: _, ...engine } = options;
  const weights = inPrecision(canonicalWeights(folder.weights), dtype, name);
  const config = t5ConfigFor(folder.config, weights);
  const tokenizer = openTokenizer(folder);
  const model = t5Model(config, (graph, more) => compile(graph, { ...engine, ...more, weights }), {
    packed: anyQuantized(weights),
  });
  const text = textModel({ model, tokenizer });
  return { text, tokenizer, folder, config, weights, [Symbol.asyncDispose]: () => model[Symbol.asyncDispose]() };
}

/** The text model alone: what a program that only wants answers needs. */
export async function openTextModel(name?: string, options?: OpenOptions): Promise<TextModel> {
  return (await openModel(name, options)).text;
}
