/** What writing to and reading from ONNX share. */
import { fail } from "../../errors.ts";
import { type DType, dtypeOfOnnx, dtypes } from "../dtype.ts";
import type { AttributeValue, Emitter, NodeOptions } from "../emit.ts";
import type { NodeReader } from "../onnx/node-reader.ts";
import { apply } from "../operators.ts";
import type { Attributes, None, OpName, OpNode, Tensor } from "../tensor.ts";

export const microsoft = { domain: "com.microsoft" };
export const int = (value: number | boolean): AttributeValue => ({ int: Number(value) });
export const names = (emit: Emitter, node: OpNode) => node.inputs.map((value) => emit.name(value));
export const onnxType = (dtype: DType): AttributeValue => int(dtypes[dtype].onnx);

/** The ONNX operator of the same name with these attributes. */
export const written =
  <K extends OpName>(attributes: (node: OpNode<K>) => Record<string, AttributeValue>, outputs = 1) =>
  (emit: Emitter, node: OpNode<K>, options: NodeOptions) =>
    emit.node(node.op, names(emit, node), attributes(node), { ...options, outputs });

/** An operator that is ONNX's of the same name, with as many inputs and no attributes. */
export const plain = (inputs: number) => ({
  lower: (emit: Emitter, node: OpNode, options: NodeOptions) => emit.node(node.op, names(emit, node), {}, options),
  read: (node: NodeReader) => {
    if (node.count !== inputs) fail("unsupported", `${node.op} with ${node.count} inputs`);
    return apply(node.op as Plain, tensors(node, inputs), {});
  },
});

type Plain = { [K in OpName]: Attributes[K] extends None ? K : never }[OpName];

/** The first inputs of a node that is read. */
export const tensors = (node: NodeReader, count: number): Tensor[] =>
  Array.from({ length: count }, (_, i) => node.tensor(i));

/** The attribute `axis` as a position from 0. */
export function axisOf(node: NodeReader, rank: number, otherwise: number): number {
  const axis = node.int("axis", otherwise);
  return axis < 0 ? axis + rank : axis;
}

/** The type a Cast casts to. */
export function castTarget(node: Pick<NodeReader, "int">): DType {
  const code = node.int("to", 0);
  return dtypeOfOnnx(code) ?? fail("unsupported", `a Cast to the ONNX data type ${code}`);
}
