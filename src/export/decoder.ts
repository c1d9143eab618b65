/** A decoder as ONNX: one graph that reads a prompt and goes on from a cache, as transformers.js and others expect it. */
import { addDims } from "../graph/dims.ts";
import type { Target } from "../graph/emit.ts";
import { type Graph, graph } from "../graph/graph.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { DecoderArchitecture } from "../models/family.ts";
import { type KeyValue, wholeRow } from "../nn/pass.ts";
import { createScope } from "../nn/scope.ts";
import { type ExportedFile, type ExportSource, ownFiles, sharedFiles } from "./files.ts";

const [batch, length, past] = ["batch_size", "sequence_length", "past_sequence_length"] as const;

/**
 * input_ids and position_ids [batch, length], attention_mask [batch, past + length] (1 where there is text) and
 * past_key_values.i.key and .value [batch, kvHeads, past, k], which may be empty, to logits [batch, length, vocabulary]
 * and present.i.key and .value with the new positions in.
 */
export function decoderGraph(model: DecoderArchitecture): Graph {
  const network = model.network(createScope());
  const { layers, kvHeads, headWidth } = model.cache;
  const shape = [batch, kvHeads, past, headWidth];
  const earlier = Array.from({ length: layers }, (_, i): KeyValue => {
    const [k, v] = ["key", "value"].map((part) => input(`past_key_values.${i}.${part}`, "float32", shape));
    return { k: k!, v: v! };
  });
  const present: Record<string, Tensor> = {};
  const row = wholeRow(length, {
    causal: true,
    past: earlier,
    mask: input("attention_mask", "int64", [batch, addDims(past, length)]),
    positions: input("position_ids", "int64", [batch, length]),
    collect(layer, { k, v }) {
      present[`present.${layer}.key`] = k;
      present[`present.${layer}.value`] = v;
    },
  });
  const logits = network.logits(network.decode(input("input_ids", "int64", [batch, length]), row));
  return graph({ logits, ...present });
}

/** `model.onnx` of standard operators, with its fp32 weights in a file beside it. */
export const decoderOnnx = (model: DecoderArchitecture, source: ExportSource): ExportedFile[] =>
  sharedFiles({ "model.onnx": decoderGraph(model) }, "weights.onnx_data", source);

/** The same as `onnx/model.onnx`. */
export const decoderTransformersJs = (
  model: DecoderArchitecture,
  source: ExportSource,
  target: Target,
): ExportedFile[] => ownFiles("model", decoderGraph(model), source, target);
