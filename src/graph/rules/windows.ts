/** Rules of convolutions and pools; their gradients are in convolution-gradients.ts. */
import { fail } from "../../errors.ts";
import type { AttributeValue } from "../emit.ts";
import type { NodeReader, Reader } from "../onnx/node-reader.ts";
import * as o from "../operators.ts";
import type { Attributes } from "../tensor.ts";
import {
  averagePoolGradient,
  convInputGradient,
  convTransposeGradients,
  convWeightGradient,
  maxPoolGradient,
} from "./convolution-gradients.ts";
import { unary } from "./gradients.ts";
import { int, names, written } from "./onnx.ts";
import type { Lowering, Rows } from "./row.ts";

function windowOf(node: NodeReader, rank: number) {
  node.fixed("auto_pad", "NOTSET");
  const ones = Array<number>(rank).fill(1);
  const pads = node.ints("pads") ?? Array<number>(2 * rank).fill(0);
  return { strides: node.ints("strides") ?? ones, pads, dilations: node.ints("dilations") ?? ones };
}

const readConvolution =
  (op: "Conv" | "ConvTranspose"): Reader =>
  (node) => {
    const [x, w, bias] = [node.tensor(0), node.tensor(1), node.optional(2)];
    const window = { ...windowOf(node, x.shape.length - 2), group: node.int("group", 1) };
    const kernel = node.ints("kernel_shape");
    if (kernel && kernel.join() !== w.shape.slice(2).join())
      fail("corrupt_file", `${op}: its kernel is of another shape`);
    const inputs = bias ? [x, w, bias] : [x, w];
    if (op === "Conv") return o.apply(op, inputs, window);
    if (node.ints("output_shape")) fail("unsupported", "a ConvTranspose with output_shape");
    const outputPadding = node.ints("output_padding") ?? window.strides.map(() => 0);
    return o.apply(op, inputs, { ...window, outputPadding });
  };

const readPool =
  (op: "MaxPool" | "AveragePool"): Reader =>
  (node) => {
    const x = node.tensor(0);
    node.fixed("ceil_mode", 0);
    node.fixed("storage_order", 0);
    const { strides, pads, dilations } = windowOf(node, x.shape.length - 2);
    const counted = node.int("count_include_pad", 0) !== 0 || op === "MaxPool" || pads.every((p) => p === 0);
    if (!counted || dilations.some((d) => d !== 1)) fail("unsupported", `${op} with dilations or a varying divisor`);
    const kernel = node.ints("kernel_shape") ?? fail("corrupt_file", `${op} without kernel_shape`);
    return o.apply(op, [x], { kernel, strides, pads });
  };

type Written = Record<string, AttributeValue>;

const convolution = ({ strides, pads, dilations, group }: Attributes["Conv"]): Written => ({
  strides: { ints: strides },
  pads: { ints: pads },
  dilations: { ints: dilations },
  group: int(group),
});

const pool = ({ kernel, strides, pads }: Attributes["MaxPool"]): Written => ({
  kernel_shape: { ints: kernel },
  strides: { ints: strides },
  pads: { ints: pads },
});

/**
 * The engine (1.30, PadFusion) takes a Pad of zeros that stands before a pool into the pool, whose own padding counts as
 * −∞: a maximum of negative values at the border is then no longer 0. What stands between the two keeps them apart.
 */
const lowerMaxPool: Lowering<"MaxPool"> = (emit, node, options) => {
  const source = node.inputs[0]!.node;
  const [x] = names(emit, node) as [string];
  const from = source.kind === "op" && source.op === "Pad" ? emit.node("Max", [x, x])[0]! : x;
  return emit.node("MaxPool", [from], pool(node.attributes), { ...options, outputs: 2 });
};

const rows = {
  Conv: {
    gradient: (c) => [
      () => convInputGradient(c),
      () => convWeightGradient(c),
      () =>
        o.sum(
          c.g,
          c.g.shape.flatMap((_, i) => (i === 1 ? [] : [i])),
        ),
    ],
    lower: written(({ attributes }) => convolution(attributes)),
    read: readConvolution("Conv"),
  },
  ConvTranspose: {
    gradient: convTransposeGradients,
    lower: written(({ attributes }) => ({
      ...convolution(attributes),
      output_padding: { ints: attributes.outputPadding },
    })),
    read: readConvolution("ConvTranspose"),
  },
  MaxPool: {
    gradient: unary(maxPoolGradient),
    lower: lowerMaxPool,
    read: readPool("MaxPool"),
  },
  AveragePool: {
    gradient: unary(averagePoolGradient),
    lower: written(({ attributes }) => ({ ...pool(attributes), count_include_pad: int(1) })),
    read: readPool("AveragePool"),
  },
} satisfies Rows;

export default rows;
