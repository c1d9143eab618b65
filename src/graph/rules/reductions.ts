/** Rules of the operators along axes. */
import { elements } from "../dims.ts";
import type { Emitter, NodeOptions } from "../emit.ts";
import type { NodeReader } from "../onnx/node-reader.ts";
import * as o from "../operators.ts";
import type { OpNode, Tensor } from "../tensor.ts";
import { keepAxes, none, unary, zero } from "./gradients.ts";
import { int, names, written } from "./onnx.ts";
import type { Cotangent, Rows } from "./row.ts";

type Reduction = "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin";

/** Elements that tie for the extreme share the gradient evenly, as PyTorch's amax has it. */
function extreme(c: Cotangent<"ReduceMax" | "ReduceMin">): Tensor {
  const { axes } = c.attributes;
  const x = c.x[0]!;
  const hit = o.cast(o.equal(x, keepAxes(c.y[0]!, x.shape, axes)), x.dtype);
  return o.mul(o.div(hit, o.sum(hit, axes, true)), keepAxes(c.g, x.shape, axes));
}

const reduce = {
  lower: (emit: Emitter, node: OpNode<Reduction>, options: NodeOptions) => {
    const { axes, keepdims } = node.attributes;
    return emit.node(node.op, [...names(emit, node), emit.ints(axes)], { keepdims: int(keepdims) }, options);
  },
  read: (node: NodeReader): readonly Tensor[] => {
    node.fixed("noop_with_empty_axes", 0);
    const x = node.tensor(0);
    const given = node.ints("axes") ?? (node.optional(1) ? node.numbers(1) : []);
    const axes =
      given.length > 0 ? given.map((axis) => (axis < 0 ? axis + x.shape.length : axis)) : x.shape.map((_, i) => i);
    const keepdims = node.int("keepdims", 1) !== 0;
    return axes.length === 0 ? [x] : o.apply(node.op as Reduction, [x], { axes, keepdims });
  },
};

const rows = {
  ReduceSum: {
    ...reduce,
    gradient: unary(({ g, x, attributes: { axes } }) => o.expand(keepAxes(g, x[0]!.shape, axes), x[0]!.shape)),
  },
  ReduceMean: {
    ...reduce,
    gradient: unary(({ g, x, attributes: { axes } }) => {
      const count = elements(axes.map((axis) => x[0]!.shape[axis]!));
      const share = o.div(g, o.sizeValue(count, g.dtype));
      return o.expand(keepAxes(share, x[0]!.shape, axes), x[0]!.shape);
    }),
  },
  ReduceMax: { ...reduce, gradient: unary(extreme) },
  ReduceMin: { ...reduce, gradient: unary(extreme) },
  ArgMax: {
    gradient: none,
    lower: written(({ attributes: { axis, keepdims } }) => ({ axis: int(axis), keepdims: int(keepdims) })),
    read: (node) => {
      node.fixed("select_last_index", 0);
      return [o.argmax(node.tensor(0), node.int("axis", 0), node.int("keepdims", 1) !== 0)];
    },
  },
  TopK: {
    gradient: ({ gs, x: [x], y, attributes: { axis } }) => [
      () => (gs[0] ? o.scatterAdd(zero(x!), y[1]!, gs[0], axis) : zero(x!)),
    ],
    lower: (emit, node, options) => {
      const { axis, k } = node.attributes;
      return emit.node("TopK", [...names(emit, node), emit.ints([k])], { axis: int(axis) }, { ...options, outputs: 2 });
    },
    read: (node) => {
      node.fixed("largest", 1);
      node.fixed("sorted", 1);
      return o.topK(node.tensor(0), node.numbers(1)[0]!, node.int("axis", -1));
    },
  },
  CumSum: {
    gradient: unary(({ g, attributes: { axis, reverse, exclusive } }) =>
      o.cumsum(g, axis, { reverse: !reverse, exclusive }),
    ),
    lower: (emit, node, options) => {
      const { axis, reverse, exclusive } = node.attributes;
      const inputs = [...names(emit, node), emit.scalar(axis)];
      return emit.node("CumSum", inputs, { reverse: int(reverse), exclusive: int(exclusive) }, options);
    },
    read: (node) => {
      const options = { reverse: node.int("reverse", 0) !== 0, exclusive: node.int("exclusive", 0) !== 0 };
      return [o.cumsum(node.tensor(0), node.numbers(1)[0]!, options)];
    },
  },
} satisfies Rows;

export default rows;
