/** Two graphs as the branches of one If over the same weights: the layout of a decoder in transformers.js. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  NodeProtoSchema,
} from "onnx-buf";
import type { OnnxModel, OnnxValue } from "../graph/lower.ts";
import { encodeOnnx } from "../graph/onnx.ts";

export interface Branches {
  /** Taken where the bool `condition` is true, and where it is not. */
  readonly condition: string;
  readonly whenTrue: OnnxModel;
  readonly whenFalse: OnnxModel;
  /** Inputs of either branch. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** What a branch hands out for an output it does not compute: nothing, in this shape. */
  readonly empty: readonly number[];
}

/** The file of the merged graph; outputs are in the order of the second branch. */
export function mergedGraphs({ condition, whenTrue, whenFalse, inputs, outputs, empty }: Branches): Uint8Array {
  const names = whenFalse.outputs.map(({ name }) => name);
  const shared = new Map([...whenFalse.initializers, ...whenTrue.initializers].map((value) => [value.name, value]));
  const isWeight = (name: string) => "location" in (shared.get(name)?.data ?? {});
  const branch = (model: OnnxModel, title: string) => {
    const own = model.initializers.filter(({ name }) => !isWeight(name));
    const proto = fromBinary(ModelProtoSchema, encodeOnnx({ ...model, inputs: [], initializers: own })).graph!;
    const made = new Set(proto.output.map(({ name }) => name));
    const absent = names.filter((name) => !made.has(name));
    const value = { dtype: "float32", shape: empty } as const;
    const constants = encodeOnnx({
      inputs: [],
      outputs: absent.map((name) => ({ name, ...value })),
      initializers: [{ name: "nothing", ...value, data: { bytes: new Uint8Array(0) } }],
      nodes: absent.map((name) => ({
        op: "Identity",
        domain: "",
        inputs: ["nothing"],
        outputs: [name],
        attributes: {},
      })),
    });
    const extra = absent.length > 0 ? fromBinary(ModelProtoSchema, constants).graph! : undefined;
    const all = [...proto.output, ...(extra?.output ?? [])];
    return create(GraphProtoSchema, {
      name: title,
      node: [...proto.node, ...(extra?.node ?? [])],
      initializer: [...proto.initializer, ...(extra?.initializer ?? [])],
      output: names.map((name) => all.find((output) => output.name === name)!),
    });
  };
  const outer = encodeOnnx({
    inputs: [...inputs, { name: condition, dtype: "bool", shape: [1] }],
    outputs,
    initializers: [...shared.values()].filter(({ name }) => isWeight(name)),
    nodes: [],
  });
  const proto = fromBinary(ModelProtoSchema, outer);
  const attribute = (name: string, g: ReturnType<typeof branch>) =>
    create(AttributeProtoSchema, { name, type: Kind.GRAPH, g });
  proto.graph!.node = [
    create(NodeProtoSchema, {
      name: "merged",
      opType: "If",
      input: [condition],
      output: names,
      attribute: [
        attribute("then_branch", branch(whenTrue, "cached")),
        attribute("else_branch", branch(whenFalse, "first")),
      ],
    }),
  ];
  return toBinary(ModelProtoSchema, proto);
}
