/**
 * How many parameters a shape has, by formula. d width, f feed-forward width, L layers, a = heads × head size,
 * V vocabulary rows, n positions, E experts. For the families that are run here the count from the model's own graph
 * (tensors.ts) must be the same.
 */
import { type BartShape, bartExtras, imageTokens, sparseBlocks, type T5Shape, type WrittenShape } from "./shapes.ts";

export interface Counted {
  readonly total: number;
  /** Parameters that one token passes: of the experts of a layer, one. */
  readonly active: number;
}

/** Weights of one expert, or of the one feed-forward network of a dense block. */
const network = ({ width: d, feedForward: f, gated }: T5Shape): number => (gated ? 3 : 2) * d * f;

function t5({ experts, ...shape }: T5Shape): Counted {
  const { width: d, vocabulary: V, encoderLayers, decoderLayers, heads, headSize, tied, buckets } = shape;
  const a = heads * headSize;
  const encoder = encoderLayers * (4 * d * a + network(shape) + 2 * d);
  const decoder = decoderLayers * (8 * d * a + network(shape) + 3 * d);
  const tables = shape.everyLayer ? encoderLayers + decoderLayers : 2;
  const dense = V * d * (tied ? 1 : 2) + encoder + decoder + tables * buckets * heads + 2 * d;
  if (!experts) return { total: dense, active: dense };
  const { count: E, sparseEncoder, sparseDecoder, bias } = experts;
  const blocks = sparseBlocks(encoderLayers, sparseEncoder) + sparseBlocks(decoderLayers, sparseDecoder);
  const active = dense + blocks * E * (d + Number(bias));
  return { total: active + blocks * (E - 1) * network(shape), active };
}

/** Four projections (eight with those to the encoder) and two products with their biases, a norm for each of them. */
function bart(shape: BartShape): number {
  const { width: d, feedForward: f, encoderLayers, decoderLayers, vocabulary } = shape;
  const { rows, norms } = bartExtras(shape);
  const layer = (attentions: number) => attentions * 4 * (d * d + d) + 2 * d * f + f + d + (attentions + 1) * 2 * d;
  return vocabulary * d + encoderLayers * layer(1) + decoderLayers * layer(2) + 2 * d * (rows + 2 * norms);
}

function denseTotal(shape: Exclude<WrittenShape, T5Shape | BartShape>): number {
  const { width: d, feedForward: f, heads, headSize, layers: L } = shape;
  const a = heads * headSize;
  // Four projections and two products with their biases, two norms with scale and shift; 12d² + 13d where f = 4d, a = d.
  const biased = L * (4 * d * a + 3 * a + d + 2 * d * f + f + d + 4 * d);
  switch (shape.family) {
    case "gpt":
      return biased + (shape.vocabulary + shape.positions) * d + 2 * d;
    case "bert":
      // Three embeddings with a norm, and the pooler.
      return biased + (shape.vocabulary + shape.positions + shape.types) * d + 2 * d + d * d + d;
    case "vit": {
      const patches = 3 * shape.patch ** 2 * d + d;
      return biased + patches + (imageTokens(shape) + Number(shape.classToken)) * d + 2 * d + shape.classes * (d + 1);
    }
    case "llama": {
      const keys = shape.keyHeads * headSize;
      const layer = 2 * d * a + 2 * d * keys + 3 * d * f + 2 * d;
      return L * layer + shape.vocabulary * d * (shape.tied ? 1 : 2) + d;
    }
    case "lamda":
      return L * (4 * d * a + 3 * d * f);
  }
}

/** @param shape of a family with a formula: those that are counted from a network need none */
export function countByFormula(shape: WrittenShape): Counted {
  if (shape.family === "t5") return t5(shape);
  const total = shape.family === "bart" ? bart(shape) : denseTotal(shape);
  return { total, active: total };
}
