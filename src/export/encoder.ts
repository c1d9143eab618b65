/** An encoder as ONNX: its last layer's output, or what the checkpoint's head gives. */
import type { Target } from "../graph/emit.ts";
import { type Graph, graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { input } from "../graph/tensor.ts";
import type { EncoderArchitecture } from "../models/family.ts";
import { wholeRow } from "../nn/pass.ts";
import { createScope } from "../nn/scope.ts";
import { type ExportedFile, type ExportSource, ownFiles, sharedFiles } from "./files.ts";

const [batch, length] = ["batch_size", "sequence_length"] as const;

/**
 * input_ids, attention_mask and token_type_ids [batch, length] to last_hidden_state [batch, length, width]; to logits
 * where the checkpoint has a head, and of one that finds answers to start_logits and end_logits [batch, length]. A
 * discriminator's logits are [batch, length].
 */
export function encoderGraph(model: EncoderArchitecture): Graph {
  const network = model.network(createScope());
  const tokens = (name: string) => input(name, "int64", [batch, length]);
  const [ids, mask] = [tokens("input_ids"), tokens("attention_mask")];
  const hidden = network.encode(ids, tokens("token_type_ids"), wholeRow(length, { causal: false, mask }));
  const head = model.head && network.heads[model.head];
  if (!head) return graph({ last_hidden_state: hidden });
  const logits = head(hidden, { ids, mask });
  if (model.head === "discriminator") return graph({ logits: o.reshape(logits, [batch, length]) });
  if (model.head !== "span") return graph({ logits });
  const [first, last] = o.split(logits, -1, [1, 1]).map((place) => o.reshape(place, [batch, length]));
  return graph({ start_logits: first!, end_logits: last! });
}

/** `model.onnx` of standard operators, with its fp32 weights in a file beside it. */
export const encoderOnnx = (model: EncoderArchitecture, source: ExportSource): ExportedFile[] =>
  sharedFiles({ "model.onnx": encoderGraph(model) }, "weights.onnx_data", source);

/** The same as `onnx/model.onnx`. */
export const encoderTransformersJs = (
  model: EncoderArchitecture,
  source: ExportSource,
  target: Target,
): ExportedFile[] => ownFiles("model", encoderGraph(model), source, target);
