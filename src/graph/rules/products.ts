/** Rules of matrix products. */
import { filledArray, zeros } from "../array.ts";
import { elements } from "../dims.ts";
import type { AttributeValue, Emitter, NodeOptions } from "../emit.ts";
import type { Reader } from "../onnx/node-reader.ts";
import * as o from "../operators.ts";
import type { OpNode, Tensor } from "../tensor.ts";
import { unbroadcast } from "./gradients.ts";
import { int, microsoft, names, onnxType } from "./onnx.ts";
import type { Cotangent, Lowering, Rows } from "./row.ts";

/** dA of alpha · op(a) · op(b); the four transpose cases of one product. */
function matmulGradients({ g, x, attributes: { transA, transB, alpha } }: Cotangent<"MatMul">) {
  const [a, b] = x as [Tensor, Tensor];
  const rows = elements(a.shape.slice(0, -1));
  return [
    () =>
      unbroadcast(
        transA ? o.matmul(b, g, { transA: transB, transB: true, alpha }) : o.matmul(g, b, { transB: !transB, alpha }),
        a.shape,
      ),
    () => {
      // A weight shared by all leading axes: one tall product instead of many and a sum.
      const tall = b.shape.length === 2 && a.shape.length > 2 && !transA;
      const left = tall ? o.reshape(a, [rows, a.shape.at(-1)!]) : a;
      const right = tall ? o.reshape(g, [rows, g.shape.at(-1)!]) : g;
      const db = transB
        ? o.matmul(right, left, { transA: true, transB: transA, alpha })
        : o.matmul(left, right, { transA: !transA, alpha });
      return unbroadcast(db, b.shape);
    },
  ];
}

/** A product of these two values with the node's attributes. */
function product(emit: Emitter, node: OpNode<"MatMul">, [a, b]: readonly [string, string], options: NodeOptions) {
  const { transA, transB, alpha } = node.attributes;
  if (!transA && !transB && alpha === 1) return emit.node("MatMul", [a, b], {}, options);
  if (emit.target === "cpu" || emit.target === "cuda" || emit.target === "wasm") {
    const attributes = { transA: int(transA), transB: int(transB), alpha: { float: alpha } };
    return emit.node("FusedMatMul", [a, b], attributes, { ...microsoft, ...options });
  }
  const turn = (name: string, value: Tensor) => {
    const rank = value.shape.length;
    const perm = value.shape.map((_, i) => (i < rank - 2 ? i : i === rank - 2 ? rank - 1 : rank - 2));
    return emit.node("Transpose", [name], { perm: { ints: perm } }, options)[0]!;
  };
  const left = transA ? turn(a, node.inputs[0]!) : a;
  const right = transB ? turn(b, node.inputs[1]!) : b;
  const plain = emit.node("MatMul", [left, right], {}, options);
  if (alpha === 1) return plain;
  const factor = emit.constant(filledArray(node.outputs[0]!.dtype, [], alpha));
  return emit.node("Mul", [plain[0]!, factor], {}, options);
}

/**
 * x wᵀ where x may have no rows and w is stored in another type: w is cast only when there are some, as otherwise
 * every expert of a mixture would be read and written for the few that are used. Without rows none of w is taken, and
 * the product's width is put right.
 */
function matmulMaybeEmptyRows(
  emit: Emitter,
  node: OpNode<"MatMul">,
  stored: string,
  options: NodeOptions,
): readonly string[] {
  const one = (op: string, inputs: readonly string[], attributes: Record<string, AttributeValue> = {}) =>
    emit.node(op, inputs, attributes, options)[0]!;
  const { dtype, shape } = node.outputs[0]!;
  const x = emit.name(node.inputs[0]!);
  const rows = node.inputs[1]!.shape[0] as number;
  const end = one("Mul", [one("Min", [emit.size(shape[0]!), emit.ints([1])]), emit.ints([rows])]);
  const taken = one("Slice", [stored, emit.ints([0]), end, emit.ints([0])]);
  const weight = one("Cast", [taken], { to: onnxType(dtype) });
  const answer = product(emit, node, [x, weight], options)[0]!;
  return [one("Reshape", [answer, emit.shape(shape)], { allowzero: int(1) })];
}

const lowerMatMul: Lowering<"MatMul"> = (emit, node, options) => {
  const { transA, transB } = node.attributes;
  const [a, b] = names(emit, node) as [string, string];
  const { dtype, shape } = node.outputs[0]!;
  const stored = emit.stored(node.inputs[1]!);
  if (stored && transB && !transA && shape.length === 2 && emit.measured(shape[0]!)) {
    return matmulMaybeEmptyRows(emit, node, stored, options);
  }
  // The kernels do not broadcast one matrix against none, and FusedMatMul does not write sums of nothing.
  if (shape.includes(0) || node.inputs[0]!.shape.includes(0)) {
    const zero = emit.constant(zeros(dtype, [1]));
    return emit.node("Expand", [zero, emit.shape(shape)], {}, options);
  }
  return product(emit, node, [a, b], options);
};

const readMatMul =
  (fused: boolean): Reader =>
  (node) => {
    node.fixed("transBatchA", 0);
    node.fixed("transBatchB", 0);
    const transA = fused && node.int("transA", 0) !== 0;
    const transB = fused && node.int("transB", 0) !== 0;
    const alpha = fused ? node.float("alpha", 1) : 1;
    return [o.matmul(node.tensor(0), node.tensor(1), { transA, transB, alpha })];
  };

const rows = {
  MatMul: {
    gradient: matmulGradients,
    lower: lowerMatMul,
    read: { MatMul: readMatMul(false), "com.microsoft:FusedMatMul": readMatMul(true) },
  },
} satisfies Rows;

export default rows;
