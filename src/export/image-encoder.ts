/** An encoder of images as ONNX: its last layer's output, or the scores of its classes. */
import type { Target } from "../graph/emit.ts";
import { type Graph, graph } from "../graph/graph.ts";
import type { ImageEncoderArchitecture } from "../models/family.ts";
import { pixelInput } from "../models/kinds/pixels.ts";
import { createScope } from "../nn/scope.ts";
import { type ExportedFile, type ExportSource, ownFiles, sharedFiles } from "./files.ts";

/**
 * pixel_values [batch, channels, size, size] to logits [batch, classes]; without a classifier to last_hidden_state
 * [batch, tokens, width] and, where the checkpoint has a pooler, pooler_output.
 */
function imageEncoderGraph(model: ImageEncoderArchitecture): Graph {
  const network = model.network(createScope());
  const hidden = network.encode(pixelInput(model.image, "batch_size", "pixel_values"));
  if (network.classify) return graph({ logits: network.classify(hidden) });
  if (!network.pooled) return graph({ last_hidden_state: hidden });
  return graph<string>({ last_hidden_state: hidden, pooler_output: network.pooled(hidden) });
}

/** `model.onnx` of standard operators, with its fp32 weights in a file beside it. */
export const imageEncoderOnnx = (model: ImageEncoderArchitecture, source: ExportSource): ExportedFile[] =>
  sharedFiles({ "model.onnx": imageEncoderGraph(model) }, "weights.onnx_data", source);

/** The same as `onnx/model.onnx`. */
export const imageEncoderTransformersJs = (
  model: ImageEncoderArchitecture,
  source: ExportSource,
  target: Target,
): ExportedFile[] => ownFiles("model", imageEncoderGraph(model), source, target);
