/**
 * A T5 model as ONNX files for other programs: three plain graphs with one file of weights, or the layout that
 * transformers.js reads. Pure: gives names and contents, reading stored tensors only through the function given.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  NodeProtoSchema,
} from "onnx-buf";
import { fail } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import { addDims } from "../graph/dims.ts";
import type { Target } from "../graph/emit.ts";
import { type Graph, graph } from "../graph/graph.ts";
import { lower, type OnnxModel, type OnnxValue } from "../graph/lower.ts";
import { encodeOnnx } from "../graph/onnx.ts";
import * as o from "../graph/operators.ts";
import { input, type Node, type Tensor } from "../graph/tensor.ts";
import type { EncoderDecoderArchitecture } from "../models/family.ts";
import { encoderGraph } from "../models/kinds/encoder-decoder.ts";
import { cachedStep, crossing, type KeyValue, wholeRow } from "../nn/pass.ts";
import { createScope } from "../nn/scope.ts";
import { toFloat32 } from "../weights/convert.ts";
import type { StoredTensor, Weights } from "../weights/weights.ts";

/** A file to write: a name with / between folders, and its content, large ones in pieces. */
export interface ExportedFile {
  readonly name: string;
  readonly content: string | Uint8Array | (() => Iterable<Uint8Array>);
}

export interface ExportSource {
  readonly config: EncoderDecoderArchitecture;
  /** Under the names of the network. */
  readonly weights: Weights;
  /** Reads one stored tensor. */
  read(stored: StoredTensor): NdArray;
}

const layers = (config: EncoderDecoderArchitecture) => Array.from({ length: config.cache.layers }, (_, i) => i);
const [batch, sequence, past] = ["batch_size", "encoder_sequence_length", "past_decoder_sequence_length"];

/** One file of weights that several graphs point into; each tensor is written once for each layout asked for. */
function weightFile(location: string, { weights, read }: ExportSource) {
  const places = new Map<string, { offset: number; length: number }>();
  const pieces: (() => Uint8Array)[] = [];
  let size = 0;
  return {
    /** Where the tensor lies as fp32, [in, out] instead of [out, in] when turned. */
    place(name: string, turned: boolean) {
      const key = `${name} ${turned}`;
      const known = places.get(key);
      if (known) return { location, ...known };
      const stored = weights.get(name) ?? fail("corrupt_file", `there is no tensor "${name}" among the weights`);
      const length = 4 * stored.shape.reduce((a, b) => a * b, 1);
      const made = { offset: size, length };
      size += length;
      places.set(key, made);
      pieces.push(() => {
        const { shape, data } = toFloat32(read(stored));
        const values = turned ? turn(data as Float32Array, shape[0]!, shape[1]!) : (data as Float32Array);
        return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      });
      return { location, ...made };
    },
    *content(): Iterable<Uint8Array> {
      for (const piece of pieces) yield piece();
    },
  };
}

/** Rows to columns. */
function turn(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c]!;
  return out;
}

/**
 * Lower over a weight file. Weights that are only ever transposed are stored so: programs that know no product with a
 * transposed operand would otherwise transpose them at every run or keep a second copy.
 */
function lowered(g: Graph, target: Target, file: ReturnType<typeof weightFile>): OnnxModel {
  const place = { location: "", offset: 0, length: 0 };
  const model = lower(g, { target, weight: () => ({ dtype: "float32", data: place }) });
  const readers = new Map<string, number>();
  for (const { inputs } of model.nodes) for (const name of inputs) readers.set(name, (readers.get(name) ?? 0) + 1);
  const parameters = new Map(
    model.initializers.filter(({ data }) => "location" in data).map((value) => [value.name, value]),
  );
  const turned = new Map<string, string>();
  for (const { op, inputs, outputs } of model.nodes) {
    const weight = op === "Transpose" ? parameters.get(inputs[0]!) : undefined;
    if (weight?.shape.length === 2 && readers.get(weight.name) === 1) turned.set(outputs[0]!, weight.name);
  }
  const names = new Set(turned.values());
  return {
    ...model,
    initializers: model.initializers.map((value) => {
      if (!("location" in value.data)) return value;
      if (!names.has(value.name)) return { ...value, data: file.place(value.name, false) };
      return { ...value, shape: [...value.shape].reverse(), data: file.place(value.name, true) };
    }),
    nodes: model.nodes
      .filter(({ outputs }) => !turned.has(outputs[0]!))
      .map((node) => ({ ...node, inputs: node.inputs.map((name) => turned.get(name) ?? name) })),
  };
}

/** Attention over a buffer written in place becomes attention over a cache that grows: what other programs expect. */
function withGrowingCache<O extends string>(g: Graph<O>): Graph<O> {
  const images = new Map<Tensor, Tensor>();
  const image = (value: Tensor) => images.get(value) ?? value;
  const copy = (node: Node): readonly Tensor[] => {
    if (node.kind !== "op" || node.inputs.every((value) => image(value) === value)) {
      if (node.kind !== "op" || node.op !== "CachedAttention") return node.outputs;
    }
    const inputs = node.inputs.map(image);
    if (node.op !== "CachedAttention") return o.apply(node.op, inputs, node.attributes);
    const { heads, scale } = node.attributes as { heads: number; scale: number };
    const [q, k, v, pastK, pastV, , bias] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
    const nextK = o.concat([pastK, o.splitHeads(k, heads)], 2);
    const nextV = o.concat([pastV, o.splitHeads(v, heads)], 2);
    return [o.attention(q, nextK, nextV, bias, heads, scale), nextK, nextV];
  };
  for (const node of g.nodes) {
    copy(node).forEach((value, i) => {
      images.set(node.outputs[i]!, value);
    });
  }
  const outputs = Object.entries<Tensor>(g.outputs).map(([name, value]) => [name, image(value)]);
  return graph(Object.fromEntries(outputs) as Record<O, Tensor>);
}

const cacheNames = (kind: "past_key_values" | "present", i: number, side: "encoder" | "decoder") =>
  (["key", "value"] as const).map((part) => `${kind}.${i}.${side}.${part}`) as [string, string];

const cacheInputs = (config: EncoderDecoderArchitecture, side: "encoder" | "decoder", length: string): KeyValue[] =>
  layers(config).map((i) => {
    const [k, v] = cacheNames("past_key_values", i, side);
    const shape = [batch!, config.cache.keyHeads, length, config.cache.headWidth];
    return { k: input(k, "float32", shape), v: input(v, "float32", shape) };
  });

const presents = (side: "encoder" | "decoder", values: readonly KeyValue[]): [string, Tensor][] =>
  values.flatMap(({ k, v }, i) => {
    const [key, value] = cacheNames("present", i, side);
    return [[key, k] as [string, Tensor], [value, v] as [string, Tensor]];
  });

/** input_ids [batch, length] and the encoder's output to logits and the caches of all layers. */
function prefillGraph(config: EncoderDecoderArchitecture): Graph {
  const network = config.network(createScope());
  const length = "decoder_sequence_length";
  const memory = network.memory(input("encoder_hidden_states", "float32", [batch!, sequence!, config.width]));
  const mask = input("encoder_attention_mask", "int64", [batch!, sequence!]);
  // Keys and values of the tokens given: what a cached step appends to.
  const selves: KeyValue[] = [];
  const row = wholeRow(length, {
    causal: true,
    collect(layer, k, v) {
      selves[layer] = { k: o.splitHeads(k, config.cache.keyHeads), v: o.splitHeads(v, config.cache.keyHeads) };
    },
  });
  const pass = crossing(row, memory, { batch: batch!, beams: 1, mask });
  const logits = network.logits(network.decode(input("input_ids", "int64", [batch!, length]), pass));
  return graph({ logits, ...Object.fromEntries([...presents("decoder", selves), ...presents("encoder", memory)]) });
}

/** input_ids [batch, 1] and the caches of all layers to logits and the decoder's caches with one position more. */
function cachedStepGraph(config: EncoderDecoderArchitecture, encoderLength: string): Graph {
  const network = config.network(createScope());
  const mask = input("encoder_attention_mask", "int64", [batch!, encoderLength]);
  const memory = cacheInputs(config, "encoder", encoderLength);
  const step = cachedStep({ past: cacheInputs(config, "decoder", past!), indices: o.iota(addDims(past!, 1)) });
  const pass = crossing(step, memory, { batch: batch!, beams: 1, mask });
  const logits = network.logits(network.decode(input("input_ids", "int64", [batch!, 1]), pass));
  return withGrowingCache(graph({ logits, ...Object.fromEntries(presents("decoder", step.present)) }));
}

/** ONNX of a graph under other names for its inputs and outputs. */
function renamed(model: OnnxModel, names: Readonly<Record<string, string>>): OnnxModel {
  const to = (name: string) => names[name] ?? name;
  const value = (v: OnnxValue) => ({ ...v, name: to(v.name) });
  return {
    inputs: model.inputs.map(value),
    outputs: model.outputs.map(value),
    initializers: model.initializers,
    nodes: model.nodes.map((node) => ({ ...node, inputs: node.inputs.map(to), outputs: node.outputs.map(to) })),
  };
}

const encoderNames = { ids: "input_ids", mask: "attention_mask", encoded: "last_hidden_state" };

function encoderOnly(config: EncoderDecoderArchitecture): Graph {
  return graph({ encoded: encoderGraph(config).outputs.encoded! });
}

/**
 * Three graphs of standard ONNX operators and one file of fp32 weights they share:
 * `encoder.onnx` (input_ids, attention_mask → last_hidden_state), `decoder.onnx` (input_ids, encoder_attention_mask,
 * encoder_hidden_states → logits, present.*) and `decoder_step.onnx` (input_ids of one position,
 * encoder_attention_mask, past_key_values.* → logits, present.*.decoder.*).
 */
export function onnxFiles(source: ExportSource): ExportedFile[] {
  const { config } = source;
  const file = weightFile("weights.onnx_data", source);
  const graphs: [string, OnnxModel][] = [
    ["encoder.onnx", renamed(lowered(encoderOnly(config), "onnx", file), encoderNames)],
    ["decoder.onnx", lowered(prefillGraph(config), "onnx", file)],
    ["decoder_step.onnx", lowered(cachedStepGraph(config, sequence!), "onnx", file)],
  ];
  return [
    ...graphs.map(([name, model]) => ({ name, content: encodeOnnx(model) })),
    { name: "weights.onnx_data", content: () => file.content() },
  ];
}

/**
 * First step and cached step as the two branches of one If over the same weights. The cached branch hands out empty
 * encoder caches: readers of this layout keep the ones of the first step, and copying them would cost every step.
 */
function mergedDecoder(
  config: EncoderDecoderArchitecture,
  target: Target,
  file: ReturnType<typeof weightFile>,
): Uint8Array {
  const [first, next] = [prefillGraph(config), cachedStepGraph(config, sequence!)].map((g) => lowered(g, target, file));
  const outputs = first!.outputs.map(({ name }) => name);
  const shared = new Map([...first!.initializers, ...next!.initializers].map((value) => [value.name, value]));
  const isWeight = (name: string) => "location" in (shared.get(name)?.data ?? {});
  const branch = (model: OnnxModel) => {
    const own = model.initializers.filter(({ name }) => !isWeight(name));
    const proto = fromBinary(ModelProtoSchema, encodeOnnx({ ...model, inputs: [], initializers: own })).graph!;
    const made = new Set(proto.output.map(({ name }) => name));
    const empty = outputs.filter((name) => !made.has(name));
    const constants = encodeOnnx({
      inputs: [],
      outputs: empty.map((name) => ({
        name,
        dtype: "float32",
        shape: [0, config.cache.keyHeads, 1, config.cache.headWidth],
      })),
      initializers: [
        {
          name: "nothing",
          dtype: "float32",
          shape: [0, config.cache.keyHeads, 1, config.cache.headWidth],
          data: { bytes: new Uint8Array(0) },
        },
      ],
      nodes: empty.map((name) => ({
        op: "Identity",
        domain: "",
        inputs: ["nothing"],
        outputs: [name],
        attributes: {},
      })),
    });
    const extra = empty.length > 0 ? fromBinary(ModelProtoSchema, constants).graph! : undefined;
    const all = [...proto.output, ...(extra?.output ?? [])];
    return create(GraphProtoSchema, {
      name: empty.length > 0 ? "cached" : "first",
      node: [...proto.node, ...(extra?.node ?? [])],
      initializer: [...proto.initializer, ...(extra?.initializer ?? [])],
      output: outputs.map((name) => all.find((value) => value.name === name)!),
    });
  };
  const kv = (side: "encoder" | "decoder", length: string) =>
    layers(config).flatMap((i) =>
      cacheNames("past_key_values", i, side).map((name) => ({
        name,
        dtype: "float32" as const,
        shape: [batch!, config.cache.keyHeads, length, config.cache.headWidth],
      })),
    );
  const free = (side: string) => `${side}_present_length`;
  const outer = encodeOnnx({
    inputs: [
      { name: "encoder_attention_mask", dtype: "int64", shape: [batch!, sequence!] },
      { name: "input_ids", dtype: "int64", shape: [batch!, "decoder_sequence_length"] },
      { name: "encoder_hidden_states", dtype: "float32", shape: [batch!, sequence!, config.width] },
      ...kv("decoder", past!),
      ...kv("encoder", "encoder_sequence_length_out"),
      { name: "use_cache_branch", dtype: "bool", shape: [1] },
    ],
    outputs: first!.outputs.map((value) =>
      value.name === "logits"
        ? value
        : {
            ...value,
            shape: ["present_batch", config.cache.keyHeads, free(value.name.split(".")[2]!), config.cache.headWidth],
          },
    ),
    initializers: [...shared.values()].filter(({ name }) => isWeight(name)),
    nodes: [],
  });
  const proto = fromBinary(ModelProtoSchema, outer);
  const attribute = (name: string, model: OnnxModel) =>
    create(AttributeProtoSchema, { name, type: Kind.GRAPH, g: branch(model) });
  proto.graph!.node = [
    create(NodeProtoSchema, {
      name: "merged",
      opType: "If",
      input: ["use_cache_branch"],
      output: outputs,
      attribute: [attribute("then_branch", next!), attribute("else_branch", first!)],
    }),
  ];
  return toBinary(ModelProtoSchema, proto);
}

export interface TransformersJsSource extends ExportSource {
  /** config.json of the folder. */
  readonly configJson: Readonly<Record<string, unknown>>;
  readonly generationConfig?: Readonly<Record<string, unknown>> | undefined;
  /** Standard operators only, or also the engine's fused ones, which every device of transformers.js has. */
  readonly target?: "onnx" | "webgpu";
}

/**
 * The layout of transformers.js 4: `onnx/encoder_model.onnx` and `onnx/decoder_model_merged.onnx`, each with its fp32
 * weights beside it, `config.json` and `generation_config.json`. Tokenizer files are to be copied as they are.
 */
export function transformersJsFiles(source: TransformersJsSource): ExportedFile[] {
  const { config, target = "webgpu", configJson, generationConfig } = source;
  if (config.unjoined) {
    fail("unsupported", "transformers.js has no Switch Transformers", {
      hint: "export --format onnx is for any program",
    });
  }
  const [encoder, decoder] = ["encoder_model.onnx", "decoder_model_merged.onnx"];
  const files = [encoder, decoder].map((name) => weightFile(`${name}_data`, source));
  const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  const graphs = [
    encodeOnnx(renamed(lowered(encoderOnly(config), target, files[0]!), encoderNames)),
    mergedDecoder(config, target, files[1]!),
  ];
  return [
    ...[encoder, decoder].flatMap((name, i) => [
      { name: `onnx/${name}`, content: graphs[i]! },
      { name: `onnx/${name}_data`, content: () => files[i]!.content() },
    ]),
    {
      name: "generation_config.json",
      content: text({
        decoder_start_token_id: config.start,
        eos_token_id: config.ends[0],
        pad_token_id: config.pad,
        ...generationConfig,
      }),
    },
    {
      name: "config.json",
      content: text({
        ...configJson,
        ...(config.configText ? (JSON.parse(config.configText()) as object) : {}),
        "transformers.js_config": { dtype: "fp32", use_external_data_format: true },
      }),
    },
  ];
}
