/** ONNX files: the protobuf around a lowered graph. */
import { create, toBinary } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType as Kind, TensorProto_DataLocation as Location, ModelProtoSchema } from "onnx-buf";
import { dtypes } from "./dtype.ts";
import type { AttributeValue, OnnxInitializer } from "./emit.ts";
import type { OnnxModel, OnnxValue } from "./lower.ts";

/** Operator sets the lowerings are written for. */
export const opset = { onnx: 21, microsoft: 1, ir: 10 } as const;

function attribute(name: string, value: AttributeValue) {
  if ("int" in value) return { name, type: Kind.INT, i: BigInt(value.int) };
  if ("float" in value) return { name, type: Kind.FLOAT, f: value.float };
  if ("ints" in value) return { name, type: Kind.INTS, ints: value.ints.map(BigInt) };
  return { name, type: Kind.STRING, s: new TextEncoder().encode(value.string) };
}

function valueInfo({ name, dtype, shape }: OnnxValue) {
  const dim = shape.map((size) =>
    typeof size === "number"
      ? { value: { case: "dimValue" as const, value: BigInt(size) } }
      : { value: { case: "dimParam" as const, value: size } },
  );
  return {
    name,
    type: { value: { case: "tensorType" as const, value: { elemType: dtypes[dtype].onnx, shape: { dim } } } },
  };
}

function tensor({ name, dtype, shape, data }: OnnxInitializer) {
  const head = { name, dataType: dtypes[dtype].onnx, dims: shape.map(BigInt) };
  if ("bytes" in data) return { ...head, rawData: data.bytes as Uint8Array<ArrayBuffer> };
  const entries = Object.entries({ location: data.location, offset: data.offset, length: data.length });
  return {
    ...head,
    dataLocation: Location.EXTERNAL,
    externalData: entries.map(([key, value]) => ({ key, value: String(value) })),
  };
}

/** A first output that is an empty sequence and no tensor: what a caller uses it for is its own business. */
function emptySequence(name: string) {
  const element = { value: { case: "tensorType" as const, value: { elemType: dtypes.float32.onnx } } };
  return {
    output: { name, type: { value: { case: "sequenceType" as const, value: { elemType: element } } } },
    node: { name, opType: "SequenceEmpty", output: [name] },
  };
}

/**
 * The bytes of a .onnx file. Initialisers with a location point into files beside it.
 * @param empty name of a first output to add that is an empty sequence
 */
export function encodeOnnx(model: OnnxModel, empty?: string): Uint8Array {
  const extra = empty === undefined ? undefined : emptySequence(empty);
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: BigInt(opset.ir),
      producerName: "zeroth",
      opsetImport: [
        { domain: "", version: BigInt(opset.onnx) },
        { domain: "com.microsoft", version: BigInt(opset.microsoft) },
      ],
      graph: {
        name: "zeroth",
        input: model.inputs.map(valueInfo),
        output: [...(extra ? [extra.output] : []), ...model.outputs.map(valueInfo)],
        initializer: model.initializers.map(tensor),
        node: [
          ...(extra ? [extra.node] : []),
          ...model.nodes.map(({ op, domain, inputs, outputs, attributes }, i) => ({
            name: `${op}_${i}`,
            opType: op,
            domain,
            input: [...inputs],
            output: [...outputs],
            attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
          })),
        ],
      },
    }),
  );
}
