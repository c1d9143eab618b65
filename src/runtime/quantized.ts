/**
 * A graph over quantised weights: products with a quantised matrix become products that take it as it is, and
 * look-ups in it become look-ups of its rows. Models are written once, for numbers; this is where quantised weights come in.
 */
import { fail } from "../errors.ts";
import type { Dim } from "../graph/dims.ts";
import type { Graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { rewrite } from "../graph/passes/rewrite.ts";
import { withoutOwnGradients } from "../graph/passes/simplify.ts";
import { blockValues } from "../graph/rules/blocks.ts";
import { type OpNode, parameter, type Tensor } from "../graph/tensor.ts";
import {
  bitsOfFormat,
  isQuantized,
  layoutOf,
  partNames,
  type QuantizedTensor,
  type Weights,
} from "../weights/weights.ts";

/** The parts of a matrix as parameters of the graph, the same tensors every time. */
interface Parts {
  readonly stored: QuantizedTensor;
  readonly values: Tensor;
  readonly scales: Tensor;
  readonly offsets?: Tensor;
}

/** Weights in a block. */
const blockOf = ({ stored, values }: Parts): number => ((values.shape[2] as number) * 8) / bitsOfFormat(stored.format);

/** x [..., in] by blocks. What is added to every weight of a block is multiplied by the sum of x over the block. */
function blockProduct(x: Tensor, parts: Parts): Tensor {
  const { stored, values, scales, offsets } = parts;
  const [bits, block] = [bitsOfFormat(stored.format), blockOf(parts)];
  const exact = layoutOf(stored.format).values !== "int4" && stored.activations !== "int8";
  const y = o.matmulBlocks(x, values, scales, { bits, block, exact });
  if (!offsets) return y;
  const blocks = offsets.shape[1] as number;
  const sums = o.sum(o.reshape(x, [...x.shape.slice(0, -1), blocks, block]), [-1]);
  return o.add(y, o.matmul(sums, offsets, { transB: true }));
}

/** x [..., in] by the matrix: [out, in] transposed, or [in, out] as it is. */
function product(x: Tensor, parts: Parts): Tensor {
  const { stored, values, scales } = parts;
  const layout = layoutOf(stored.format).values;
  if (layout !== "int8" && layout !== "int8_rows") return blockProduct(x, parts);
  if (layout === "int8") return o.matmulInt8(x, values, scales);
  const rows = o.mul(o.cast(values, "float32"), o.reshape(scales, [scales.shape[0]!, 1]));
  return o.matmul(x, rows, { transB: true });
}

/** x [..., out] by the matrix [out, in] as float32 numbers: [..., in]. */
function backProduct(x: Tensor, parts: Parts, alpha: number): Tensor {
  // Values in 8 bits are laid out [in, out].
  const transB = layoutOf(parts.stored.format).values === "int8";
  return o.matmul(x, numbersOf(parts), { transB, alpha });
}

/** The matrix as float32 numbers, in the layout of its values. */
function numbersOf({ stored, values, scales, offsets }: Parts): Tensor {
  const layout = layoutOf(stored.format).values;
  if (layout === "int8") return o.mul(o.cast(values, "float32"), scales);
  const rows = scales.shape[0]!;
  if (layout === "int8_rows") return o.mul(o.cast(values, "float32"), o.reshape(scales, [rows, 1]));
  const [blocks, block] = [scales.shape[1] as number, blockOf({ stored, values, scales })];
  const each = o.reshape(blockValues(values, bitsOfFormat(stored.format)), [rows, blocks, block]);
  const scaled = o.mul(each, o.reshape(scales, [rows, blocks, 1]));
  const moved = offsets ? o.add(scaled, o.reshape(offsets, [rows, blocks, 1])) : scaled;
  return o.reshape(moved, [rows, blocks * block]);
}

/** Rows of the matrix [out, in] by their numbers, as float32 [...ids, in]. */
function lookUp(ids: Tensor, parts: Parts): Tensor {
  const { stored, values, scales, offsets } = parts;
  if (stored.format === "blocks4" || stored.format === "blocks8") {
    const [blocks, block] = [scales.shape[1] as number, blockOf(parts)];
    const each = (part: Tensor) => o.reshape(o.gather(part, ids), [...ids.shape, blocks, 1]);
    const scaled = o.mul(blockValues(o.gather(values, ids), bitsOfFormat(stored.format)), each(scales));
    const rows: readonly Dim[] = [...ids.shape, blocks * block];
    return o.reshape(offsets ? o.add(scaled, each(offsets)) : scaled, rows);
  }
  const scale = o.reshape(o.gather(scales, ids), [...ids.shape, 1]);
  if (stored.format === "int8_rows") return o.mul(o.cast(o.gather(values, ids), "float32"), scale);
  if (stored.format === "int8") {
    // Rows lie along the second axis: [in, ...ids] has to be turned.
    const turned = o.gather(values, ids, 1);
    const axes = ids.shape.map((_, i) => i + 1);
    return o.mul(o.cast(o.transpose(turned, [...axes, 0]), "float32"), scale);
  }
  return fail("unsupported", `looking up rows of a matrix stored as ${stored.format}`);
}

/** What takes the place of a node that reads a quantised matrix; undefined where nothing can. */
function instead(node: OpNode, inputs: readonly Tensor[], parts: readonly (Parts | undefined)[]) {
  const [left, right] = parts;
  if (node.op === "Gather" && left && (node as OpNode<"Gather">).attributes.axis === 0) return lookUp(inputs[1]!, left);
  if (node.op !== "MatMul") return undefined;
  const { transA, transB, alpha } = (node as OpNode<"MatMul">).attributes;
  const scaled = (y: Tensor) => o.mul(y, alpha);
  const turned = (part: Parts) => layoutOf(part.stored.format).turned;
  if (right && !left && !transA) {
    if (transB !== turned(right)) return scaled(product(inputs[0]!, right));
    // Of what a frozen product is given, the gradient: the matrix the other way round, which no kernel takes as it is.
    return backProduct(inputs[0]!, right, alpha);
  }
  const column = inputs[1]!.shape;
  if (left && !turned(left) && !right && !transA && !transB && column.length === 2 && column[1] === 1) {
    const y = product(o.reshape(inputs[1]!, [1, column[0]!]), left);
    return scaled(o.reshape(y, [y.shape[1]!, 1]));
  }
  return undefined;
}

/**
 * The same graph over the parts of its quantised weights. `trained` parameters are inputs and stay.
 * @throws unsupported where a quantised matrix is read by anything but a product or a look-up
 */
export function quantizedGraph<O extends string>(
  g: Graph<O>,
  weights: Weights,
  trained: (name: string) => boolean,
): Graph<O> {
  const parts = new Map<Tensor, Parts>();
  for (const { name, outputs } of g.parameters) {
    const stored = weights.get(name);
    if (!stored || !isQuantized(stored) || trained(name)) continue;
    if (stored.shape.join() !== outputs[0]!.shape.join()) {
      fail("corrupt_file", `tensor "${name}" is [${stored.shape}], config.json needs [${outputs[0]!.shape}]`, {
        hint: "the two files are from different models",
      });
    }
    const names = partNames(name, stored.format);
    parts.set(outputs[0]!, {
      stored,
      values: parameter(names.values, stored.values.shape, stored.values.dtype),
      scales: parameter(names.scales, stored.scales.shape),
      ...(stored.offsets && { offsets: parameter(names.offsets, stored.offsets.shape) }),
    });
  }
  if (parts.size === 0) return g;
  return rewrite(withoutOwnGradients(g), (node, inputs) => {
    const read = node.inputs.map((value) => parts.get(value));
    if (read.every((part) => part === undefined)) return undefined;
    const y = instead(node, inputs, read);
    return y
      ? [y]
      : fail("unsupported", `${node.op} of a quantised matrix`, { hint: "use the model's unquantised weights" });
  });
}
