/** Rules of the operators that move elements. */
import { fail } from "../../errors.ts";
import { type Dim, divideDims, elements, type Shape, showShape, subDims } from "../dims.ts";
import { reshapeArgument } from "../emit.ts";
import { isFlip, sliceRange } from "../kinds/slices.ts";
import type { NodeReader } from "../onnx/node-reader.ts";
import * as o from "../operators.ts";
import type { Tensor } from "../tensor.ts";
import { unary, unbroadcast, zero } from "./gradients.ts";
import { axisOf, int, names, tensors, written } from "./onnx.ts";
import type { Cotangent, Lowering, Rows } from "./row.ts";

/** Zeros around a gradient, along one axis, where the sizes may be symbols. */
function place(g: Tensor, axis: number, before: Dim, after: Dim): Tensor {
  const zeros = (size: Dim) =>
    size === 0
      ? []
      : [
          o.filled(
            g.dtype,
            0,
            g.shape.map((d, i) => (i === axis ? size : d)),
          ),
        ];
  return o.concat([...zeros(before), g, ...zeros(after)], axis);
}

function sliceGradient({ g, x: [x], attributes }: Cotangent<"Slice">): Tensor {
  const { axis, start, step } = attributes;
  const dim = x!.shape[axis]!;
  if (isFlip(attributes)) return o.flip(g, axis);
  if (step !== 1) {
    if (typeof dim !== "number") fail("unsupported", "the gradient of a strided slice of symbolic size");
    const index = o.add(o.mul(o.iota(g.shape[axis]!), step), sliceRange(dim, attributes).first);
    const column: Shape = g.shape.map((d, i) => (i === axis ? d : 1));
    return o.scatterAdd(zero(x!), o.expand(o.reshape(index, column), g.shape), g, axis);
  }
  const before = typeof dim === "number" ? sliceRange(dim, attributes).first : start < 0 ? subDims(dim, -start) : start;
  return place(g, axis, before, subDims(subDims(dim, before), g.shape[axis]!));
}

const lowerSlice: Lowering<"Slice"> = (emit, node, options) => {
  const { axis, start, end, step } = node.attributes;
  const stop = Number.isFinite(end) ? end : Math.sign(end) * (2 ** 31 - 1);
  const bounds = [[start], [stop], [axis], [step]].map((values) => emit.ints(values));
  return emit.node("Slice", [...names(emit, node), ...bounds], {}, options);
};

/** Zero copies a size, −1 is worked out, unless zeros are allowed. */
function readReshape(node: NodeReader): Tensor[] {
  const x = node.tensor(0);
  const allowZero = node.int("allowzero", 0) !== 0;
  const shape = node.dims(1).map((dim, i): Dim => (dim === 0 && !allowZero ? (x.shape[i] ?? 0) : dim));
  const open = shape.indexOf(-1);
  if (open >= 0) {
    const rest = elements(shape.filter((_, i) => i !== open));
    const solved = rest === 0 ? 0 : divideDims(elements(x.shape), rest);
    if (solved === undefined) fail("unsupported", `Reshape of ${showShape(x.shape)} to ${showShape(shape)}`);
    shape[open] = solved;
  }
  return [o.reshape(x, shape)];
}

function readSlice(node: NodeReader): Tensor[] {
  const [starts, ends] = [node.numbers(1), node.numbers(2)];
  const axes = node.optional(3) ? node.numbers(3) : starts.map((_, i) => i);
  const steps = node.optional(4) ? node.numbers(4) : starts.map(() => 1);
  return [
    starts.reduce((x, start, i) => {
      const end = ends[i]!;
      return o.slice(x, axes[i]!, start, Math.abs(end) >= 2 ** 31 - 1 ? end * Infinity : end, steps[i]!);
    }, node.tensor(0)),
  ];
}

function readPad(node: NodeReader): Tensor[] {
  node.fixed("mode", "constant");
  const value = node.optional(2);
  const zero = !value || (value.node.kind === "constant" && Number(value.node.value.data[0]) === 0);
  if (!zero || node.optional(3)) fail("unsupported", "a Pad with a value other than 0, or over chosen axes");
  const pads = node.numbers(1);
  return [o.pad(node.tensor(0), pads.slice(0, pads.length / 2), pads.slice(pads.length / 2))];
}

function readSplit(node: NodeReader): readonly Tensor[] {
  const x = node.tensor(0);
  const axis = axisOf(node, x.shape.length, 0);
  if (node.optional(1)) return o.apply("Split", [x], { axis, sizes: node.dims(1) });
  const parts = node.int("num_outputs", node.outputs);
  const size = x.shape[axis];
  if (typeof size !== "number" || size % parts !== 0) fail("unsupported", `a Split of ${size} into ${parts}`);
  return o.apply("Split", [x], { axis, sizes: Array(parts).fill(size / parts) });
}

const rows = {
  Reshape: {
    gradient: unary(({ g, x }) => o.reshape(g, x[0]!.shape)),
    lower: (emit, node, options) => {
      const shape = reshapeArgument(emit, node.inputs[0]!.shape, node.attributes.shape);
      const zero = node.attributes.shape.includes(0) ? { allowzero: int(1) } : {};
      return emit.node("Reshape", [...names(emit, node), shape], zero, options);
    },
    read: readReshape,
  },
  Transpose: {
    gradient: unary(({ g, attributes: { perm } }) =>
      o.transpose(
        g,
        perm.map((_, i) => perm.indexOf(i)),
      ),
    ),
    lower: written(({ attributes }) => ({ perm: { ints: attributes.perm } })),
    read: (node) => {
      const x = node.tensor(0);
      return [o.transpose(x, node.ints("perm") ?? x.shape.map((_, i) => x.shape.length - 1 - i))];
    },
  },
  Expand: {
    gradient: unary(({ g, x }) => unbroadcast(g, x[0]!.shape)),
    lower: (emit, node, options) =>
      emit.node("Expand", [...names(emit, node), emit.shape(node.attributes.shape)], {}, options),
    read: (node) => o.apply("Expand", [node.tensor(0)], { shape: node.dims(1) }),
  },
  Concat: {
    gradient: ({ g, x, attributes: { axis } }) => {
      const parts = o.split(
        g,
        axis,
        x.map(({ shape }) => shape[axis]!),
      );
      return x.map((_, i) => () => parts[i]!);
    },
    lower: written(({ attributes }) => ({ axis: int(attributes.axis) })),
    read: (node) => [o.concat(tensors(node, node.count), node.int("axis", 0))],
  },
  Slice: { gradient: unary(sliceGradient), lower: lowerSlice, read: readSlice },
  Pad: {
    gradient: unary(({ g, x, attributes: { begin } }) =>
      begin.reduce((part, start, axis) => {
        const dim = x[0]!.shape[axis]!;
        if (part.shape[axis] === dim) return part;
        const after = subDims(subDims(part.shape[axis]!, start), dim) as number;
        return o.slice(part, axis, start, after === 0 ? Infinity : -after);
      }, g),
    ),
    lower: (emit, node, options) => {
      const { begin, end } = node.attributes;
      return emit.node("Pad", [...names(emit, node), emit.ints([...begin, ...end])], {}, options);
    },
    read: readPad,
  },
  Split: {
    gradient: ({ gs, y, attributes: { axis } }) => [
      () =>
        o.concat(
          gs.map((g, i) => g ?? zero(y[i]!)),
          axis,
        ),
    ],
    lower: (emit, node, options) => {
      const { axis, sizes } = node.attributes;
      const inputs = [...names(emit, node), emit.shape(sizes)];
      return emit.node("Split", inputs, { axis: int(axis) }, { ...options, outputs: sizes.length });
    },
    read: readSplit,
  },
} satisfies Rows;

export default rows;
