/** Composite operators in plain ones, for devices without the fused kernel and for export. */
import {
  add,
  attentionInParts,
  cast,
  concat,
  div,
  equal,
  erf,
  expand,
  gather,
  gatherElements,
  iota,
  logSoftmax,
  matmul,
  mean,
  mod,
  mul,
  neg,
  not,
  reciprocal,
  reshape,
  shiftRight,
  slice,
  splitHeads,
  sqrt,
  square,
  sub,
  tanh,
  where,
} from "./operators.ts";
import type { Attributes, OpName, Tensor } from "./tensor.ts";

export type Composite =
  | "RmsNorm"
  | "LayerNorm"
  | "Gelu"
  | "Attention"
  | "CachedAttention"
  | "MatMulInt8"
  | "MatMulInt4"
  | "SoftmaxCrossEntropy"
  | "OneHot";

type Decomposition<K extends OpName> = (inputs: readonly Tensor[], attributes: Attributes[K]) => readonly Tensor[];

const attention: Decomposition<"Attention"> = (inputs, attributes) => [
  attentionInParts(inputs as [Tensor, Tensor, Tensor, Tensor?], attributes),
];

/** Keeps the whole buffer: the new row goes in by comparison, and the rows in use are picked by their positions. */
const cachedAttention: Decomposition<"CachedAttention"> = (inputs, attributes) => {
  const [q, k, v, pastK, pastV, positions, bias] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const capacity = pastK.shape[2]!;
  const here = reshape(equal(iota(capacity), slice(positions, 0, -1)), [1, 1, capacity, 1]);
  const [nextK, nextV] = [
    where(here, splitHeads(k, attributes.kvHeads), pastK),
    where(here, splitHeads(v, attributes.kvHeads), pastV),
  ];
  const used = (x: Tensor) => gather(x, positions, 2);
  return [...attention([q, used(nextK), used(nextV), bias], attributes), nextK, nextV];
};

const crossEntropy: Decomposition<"SoftmaxCrossEntropy"> = ([logits, labels], { ignore }) => {
  const logProbabilities = logSoftmax(logits!);
  const valid = not(equal(labels!, ignore));
  const place = reshape(where(valid, labels!, 0), [...labels!.shape, 1]);
  const picked = reshape(gatherElements(logProbabilities, place, -1), labels!.shape);
  return [where(valid, neg(picked), 0), logProbabilities];
};

/** Weights in 4 bits as numbers: [out, in / block, block / 2] and scales [out, in / block] to [out, in]. */
export function fromInt4(w: Tensor, scale: Tensor, block: number): Tensor {
  const [out, blocks] = scale.shape as [number, number];
  const halves = [mod(cast(w, "int32"), 16), shiftRight(w, 4)].map((half) =>
    reshape(cast(half, "float32"), [out, blocks, block / 2, 1]),
  );
  const values = reshape(sub(concat(halves, 3), 8), [out, blocks, block]);
  return reshape(mul(values, reshape(scale, [out, blocks, 1])), [out, blocks * block]);
}

export const decompositions: { readonly [K in Composite]: Decomposition<K> } = {
  RmsNorm: ([x, w], { epsilon }) => [mul(mul(x!, reciprocal(sqrt(add(mean(square(x!), [-1], true), epsilon)))), w!)],
  LayerNorm: ([x, w, b], { epsilon }) => {
    const centred = sub(x!, mean(x!, [-1], true));
    const normal = div(centred, sqrt(add(mean(square(centred), [-1], true), epsilon)));
    return [add(mul(normal, w!), b!)];
  },
  Gelu: ([x], { approximate }) => {
    if (approximate === "none") return [mul(mul(x!, 0.5), add(erf(mul(x!, Math.SQRT1_2)), 1))];
    const inner = mul(mul(x!, add(mul(square(x!), 0.044715), 1)), Math.sqrt(2 / Math.PI));
    return [mul(mul(x!, 0.5), add(tanh(inner), 1))];
  },
  Attention: attention,
  CachedAttention: cachedAttention,
  MatMulInt8: ([x, w, scale]) => [mul(matmul(x!, cast(w!, "float32")), scale!)],
  MatMulInt4: ([x, w, scale], { block }) => [matmul(x!, fromInt4(w!, scale!, block), { transB: true })],
  SoftmaxCrossEntropy: crossEntropy,
  OneHot: ([indices], { depth, dtype }) => {
    const shape = [...indices!.shape, 1];
    const column = expand(reshape(indices!, shape), [...indices!.shape, depth]);
    return [cast(equal(column, iota(depth, indices!.dtype)), dtype)];
  },
};
