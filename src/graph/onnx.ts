/**
 * ONNX files: the protobuf around a lowered graph. Written field by field: every model that opens is written once, and
 * setting up the whole schema first took longer than that (onnx.proto3 of ONNX 1.20 has the numbers).
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { dtypes } from "./dtype.ts";
import type { AttributeValue, OnnxInitializer, OnnxNode } from "./emit.ts";
import type { OnnxModel, OnnxValue } from "./lower.ts";

/** Operator sets the lowerings are written for. */
export const opset = { onnx: 21, microsoft: 1, ir: 10 } as const;

/** The numbers of the fields, by message. */
const fields = {
  model: { irVersion: 1, producerName: 2, graph: 7, opsetImport: 8 },
  opset: { domain: 1, version: 2 },
  graph: { node: 1, name: 2, initializer: 5, input: 11, output: 12 },
  node: { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 },
  attribute: { name: 1, f: 2, i: 3, s: 4, ints: 8, type: 20 },
  value: { name: 1, type: 2 },
  type: { tensor: 1, sequence: 4 },
  tensorType: { elemType: 1, shape: 2 },
  sequenceType: { elemType: 1 },
  shape: { dim: 1 },
  dim: { value: 1, param: 2 },
  tensor: { dims: 1, dataType: 2, name: 8, rawData: 9, externalData: 13, dataLocation: 14 },
  entry: { key: 1, value: 2 },
} as const;

/** Numbers of attribute types and of where a tensor's data is. */
const kinds = { float: 1, int: 2, string: 3, ints: 7 } as const;
const external = 1;

type Write = (to: BinaryWriter) => void;

const text = (to: BinaryWriter, field: number, value: string) => to.tag(field, WireType.LengthDelimited).string(value);
const number = (to: BinaryWriter, field: number, value: number) => to.tag(field, WireType.Varint).int64(value);

function message(to: BinaryWriter, field: number, write: Write): void {
  to.tag(field, WireType.LengthDelimited).fork();
  write(to);
  to.join();
}

function numbers(to: BinaryWriter, field: number, values: readonly number[]): void {
  if (values.length === 0) return;
  message(to, field, () => {
    for (const value of values) to.int64(value);
  });
}

const attribute =
  (name: string, value: AttributeValue): Write =>
  (to) => {
    const { attribute: at } = fields;
    text(to, at.name, name);
    if ("int" in value) number(to, at.i, value.int);
    else if ("float" in value) to.tag(at.f, WireType.Bit32).float(value.float);
    else if ("ints" in value) numbers(to, at.ints, value.ints);
    else text(to, at.s, value.string);
    number(to, at.type, kinds[Object.keys(value)[0] as keyof typeof kinds]);
  };

const node =
  ({ op, domain, inputs, outputs, attributes }: Omit<OnnxNode, "recomputed">, name: string): Write =>
  (to) => {
    for (const input of inputs) text(to, fields.node.input, input);
    for (const output of outputs) text(to, fields.node.output, output);
    text(to, fields.node.name, name);
    text(to, fields.node.opType, op);
    for (const [key, value] of Object.entries(attributes)) message(to, fields.node.attribute, attribute(key, value));
    if (domain) text(to, fields.node.domain, domain);
  };

const valueInfo =
  ({ name, dtype, shape }: OnnxValue): Write =>
  (to) => {
    text(to, fields.value.name, name);
    message(to, fields.value.type, () =>
      message(to, fields.type.tensor, () => {
        number(to, fields.tensorType.elemType, dtypes[dtype].onnx);
        message(to, fields.tensorType.shape, () => {
          for (const size of shape) {
            message(to, fields.shape.dim, () => {
              if (typeof size === "number") number(to, fields.dim.value, size);
              else text(to, fields.dim.param, size);
            });
          }
        });
      }),
    );
  };

const tensor =
  ({ name, dtype, shape, data }: OnnxInitializer): Write =>
  (to) => {
    numbers(to, fields.tensor.dims, shape);
    number(to, fields.tensor.dataType, dtypes[dtype].onnx);
    text(to, fields.tensor.name, name);
    if ("bytes" in data) {
      to.tag(fields.tensor.rawData, WireType.LengthDelimited).bytes(data.bytes);
      return;
    }
    for (const [key, value] of Object.entries({ location: data.location, offset: data.offset, length: data.length })) {
      message(to, fields.tensor.externalData, () => {
        text(to, fields.entry.key, key);
        text(to, fields.entry.value, String(value));
      });
    }
    number(to, fields.tensor.dataLocation, external);
  };

/** A first output that is an empty sequence and no tensor: what a caller uses it for is its own business. */
const emptySequence =
  (name: string): Write =>
  (to) => {
    text(to, fields.value.name, name);
    message(to, fields.value.type, () =>
      message(to, fields.type.sequence, () =>
        message(to, fields.sequenceType.elemType, () =>
          message(to, fields.type.tensor, () => number(to, fields.tensorType.elemType, dtypes.float32.onnx)),
        ),
      ),
    );
  };

/**
 * The bytes of a .onnx file. Initialisers with a location point into files beside it.
 * @param empty name of a first output to add that is an empty sequence
 */
export function encodeOnnx(model: OnnxModel, empty?: string): Uint8Array {
  const { graph: at } = fields;
  const to = new BinaryWriter();
  number(to, fields.model.irVersion, opset.ir);
  text(to, fields.model.producerName, "zeroth");
  message(to, fields.model.graph, () => {
    if (empty !== undefined) {
      const made = { op: "SequenceEmpty", domain: "", inputs: [], outputs: [empty], attributes: {} };
      message(to, at.node, node(made, empty));
    }
    model.nodes.forEach((one, i) => {
      message(to, at.node, node(one, `${one.op}_${i}`));
    });
    text(to, at.name, "zeroth");
    for (const one of model.initializers) message(to, at.initializer, tensor(one));
    for (const one of model.inputs) message(to, at.input, valueInfo(one));
    if (empty !== undefined) message(to, at.output, emptySequence(empty));
    for (const one of model.outputs) message(to, at.output, valueInfo(one));
  });
  for (const [domain, version] of Object.entries({ "": opset.onnx, "com.microsoft": opset.microsoft })) {
    message(to, fields.model.opsetImport, () => {
      text(to, fields.opset.domain, domain);
      number(to, fields.opset.version, version);
    });
  }
  return to.finish();
}
