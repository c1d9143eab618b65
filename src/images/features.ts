/** What a model of images sees, as vectors and as scores of its classes, in batches. */
import { fail } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import type { Dim } from "../graph/dims.ts";
import { type Graph, graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ImageEncoderArchitecture } from "../models/family.ts";
import { joinPixels, pixelInput } from "../models/kinds/pixels.ts";
import { createScope } from "../nn/scope.ts";
import type { Program } from "../runtime/program.ts";

/** How a layer's output becomes one vector: as the classifier reads it, its mean, or its first token. */
export const pools = ["head", "mean", "cls"] as const;

export interface FeatureOptions {
  /** 0 for the embeddings, 1 for the first layer or stage, …; the last layer behind its norm without. */
  readonly layer?: number | undefined;
  readonly pool?: (typeof pools)[number] | undefined;
}

/** One vector of a layer's output: of tokens [batch, tokens, width], or of a map [batch, width, rows, columns]. */
function pooled(hidden: Tensor, pool: FeatureOptions["pool"], head: (hidden: Tensor) => Tensor, type: string): Tensor {
  const map = hidden.shape.length === 4;
  if (pool === "mean") return o.mean(hidden, map ? [2, 3] : [1]);
  if (pool !== "cls") return head(hidden);
  if (map) fail("wrong_use", `${type} has no class token`, { hint: "--pool mean" });
  return o.reshape(o.slice(hidden, 1, 0, 1), [hidden.shape[0] as Dim, hidden.shape[2] as Dim]);
}

/** Outputs of a network's layers, in order: the embeddings, then every layer or stage. */
function layersOf(model: ImageEncoderArchitecture) {
  const layers: Tensor[] = [];
  const watch = { hidden: (x: Tensor) => void layers.push(x) };
  const network = model.network(createScope(), { watch });
  const last = network.encode(pixelInput(model.image));
  return { layers, last, network };
}

/** pixels to `features` [batch, width]. @throws wrong_use for a layer that is not there, saying which are */
export function featureGraph(model: ImageEncoderArchitecture, { layer, pool }: FeatureOptions = {}): Graph {
  const { layers, last, network } = layersOf(model);
  if (layer !== undefined && layers[layer] === undefined) {
    fail("wrong_use", `there is no layer ${layer}`, { hint: `layers of this model: 0 to ${layers.length - 1}` });
  }
  const hidden = layer === undefined ? last : layers[layer]!;
  return graph({ features: pooled(hidden, pool, network.features, model.type) });
}

/** pixels to a vector of each layer, `layer.N`, and of the last one behind its norm, `last`. */
export function layersGraph(model: ImageEncoderArchitecture, pool?: FeatureOptions["pool"]): Graph {
  const { layers, last, network } = layersOf(model);
  const vector = (hidden: Tensor) => pooled(hidden, pool, network.features, model.type);
  const each = layers.map((hidden, i) => [`layer.${i}`, vector(hidden)] as const);
  return graph<string>({ ...Object.fromEntries(each), last: vector(last) });
}

/** pixels to `logits` [batch, classes]. @throws unsupported for a model without a classifier */
export function logitsGraph(model: ImageEncoderArchitecture): Graph {
  const network = model.network(createScope());
  const { classify } = network;
  if (!classify) {
    return fail("unsupported", `this ${model.type} has no classifier`, {
      hint: "zeroth vision embed gives its vectors, zeroth vision fewshot learns classes of your own",
    });
  }
  return graph({ logits: classify(network.encode(pixelInput(model.image))) });
}

/** Pictures of a run: more take memory without being faster. */
const most = 32;

/** The rows of a program's outputs for single pictures, each a vector. Stops between batches. */
export async function rowsOf(
  model: ImageEncoderArchitecture,
  program: Program,
  pictures: readonly NdArray[],
  { signal, onDone }: { readonly signal?: AbortSignal | undefined; readonly onDone?: (done: number) => void } = {},
): Promise<Record<string, Float32Array[]>> {
  const rows: Record<string, Float32Array[]> = Object.fromEntries(program.outputs.map((name) => [name, []]));
  for (let first = 0; first < pictures.length; first += most) {
    signal?.throwIfAborted();
    const batch = pictures.slice(first, first + most);
    const results = await program.run({ pixels: joinPixels(batch, model.image) });
    for (const [name, list] of Object.entries(rows)) {
      const data = results[name]!.data as Float32Array;
      const width = data.length / batch.length;
      for (let i = 0; i < batch.length; i++) list.push(data.slice(i * width, (i + 1) * width));
    }
    onDone?.(first + batch.length);
  }
  return rows;
}

/** Logits as probabilities: of classes that exclude each other, or each by itself. */
export function probabilities(logits: Float32Array, problem: ImageEncoderArchitecture["problem"]): number[] {
  if (problem === "regression") return [...logits];
  if (problem === "multi") return Array.from(logits, (z) => 1 / (1 + Math.exp(-z)));
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const shares = Array.from(logits, (z) => Math.exp(z - top));
  const total = shares.reduce((a, b) => a + b, 0);
  return shares.map((share) => share / total);
}
