/** An encoder-decoder as ONNX files: three plain graphs with one file of weights, or the layout of transformers.js. */
import { fail } from "../errors.ts";
import type { Dim } from "../graph/dims.ts";
import type { Target } from "../graph/emit.ts";
import { type Graph, graph } from "../graph/graph.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { EncoderDecoderArchitecture } from "../models/family.ts";
import type { CacheShape } from "../models/kinds/cache.ts";
import { crossing, type KeyValue, wholeRow } from "../nn/pass.ts";
import { createScope } from "../nn/scope.ts";
import { type ExportedFile, type ExportSource, lowered, ownFiles, sharedFiles, weightFile } from "./files.ts";
import { mergedGraphs } from "./merged.ts";

const [batch, sequence, length] = ["batch_size", "encoder_sequence_length", "decoder_sequence_length"] as const;
const past = "past_decoder_sequence_length";

type Side = "encoder" | "decoder";

const names = (kind: "past_key_values" | "present", i: number, side: Side) =>
  (["key", "value"] as const).map((part) => `${kind}.${i}.${side}.${part}`) as [string, string];

const shapeOf = (model: EncoderDecoderArchitecture, side: Side): CacheShape =>
  side === "encoder" ? model.memory : model.cache;

/** Names and shapes of the caches of one side. */
function cacheValues(model: EncoderDecoderArchitecture, side: Side, rows: Dim) {
  const { layers, kvHeads, headWidth } = shapeOf(model, side);
  const shape = [batch, kvHeads, rows, headWidth];
  return Array.from({ length: layers }, (_, i) => names("past_key_values", i, side).map((name) => ({ name, shape })));
}

const cacheInputs = (model: EncoderDecoderArchitecture, side: Side, rows: Dim): KeyValue[] =>
  cacheValues(model, side, rows).map(([k, v]) => ({
    k: input(k!.name, "float32", k!.shape),
    v: input(v!.name, "float32", v!.shape),
  }));

const presents = (side: Side, values: readonly KeyValue[]): [string, Tensor][] =>
  values.flatMap(({ k, v }, i) => {
    const [key, value] = names("present", i, side);
    return [[key, k] as [string, Tensor], [value, v] as [string, Tensor]];
  });

/** input_ids and attention_mask [batch, sequence] to last_hidden_state [batch, sequence, width]. */
function encoderOnly(model: EncoderDecoderArchitecture): Graph {
  const ids = input("input_ids", "int64", [batch, sequence]);
  const mask = input("attention_mask", "int64", [batch, sequence]);
  const hidden = model.network(createScope()).encode(ids, wholeRow(sequence, { causal: false, mask }));
  return graph({ last_hidden_state: hidden });
}

/** input_ids [batch, length] and the encoder's output to logits and the caches of all layers. */
function prefillGraph(model: EncoderDecoderArchitecture): Graph {
  const network = model.network(createScope());
  const memory = network.memory(input("encoder_hidden_states", "float32", [batch, sequence, model.width]));
  const mask = input("encoder_attention_mask", "int64", [batch, sequence]);
  const selves = new Map<number, KeyValue>();
  const row = wholeRow(length, { causal: true, collect: (layer, kept) => selves.set(layer, kept) });
  const pass = crossing(row, memory, { batch, beams: 1, mask });
  const logits = network.logits(network.decode(input("input_ids", "int64", [batch, length]), pass));
  return graph({
    logits,
    ...Object.fromEntries([...presents("decoder", [...selves.values()]), ...presents("encoder", memory)]),
  });
}

/** input_ids [batch, 1] and the caches of all layers to logits and the decoder's caches with one position more. */
function stepGraph(model: EncoderDecoderArchitecture): Graph {
  const network = model.network(createScope());
  const mask = input("encoder_attention_mask", "int64", [batch, sequence]);
  const selves = new Map<number, KeyValue>();
  const row = wholeRow(1, {
    causal: true,
    past: cacheInputs(model, "decoder", past),
    collect: (layer, kept) => selves.set(layer, kept),
  });
  const pass = crossing(row, cacheInputs(model, "encoder", sequence), { batch, beams: 1, mask });
  const logits = network.logits(network.decode(input("input_ids", "int64", [batch, 1]), pass));
  return graph({ logits, ...Object.fromEntries(presents("decoder", [...selves.values()])) });
}

/**
 * Three graphs of standard ONNX operators and one file of fp32 weights they share:
 * `encoder.onnx` (input_ids, attention_mask → last_hidden_state), `decoder.onnx` (input_ids, encoder_attention_mask,
 * encoder_hidden_states → logits, present.*) and `decoder_step.onnx` (input_ids of one position,
 * encoder_attention_mask, past_key_values.* → logits, present.*.decoder.*).
 */
export function encoderDecoderOnnx(model: EncoderDecoderArchitecture, source: ExportSource): ExportedFile[] {
  const graphs = {
    "encoder.onnx": encoderOnly(model),
    "decoder.onnx": prefillGraph(model),
    "decoder_step.onnx": stepGraph(model),
  };
  return sharedFiles(graphs, "weights.onnx_data", source);
}

/**
 * First step and cached step merged. The cached branch hands out empty encoder caches: readers of this layout keep the
 * ones of the first step, and copying them would cost every step.
 */
function mergedDecoder(model: EncoderDecoderArchitecture, source: ExportSource, target: Target): ExportedFile[] {
  const name = "decoder_model_merged.onnx";
  const file = weightFile(`${name}_data`, source);
  const [first, next] = [prefillGraph(model), stepGraph(model)].map((g) => lowered(g, target, file));
  const kv = (side: Side, rows: string) =>
    cacheValues(model, side, rows)
      .flat()
      .map((value) => ({ ...value, dtype: "float32" as const }));
  const free = (side: Side) => {
    const { kvHeads, headWidth } = shapeOf(model, side);
    return ["present_batch", kvHeads, `${side}_present_length`, headWidth];
  };
  const content = mergedGraphs({
    condition: "use_cache_branch",
    whenTrue: next!,
    whenFalse: first!,
    inputs: [
      { name: "encoder_attention_mask", dtype: "int64", shape: [batch, sequence] },
      { name: "input_ids", dtype: "int64", shape: [batch, length] },
      { name: "encoder_hidden_states", dtype: "float32", shape: [batch, sequence, model.width] },
      ...kv("decoder", past),
      ...kv("encoder", "encoder_sequence_length_out"),
    ],
    outputs: first!.outputs.map((value) =>
      value.name === "logits" ? value : { ...value, shape: free(value.name.split(".")[2] as Side) },
    ),
    empty: [0, model.memory.kvHeads, 1, model.memory.headWidth],
  });
  return [
    { name: `onnx/${name}`, content },
    { name: `onnx/${name}_data`, content: () => file.content() },
  ];
}

/** `onnx/encoder_model.onnx` and `onnx/decoder_model_merged.onnx`, each with its fp32 weights beside it. */
export function encoderDecoderTransformersJs(
  model: EncoderDecoderArchitecture,
  source: ExportSource,
  target: Target,
): ExportedFile[] {
  if (model.unjoined) {
    fail("unsupported", "transformers.js has no Switch Transformers", {
      hint: "export --format onnx is for any program",
    });
  }
  return [...ownFiles("encoder_model", encoderOnly(model), source, target), ...mergedDecoder(model, source, target)];
}
