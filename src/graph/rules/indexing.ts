/** Rules of look-ups and of adding back to where they looked. */
import { fail } from "../../errors.ts";
import { filledArray, zeros } from "../array.ts";
import { type Dim, elements, type Shape } from "../dims.ts";
import type { NodeReader } from "../onnx/node-reader.ts";
import * as o from "../operators.ts";
import type { Tensor } from "../tensor.ts";
import { none, zero } from "./gradients.ts";
import { int, names, plain, written } from "./onnx.ts";
import type { Cotangent, KernelLowering, Rows } from "./row.ts";

/** Gather's gradient: rows added back where they came from, repeated indices summed. */
function gatherGradient({ g, x: [data, indices], attributes: { axis } }: Cotangent<"Gather">): Tensor {
  const count = elements(indices!.shape);
  const shape: Shape = [...data!.shape.slice(0, axis), count, ...data!.shape.slice(axis + 1)];
  const column: Shape = shape.map((_, i): Dim => (i === axis ? count : 1));
  const places = o.expand(o.reshape(indices!, column), shape);
  return o.scatterAdd(zero(data!), places, o.reshape(g, shape), axis);
}

function readOneHot(node: NodeReader): Tensor[] {
  const indices = node.tensor(0);
  const [depth] = node.numbers(1);
  const values = node.tensor(2);
  const data = values.node.kind === "constant" ? Array.from(values.node.value.data as ArrayLike<number>, Number) : [];
  const last = [-1, indices.shape.length].includes(node.int("axis", -1));
  if (!last || data.length !== 2 || data[0] !== 0 || data[1] !== 1) {
    fail("unsupported", "a OneHot with values other than 0 and 1 or off the last axis");
  }
  return [o.oneHot(indices, depth!, values.dtype)];
}

const lowerOneHot: KernelLowering<"OneHot"> = (emit, node, options) => {
  const { depth, dtype } = node.attributes;
  // ONNX has no one-hot of a single index.
  if (node.inputs[0]!.shape.length === 0) return undefined;
  const values = filledArray(dtype, [2], 1);
  values.data.set(zeros(dtype, [1]).data as never);
  const ends = emit.constant(values);
  return emit.node("OneHot", [...names(emit, node), emit.ints([depth]), ends], { axis: int(-1) }, options);
};

const rows = {
  Gather: {
    gradient: (c) => [() => gatherGradient(c), null],
    lower: written(({ attributes }) => ({ axis: int(attributes.axis) })),
    read: (node) => [o.gather(node.tensor(0), node.tensor(1), node.int("axis", 0))],
  },
  GatherElements: {
    gradient: ({ g, x: [x, indices], attributes: { axis } }) => [() => o.scatterAdd(zero(x!), indices!, g, axis), null],
    lower: written(({ attributes }) => ({ axis: int(attributes.axis) })),
    read: (node) => [o.gatherElements(node.tensor(0), node.tensor(1), node.int("axis", 0))],
  },
  ScatterAdd: {
    gradient: ({ g, x: [, indices], attributes: { axis } }) => [
      () => g,
      null,
      () => o.gatherElements(g, indices!, axis),
    ],
    // ScatterND loses updates at repeated indices on two threads; ScatterElements was exact.
    lower: (emit, node, options) => {
      const attributes = { axis: int(node.attributes.axis), reduction: { string: "add" } };
      return emit.node("ScatterElements", names(emit, node), attributes, options);
    },
    read: {
      ScatterElements: (node) => {
        node.fixed("reduction", "add");
        return [o.scatterAdd(node.tensor(0), node.tensor(1), node.tensor(2), node.int("axis", 0))];
      },
    },
  },
  NonZero: {
    gradient: none,
    lower: (emit, node, options) => {
      const made = plain(1).lower(emit, node, options);
      const { count } = node.attributes;
      if (typeof count === "string") emit.measure(count, made[0]!, 1);
      return made;
    },
    read: (node) => {
      const x = node.tensor(0);
      return [o.nonZero(x, `nonzero_${x.node.id}_${x.index}`)];
    },
  },
  OneHot: {
    gradient: none,
    fused: { on: ["cpu", "cuda", "wasm", "onnx"], lower: lowerOneHot },
    decompose: ([indices], { depth, dtype }) => {
      const shape = [...indices!.shape, 1];
      const column = o.expand(o.reshape(indices!, shape), [...indices!.shape, depth]);
      return [o.cast(o.equal(column, o.iota(depth, indices!.dtype)), dtype)];
    },
    read: readOneHot,
  },
} satisfies Rows;

export default rows;
