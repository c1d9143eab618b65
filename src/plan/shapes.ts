/** The sizes that a model's parameters, memory and arithmetic follow from, one type a family. */
import { fail } from "../errors.ts";
import { type VariantName, variants } from "../models/encoder-decoders/bart/config.ts";
import { isSparse, sparseStep } from "../models/encoder-decoders/t5/switch-config.ts";
import type { TensorGroup } from "./tensor-groups.ts";

interface Layers {
  readonly width: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly headSize: number;
}

/** T5, T5 v1.1, T0, Flan-T5, mT5; Switch Transformers with experts. */
export interface T5Shape extends Layers {
  readonly family: "t5";
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly vocabulary: number;
  readonly gated: boolean;
  /** The output matrix is the embedding. */
  readonly tied: boolean;
  /** Rows of a table of relative positions. */
  readonly buckets: number;
  /** Every layer has a table of its own (UMT5); else each stack has one. */
  readonly everyLayer?: boolean;
  readonly experts?: {
    readonly count: number;
    /** What config.json calls num_sparse_encoder_layers, num_sparse_decoder_layers. */
    readonly sparseEncoder: number;
    readonly sparseDecoder: number;
    /** The routers have biases. */
    readonly bias: boolean;
  };
}

/** BART, mBART, Pegasus and Marian: biases, tied output. */
export interface BartShape extends Layers {
  readonly family: "bart";
  readonly type: VariantName;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly vocabulary: number;
  readonly positions: number;
}

/** GPT-2, GPT-3, Megatron: biases, learned positions, tied output. */
export interface GptShape extends Layers {
  readonly family: "gpt";
  readonly layers: number;
  readonly vocabulary: number;
  readonly positions: number;
}

/** Llama, Mistral: gated, no biases, keys and values shared by groups of heads. */
export interface LlamaShape extends Layers {
  readonly family: "llama";
  readonly layers: number;
  readonly keyHeads: number;
  readonly vocabulary: number;
  readonly positions: number;
  readonly tied: boolean;
}

/** LaMDA as far as it is published: the layers, not the embeddings. */
export interface LamdaShape extends Layers {
  readonly family: "lamda";
  readonly layers: number;
}

export interface BertShape extends Layers {
  readonly family: "bert";
  readonly layers: number;
  readonly vocabulary: number;
  readonly positions: number;
  readonly types: number;
}

export interface VitShape extends Layers {
  readonly family: "vit";
  readonly layers: number;
  /** Sides of the image and of a patch, in pixels; three channels. */
  readonly image: number;
  readonly patch: number;
  readonly classToken: boolean;
  /** 0: no classifier. */
  readonly classes: number;
}

/** Counted from the network of a family that runs here. */
export interface NetworkShape extends Layers {
  readonly family: "network";
  /** What its kind is called. */
  readonly words: string;
  readonly reads: boolean;
  readonly writes: boolean;
  readonly layers: number;
  readonly gated: boolean;
  readonly kvHeads: number;
  readonly tied: boolean;
  readonly encoder?: StackShape;
  readonly decoder?: StackShape;
  readonly vocabulary?: number;
  readonly positions?: number;
  /** Of a model of images: the side of one in pixels, and the tokens that it becomes. */
  readonly image?: number;
  readonly tokens?: number;
  readonly tensors: readonly TensorGroup[];
}

/** Shapes that are written down, with a formula for their counts. */
export type WrittenShape = T5Shape | BartShape | GptShape | LlamaShape | LamdaShape | BertShape | VitShape;

export type Shape = WrittenShape | NetworkShape;
export type Family = Shape["family"];

interface Nature {
  readonly words: string;
  readonly reads: boolean;
  readonly writes: boolean;
}

/** What the family is in words, and how it works: `reads` an input at once, `writes` an output token by token. */
const natures: Record<Exclude<Family, "network">, Nature> = {
  t5: { words: "encoder-decoder", reads: true, writes: true },
  bart: { words: "encoder-decoder", reads: true, writes: true },
  gpt: { words: "decoder", reads: false, writes: true },
  llama: { words: "decoder", reads: false, writes: true },
  lamda: { words: "decoder", reads: false, writes: true },
  bert: { words: "encoder", reads: true, writes: false },
  vit: { words: "image encoder", reads: true, writes: false },
};

export const natureOf = (shape: Shape): Nature => (shape.family === "network" ? shape : natures[shape.family]);

/** Sparse blocks of a stack of so many. */
export const sparseBlocks = (layers: number, sparse: number): number =>
  Array.from({ length: layers }, (_, block) => block).filter((block) => isSparse(block, sparseStep(layers, sparse)))
    .length;

/** What of a written shape follows from the variant: rows of positions that are learned, and norms beside the layers'. */
export function bartExtras({ type, positions }: BartShape): { readonly rows: number; readonly norms: number } {
  const { learned, embeddingNorm, normFirst } = variants[type];
  return { rows: learned ? positions + 2 : 0, norms: Number(embeddingNorm) + Number(normFirst) };
}

/** Tokens an image becomes. */
export const imageTokens = ({ image, patch, classToken }: VitShape): number =>
  Math.floor(image / patch) ** 2 + Number(classToken);

/** The same of any shape; none of a model of texts. */
export const fixedTokens = (shape: Shape): number | undefined =>
  shape.family === "vit" ? imageTokens(shape) : shape.family === "network" ? shape.tokens : undefined;

/**
 * A stack of layers as attention and caches see it.
 * `inner` is heads × head size, `keys` the width of keys (and of values), smaller where heads share them.
 */
export interface StackShape extends Layers {
  readonly layers: number;
  readonly inner: number;
  readonly keys: number;
  readonly gated: boolean;
  /** Attends to an encoder as well. */
  readonly cross: boolean;
}

/** The stacks of a model: what reads, what writes. */
export function stacksOf(shape: Shape): { readonly encoder?: StackShape; readonly decoder?: StackShape } {
  const { width, feedForward, heads, headSize } = shape;
  const inner = heads * headSize;
  const common = { width, feedForward, heads, headSize, inner, keys: inner, gated: false, cross: false };
  switch (shape.family) {
    case "t5":
    case "bart": {
      const both = { ...common, gated: shape.family === "t5" && shape.gated };
      return {
        encoder: { ...both, layers: shape.encoderLayers },
        decoder: { ...both, layers: shape.decoderLayers, cross: true },
      };
    }
    case "gpt":
      return { decoder: { ...common, layers: shape.layers } };
    case "lamda":
      return { decoder: { ...common, gated: true, layers: shape.layers } };
    case "llama":
      return { decoder: { ...common, gated: true, layers: shape.layers, keys: shape.keyHeads * headSize } };
    case "network":
      return { ...(shape.encoder && { encoder: shape.encoder }), ...(shape.decoder && { decoder: shape.decoder }) };
    case "bert":
    case "vit":
      return { encoder: { ...common, layers: shape.layers } };
  }
}

/** More than any model has; what is counted from a graph is built layer by layer. */
const mostLayers = 1024;

/** Refuse sizes that are no sizes; `where` names the file or the command line. */
export function checkShape<S extends Shape>(shape: S, code: "wrong_use" | "corrupt_file", where?: string): S {
  const parts = { ...(where === undefined ? {} : { where }) };
  const mayBeZero = new Set(["classes", "types", "sparseEncoder", "sparseDecoder"]);
  const entries = Object.entries({ ...shape, ...(shape.family === "t5" ? shape.experts : {}) });
  for (const [name, value] of entries) {
    if (typeof value !== "number") continue;
    if (!Number.isInteger(value) || value < 0 || (value === 0 && !mayBeZero.has(name)) || value > 2 ** 31) {
      fail(code, `${name} is ${value}: a size is a whole number above zero`, parts);
    }
  }
  for (const { layers } of Object.values(stacksOf(shape)) as StackShape[]) {
    if (layers > mostLayers) fail(code, `${layers} layers: at most ${mostLayers} are planned`, parts);
  }
  if (shape.family === "t5" && shape.experts) {
    const { sparseEncoder, sparseDecoder } = shape.experts;
    if (sparseEncoder > shape.encoderLayers || sparseDecoder > shape.decoderLayers) {
      fail(code, `${Math.max(sparseEncoder, sparseDecoder)} sparse layers in a stack that has fewer`, parts);
    }
  }
  if (shape.family === "vit" && shape.patch > shape.image) {
    fail(code, `patches of ${shape.patch} pixels in an image of ${shape.image}`, parts);
  }
  if (shape.family === "llama" && shape.heads % shape.keyHeads !== 0) {
    fail(code, `${shape.heads} heads cannot share ${shape.keyHeads} keys`, parts);
  }
  return shape;
}
