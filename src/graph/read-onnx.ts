/** Reading ONNX files back into graphs: whatever our own lowering writes, and models of the same operators. */
import { fromBinary } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType as Kind, type ModelProto, ModelProtoSchema, type NodeProto } from "onnx-buf";
import { fail, ZerothError } from "../errors.ts";
import { type Graph, graph } from "./graph.ts";
import type { NodeReader, Reader } from "./onnx/node-reader.ts";
import { asSizes, asTensor, sizeArithmetic, type Value } from "./onnx/sizes.ts";
import { declaredType, type ExternalTensor, externalTensor, isExternal, storedTensor } from "./onnx/tensors.ts";
import { castTarget } from "./rules/onnx.ts";
import { readers } from "./rules/rules.ts";
import { constant, input, parameter, type Tensor } from "./tensor.ts";

/** A graph read from a file, and where the tensors lie that the file only points to: its parameters, by name. */
export interface DecodedGraph extends Graph {
  readonly external: ReadonlyMap<string, ExternalTensor>;
}

/** Operator sets in which every operator read here has the meaning it is read with. */
const opsets = { from: 13n, to: 23n } as const;

/** Parse the protobuf; damage of any kind is one error. */
function parse(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    return fail("corrupt_file", "this is no ONNX file, or a damaged one", { cause });
  }
}

function refuseWhatIsNotRead(model: ModelProto): void {
  const has = (list: readonly unknown[], name: string) => {
    if (list.length > 0) fail("unsupported", `an ONNX model with ${name}`);
  };
  has(model.functions, "functions");
  has(model.trainingInfo, "training info");
  has(model.graph?.sparseInitializer ?? [], "sparse initialisers");
  has(model.graph?.quantizationAnnotation ?? [], "quantisation annotations");
  const version = model.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version;
  if (version === undefined) fail("corrupt_file", "the ONNX model names no operator set");
  if (version < opsets.from || version > opsets.to) {
    fail("unsupported", `operator set ${version}: read are ${opsets.from} to ${opsets.to}`, {
      hint: "convert the model with onnx.version_converter",
    });
  }
}

/** One node's attributes and inputs; remembers which attributes were asked for. */
function nodeReader(node: NodeProto, values: ReadonlyMap<string, Value>): NodeReader & { finish(): void } {
  const attributes = new Map(node.attribute.map((attribute) => [attribute.name, attribute]));
  const asked = new Set<string>();
  const find = (name: string, kind: Kind) => {
    asked.add(name);
    const found = attributes.get(name);
    if (found && found.type !== kind) fail("corrupt_file", `${node.opType}: attribute "${name}" is of another kind`);
    return found;
  };
  const value = (at: number): Value => {
    const name = node.input[at];
    if (!name) return fail("corrupt_file", `${node.opType} lacks its input ${at}`);
    return values.get(name) ?? fail("corrupt_file", `${node.opType} reads "${name}" before anything makes it`);
  };
  const reader: NodeReader & { finish(): void } = {
    op: node.opType,
    count: node.input.length,
    outputs: node.output.length,
    tensor: (at) => asTensor(value(at)),
    optional: (at) => (node.input[at] ? asTensor(value(at)) : undefined),
    dims: (at) =>
      asSizes(value(at))?.dims ?? fail("unsupported", `${node.opType} whose input ${at} is only known at run time`),
    numbers: (at) =>
      reader
        .dims(at)
        .map((dim) => (typeof dim === "number" ? dim : fail("unsupported", `${node.opType} with the size ${dim}`))),
    int: (name, otherwise) => Number(find(name, Kind.INT)?.i ?? otherwise),
    float: (name, otherwise) => find(name, Kind.FLOAT)?.f ?? otherwise,
    ints: (name) => find(name, Kind.INTS)?.ints.map(Number),
    string: (name, otherwise) => {
      const found = find(name, Kind.STRING);
      return found ? new TextDecoder().decode(found.s) : otherwise;
    },
    fixed: (name, wanted) => {
      const got = typeof wanted === "number" ? reader.int(name, wanted) : reader.string(name, wanted);
      if (got !== wanted) fail("unsupported", `${node.opType} with ${name} = ${got}`);
    },
    finish: () => {
      const unread = [...attributes.keys()].find((name) => !asked.has(name));
      if (unread !== undefined) fail("unsupported", `${node.opType} with the attribute "${unread}"`);
    },
  };
  return reader;
}

/** What a node's outputs are. */
function readNode(node: NodeProto, values: ReadonlyMap<string, Value>): Value[] {
  const reader = nodeReader(node, values);
  const domain = node.domain === "ai.onnx" ? "" : node.domain;
  if (node.opType === "Shape" && domain === "") {
    const { shape } = reader.tensor(0);
    const dims = shape.slice(reader.int("start", 0), reader.int("end", shape.length));
    return [{ sizes: { dims, rank: 1, dtype: "int64" } }];
  }
  if (node.opType === "Constant" && domain === "") {
    const { t } = node.attribute.find(({ name }) => name === "value") ?? {};
    if (!t || isExternal(t)) fail("unsupported", "a Constant that is no tensor stored in the model");
    return [{ tensor: constant(storedTensor(t)) }];
  }
  const inputs = node.input.flatMap((name) => values.get(name) ?? []);
  const sizes = sizeArithmetic(
    node.opType,
    inputs,
    () => reader.int("axis", 0),
    () => castTarget(reader),
  );
  if (sizes && domain === "") return [{ sizes }];
  const read: Reader =
    readers.get(`${domain}:${node.opType}`) ??
    fail("unsupported", `the operator ${domain ? `${domain}:` : ""}${node.opType}`.slice(0, 200), {
      hint: "read are the operators this program writes; run the model with onnxruntime directly",
    });
  const outputs = read(reader);
  reader.finish();
  return outputs.map((tensor) => ({ tensor }));
}

function decode(bytes: Uint8Array): DecodedGraph {
  const model = parse(bytes);
  refuseWhatIsNotRead(model);
  const main = model.graph ?? fail("corrupt_file", "the ONNX model has no graph");
  const values = new Map<string, Value>();
  const external = new Map<string, ExternalTensor>();
  const declared: Tensor[] = [];
  const define = (name: string, value: Value) => {
    if (values.has(name)) fail("corrupt_file", `two values are called "${name.slice(0, 200)}"`);
    values.set(name, value);
  };
  for (const t of main.initializer) {
    if (!isExternal(t)) {
      define(t.name, { tensor: constant(storedTensor(t)) });
      continue;
    }
    const place = externalTensor(t);
    external.set(t.name, place);
    define(t.name, { tensor: parameter(t.name, place.shape, place.dtype) });
  }
  for (const info of main.input) {
    // Old files list initialisers among the inputs.
    if (values.has(info.name)) continue;
    const { dtype, shape } = declaredType(info);
    const value = input(info.name, dtype, shape);
    declared.push(value);
    define(info.name, { tensor: value });
  }
  for (const node of main.node) {
    const outputs = readNode(node, values);
    node.output.forEach((name, i) => {
      const value = outputs[i];
      if (name === "") return;
      if (!value) fail("unsupported", `output ${i} of ${node.opType}`);
      define(name, value);
    });
  }
  if (main.output.length === 0) fail("corrupt_file", "the ONNX graph has no outputs");
  const outputs = main.output.map(({ name }): [string, Tensor] => {
    const value = values.get(name) ?? fail("corrupt_file", `nothing makes the output "${name.slice(0, 200)}"`);
    return [name, asTensor(value)];
  });
  const needed = graph(Object.fromEntries(outputs));
  // Inputs of which only the size is used stay: symbols may come from there.
  const inputs = declared.map(({ node }) => node).filter((node) => node.kind === "input");
  const nodes = [...new Set([...inputs, ...needed.nodes])].sort((a, b) => a.id - b.id);
  return { ...needed, inputs, nodes, external };
}

/**
 * Read an ONNX model. Tensors stored in the file become constants; those it points to become parameters, listed in
 * `external`. Operators that are not ours are `unsupported` errors that name them; damaged files, and weights outside
 * the model's folder, are `corrupt_file` errors. Nothing is allocated by a size the file has not the bytes for.
 */
export function decodeOnnx(bytes: Uint8Array): DecodedGraph {
  try {
    return decode(bytes);
  } catch (error) {
    // Operators check the shapes of those who call them; here the caller is the file.
    if (error instanceof ZerothError && error.code !== "wrong_use") throw error;
    const message = error instanceof Error ? error.message : String(error);
    return fail("corrupt_file", `the ONNX model does not fit together: ${message}`, { cause: error });
  }
}
