/** Rules of products with weights stored in 8 or 4 bits. */
import { fail } from "../../errors.ts";
import type { Reader } from "../onnx/node-reader.ts";
import * as o from "../operators.ts";
import type { Attributes, Tensor } from "../tensor.ts";
import { blockValues } from "./blocks.ts";
import { int, microsoft, names } from "./onnx.ts";
import type { Lowering, Rows } from "./row.ts";

/** Weights in blocks as numbers: [out, in / block, block · bits / 8] and scales [out, in / block] to [out, in]. */
function fromBlocks(w: Tensor, scale: Tensor, { bits, block }: Attributes["MatMulBlocks"]): Tensor {
  const [out, blocks] = scale.shape as [number, number];
  const values = o.reshape(blockValues(w, bits), [out, blocks, block]);
  return o.reshape(o.mul(values, o.reshape(scale, [out, blocks, 1])), [out, blocks * block]);
}

/**
 * Rows in 8 bits by their own largest magnitude, so that a row's result does not depend on its neighbours, times
 * weights in 8 bits. Rows are unsigned around 128 (or 64), which is the fast kernel everywhere. A row of zeros divides
 * zero by zero; whatever whole number that is rounded to, it is multiplied by zero in the end.
 */
const lowerInt8: Lowering<"MatMulInt8"> = (emit, node, options) => {
  const [x, w, scale] = names(emit, node) as [string, string, string];
  const step = emit.constant({ dtype: "float32", shape: [], data: Float32Array.of(1 / emit.levels) });
  const zero = emit.constant({ dtype: "uint8", shape: [], data: Uint8Array.of(emit.levels + 1) });
  const one = (op: string, inputs: readonly string[], attributes = {}) =>
    emit.node(op, inputs, attributes, options)[0]!;
  const most = one("ReduceMax", [one("Abs", [x]), emit.ints([-1])], { keepdims: int(1) });
  const rounded = one("QuantizeLinear", [one("Div", [x, most]), step, zero]);
  const inputs = [rounded, w, step, scale, zero];
  const [product] = emit.node("MatMulIntegerToFloat", inputs, {}, { ...microsoft, ...options });
  return [one("Mul", [product!, most])];
};

const lowerBlocks: Lowering<"MatMulBlocks"> = (emit, node, options) => {
  const { shape } = node.inputs[0]!;
  const [K, N] = [shape.at(-1) as number, node.inputs[1]!.shape[0] as number];
  const { bits, block, exact } = node.attributes;
  // Level 4 rounds x to 8 bits. Without it 4 bits take two to four times as long, and 8 bits are turned to float32 at
  // every run, which takes fifty times as long.
  const fixed = {
    K: int(K),
    N: int(N),
    bits: int(bits),
    block_size: int(block),
    accuracy_level: int(exact ? 0 : 4),
  };
  return emit.node("MatMulNBits", names(emit, node), fixed, { ...microsoft, ...options });
};

/** round(x / scale) + zero within the range of the type, for one scale. */
const quantizeLinear: Reader = (node) => {
  const [scale, zero] = [node.tensor(1), node.tensor(2)];
  if (scale.shape.length > 0) fail("unsupported", "QuantizeLinear with a scale of its own for each row or column");
  if (zero.dtype !== "uint8") fail("unsupported", `QuantizeLinear to ${zero.dtype}`);
  const moved = o.add(o.round(o.div(node.tensor(0), scale)), o.cast(zero, "float32"));
  return [o.cast(o.minimum(o.maximum(moved, 0), 255), "uint8")];
};

const integerProduct: Reader = (node) => {
  const [a, b, scaleA, scaleB, zero] = [0, 1, 2, 3, 4].map((at) => node.tensor(at)) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  if (node.count > 5) fail("unsupported", `MatMulIntegerToFloat with ${node.count} inputs`);
  const [left, moved] = [a, zero].map((x) => o.cast(x, "float32")) as [Tensor, Tensor];
  return [o.mul(o.mul(o.matmul(o.sub(left, moved), o.cast(b, "float32")), scaleA), scaleB)];
};

const inBlocks: Reader = (node) => {
  const bits = node.int("bits", 4);
  if (bits !== 4 && bits !== 8) fail("unsupported", `MatMulNBits of ${bits} bits`);
  const exact = node.int("accuracy_level", 0) !== 4;
  const [x, w, scale] = [0, 1, 2].map((at) => node.tensor(at)) as [Tensor, Tensor, Tensor];
  const block = node.int("block_size", 32);
  const [out, inner] = [node.int("N", 0), node.int("K", 0)];
  const blocks = inner / block;
  if (node.count > 3 || !Number.isInteger(blocks)) fail("unsupported", `MatMulNBits of ${inner} in blocks of ${block}`);
  const [values, scales] = [o.reshape(w, [out, blocks, (block * bits) / 8]), o.reshape(scale, [out, blocks])];
  return [o.matmulBlocks(x, values, scales, { bits, block, exact })];
};

const rows = {
  MatMulInt8: {
    gradient: ({ g, x: [, w, scale] }) => [
      () => o.matmul(o.mul(g, scale!), o.cast(w!, "float32"), { transB: true }),
      null,
      null,
    ],
    fused: { on: ["cpu", "wasm"], lower: lowerInt8 },
    decompose: ([x, w, scale]) => [o.mul(o.matmul(x!, o.cast(w!, "float32")), scale!)],
    read: { QuantizeLinear: quantizeLinear, "com.microsoft:MatMulIntegerToFloat": integerProduct },
  },
  MatMulBlocks: {
    gradient: ({ g, x: [, w, scale], attributes }) => [
      () => o.matmul(g, fromBlocks(w!, scale!, attributes)),
      null,
      null,
    ],
    // The web engine's kernel takes fifteen times as long as its product in fp32: it unfolds the weights as it opens.
    fused: { on: ["cpu"], lower: lowerBlocks },
    decompose: ([x, w, scale], attributes) => [o.matmul(x!, fromBlocks(w!, scale!, attributes), { transB: true })],
    read: { "com.microsoft:MatMulNBits": inBlocks },
  },
} satisfies Rows;

export default rows;
