/**
 * One vector-Jacobian product per operator, written in operators, so gradients have gradients. A rule returns one
 * entry per input: null where no derivative exists, else a function called only if that input's gradient is wanted.
 */
import { fail } from "../errors.ts";
import {
  averagePoolGradient,
  convInputGradient,
  convTransposeGradients,
  convWeightGradient,
  maxPoolGradient,
} from "./convolution-gradients.ts";
import { fromInt4 } from "./decompose.ts";
import { type Dim, elements, type Shape, sameShape, showShape, subDims } from "./dims.ts";
import { isFlip, sliceRange } from "./infer.ts";
import * as o from "./operators.ts";
import type { Cotangent, Rule } from "./rule.ts";
import type { OpName, Tensor } from "./tensor.ts";

/** Sum a gradient over the axes along which its operand was broadcast. */
export function unbroadcast(g: Tensor, shape: Shape): Tensor {
  if (sameShape(g.shape, shape)) return g;
  const lead = g.shape.length - shape.length;
  const axes = g.shape.flatMap((dim, i) => (i < lead || shape[i - lead] !== dim ? [i] : []));
  return o.reshape(o.sum(g, axes, true), shape);
}

const none = (): null[] => [];
const unary =
  <K extends OpName>(rule: (c: Cotangent<K>) => Tensor): Rule<K> =>
  (c) => [() => rule(c)];

/** Both operands of a broadcasting operator, their gradients in the output's shape. */
const binary =
  <K extends OpName>(left: (c: Cotangent<K>) => Tensor, right: (c: Cotangent<K>) => Tensor): Rule<K> =>
  (c) => [() => unbroadcast(left(c), c.x[0]!.shape), () => unbroadcast(right(c), c.x[1]!.shape)];

const zero = (like: Tensor) => o.filled(like.dtype, 0, like.shape);
const masked = (condition: Tensor, g: Tensor) => o.where(condition, g, 0);

/** Put back reduced axes as ones. */
function keepAxes(g: Tensor, shape: Shape, axes: readonly number[]): Tensor {
  return o.reshape(
    g,
    shape.map((dim, i): Dim => (axes.includes(i) ? 1 : dim)),
  );
}

/** Elements that tie for the extreme share the gradient evenly, as PyTorch's amax has it. */
function extreme(c: Cotangent<"ReduceMax" | "ReduceMin">): Tensor {
  const { axes } = c.attributes;
  const x = c.x[0]!;
  const hit = o.cast(o.equal(x, keepAxes(c.y[0]!, x.shape, axes)), x.dtype);
  return o.mul(o.div(hit, o.sum(hit, axes, true)), keepAxes(c.g, x.shape, axes));
}

/** Gather's gradient: rows added back where they came from, repeated indices summed. */
function gatherGradient({ g, x: [data, indices], attributes: { axis } }: Cotangent<"Gather">): Tensor {
  const count = elements(indices!.shape);
  const shape: Shape = [...data!.shape.slice(0, axis), count, ...data!.shape.slice(axis + 1)];
  const column: Shape = shape.map((_, i): Dim => (i === axis ? count : 1));
  const places = o.expand(o.reshape(indices!, column), shape);
  return o.scatterAdd(zero(data!), places, o.reshape(g, shape), axis);
}

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

/** softmax: p ⊙ (g − Σ p ⊙ g). */
function softmaxGradient(p: Tensor, g: Tensor, axis: number): Tensor {
  const t = o.mul(p, g);
  return o.sub(t, o.mul(p, o.sum(t, [axis], true)));
}

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

/** RMS norm: with r = 1/sqrt(mean x² + ε), x̂ = x r, h = g ⊙ w: dx = r (h − x̂ mean(h ⊙ x̂)), dw = Σ g ⊙ x̂. */
function rmsNormGradients({ g, x: [x, w], attributes: { epsilon } }: Cotangent<"RmsNorm">) {
  const r = o.reciprocal(o.sqrt(o.add(o.mean(o.square(x!), [-1], true), epsilon)));
  const normal = o.mul(x!, r);
  return [
    () => {
      const h = o.mul(g, w!);
      return o.mul(r, o.sub(h, o.mul(normal, o.mean(o.mul(h, normal), [-1], true))));
    },
    () => unbroadcast(o.mul(g, normal), w!.shape),
  ];
}

/** Layer norm: with x̂ = (x − μ) ι, h = g ⊙ w: dx = ι (h − mean h − x̂ mean(h ⊙ x̂)), dw = Σ g ⊙ x̂, db = Σ g. */
function layerNormGradients({ g, x: [x, w, b], attributes: { epsilon } }: Cotangent<"LayerNorm">) {
  const centred = o.sub(x!, o.mean(x!, [-1], true));
  const inverse = o.reciprocal(o.sqrt(o.add(o.mean(o.square(centred), [-1], true), epsilon)));
  const normal = o.mul(centred, inverse);
  return [
    () => {
      const h = o.mul(g, w!);
      const inner = o.sub(o.sub(h, o.mean(h, [-1], true)), o.mul(normal, o.mean(o.mul(h, normal), [-1], true)));
      return o.mul(inverse, inner);
    },
    () => unbroadcast(o.mul(g, normal), w!.shape),
    () => unbroadcast(g, b!.shape),
  ];
}

function geluGradient({ g, x: [x], attributes: { approximate } }: Cotangent<"Gelu">): Tensor {
  if (approximate === "none") {
    // ½(1 + erf(x/√2)) + x · e^(−x²/2) / √(2π)
    const cumulative = o.mul(o.add(o.erf(o.mul(x!, Math.SQRT1_2)), 1), 0.5);
    const density = o.mul(o.exp(o.mul(o.square(x!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return o.mul(g, o.add(cumulative, o.mul(x!, density)));
  }
  // u = c (x + 0.044715 x³), t = tanh u: ½(1 + t) + ½ x (1 − t²) c (1 + 0.134145 x²)
  const c = Math.sqrt(2 / Math.PI);
  const squared = o.square(x!);
  const t = o.tanh(o.mul(o.mul(x!, o.add(o.mul(squared, 0.044715), 1)), c));
  const slope = o.mul(o.sub(1, o.square(t)), o.add(o.mul(squared, 0.134145 * c), c));
  return o.mul(o.mul(g, 0.5), o.add(o.add(t, 1), o.mul(x!, slope)));
}

/** Attention's gradient recomputes the probabilities: the fused kernel does not give them. */
function attentionGradients({ g, x, attributes: { heads, kvHeads, scale } }: Cotangent<"Attention">) {
  const like = (t: Tensor, d: Tensor) => (t.shape.length === 4 ? d : o.joinHeads(d));
  const grouped = (t: Tensor) => o.groupHeads(t, kvHeads);
  const q = grouped(o.splitHeads(x[0]!, heads));
  const [k, v] = [x[1]!, x[2]!].map((t) => o.asHeads(t, kvHeads)) as [Tensor, Tensor];
  const raw = o.ungroupHeads(o.matmul(q, k, { transB: true, alpha: scale }), heads);
  const p = o.softmax(x[3] ? o.add(raw, x[3]) : raw);
  const gHeads = grouped(o.splitHeads(g, heads));
  const scores = softmaxGradient(p, o.ungroupHeads(o.matmul(gHeads, v, { transB: true }), heads), -1);
  const byGroup = grouped(scores);
  return [
    () => o.joinHeads(o.ungroupHeads(o.matmul(byGroup, k, { alpha: scale }), heads)),
    () => like(x[1]!, o.matmul(byGroup, q, { transA: true, alpha: scale })),
    () => like(x[2]!, o.matmul(grouped(p), gHeads, { transA: true })),
    () => unbroadcast(scores, x[3]!.shape),
  ];
}

/** Cross-entropy: (softmax − one-hot) times the row's gradient; log-probabilities' own: g − softmax Σ g. */
function crossEntropyGradient({
  gs,
  x: [logits, labels],
  y,
  attributes: { ignore },
}: Cotangent<"SoftmaxCrossEntropy">): Tensor {
  const p = o.exp(y[1]!);
  const parts: Tensor[] = [];
  if (gs[0]) {
    const column: Shape = [...labels!.shape, 1];
    const valid = o.not(o.equal(labels!, ignore));
    const row = o.reshape(masked(valid, gs[0]), column);
    const place = o.reshape(o.where(valid, labels!, 0), column);
    parts.push(o.scatterAdd(o.mul(p, row), place, o.neg(row), -1));
  }
  if (gs[1]) parts.push(o.sub(gs[1], o.mul(p, o.sum(gs[1], [-1], true))));
  return parts.length === 1 ? parts[0]! : parts.length === 2 ? o.add(parts[0]!, parts[1]!) : zero(logits!);
}

/** Elementwise choice between two operands: ties go to the first, as the reductions' do. */
const choose = (first: (a: Tensor, b: Tensor) => Tensor): Rule<"Min" | "Max"> =>
  binary(
    ({ g, x }) => masked(first(x[0]!, x[1]!), g),
    ({ g, x }) => masked(o.not(first(x[0]!, x[1]!)), g),
  );

/** √(1 − x²), by which the slopes of arc sine and cosine are divided. */
const arcSlope = (x: Tensor) => o.sqrt(o.sub(1, o.square(x)));

/** A rule of one's own: nothing to the values it was given for, its results to the inputs after them. */
function customGradients({ g, gs, x, y, attributes: { outputs, rule } }: Cotangent<"CustomGradient">) {
  const inputs = x.slice(outputs);
  const parts = rule({ g, gs, x: inputs, y });
  if (parts.length !== inputs.length) {
    fail("wrong_use", `a gradient rule of one's own gives ${parts.length} gradients for ${inputs.length} inputs`);
  }
  const checked = parts.map((part, i) => {
    const like = inputs[i]!;
    if (part && (part.dtype !== like.dtype || !sameShape(part.shape, like.shape))) {
      const [got, wanted] = [part, like].map(({ dtype, shape }) => `${dtype}${showShape(shape)}`);
      fail("wrong_use", `a gradient rule of one's own gives ${got} for input ${i}: expected ${wanted}`);
    }
    return part && (() => part);
  });
  return [...x.slice(0, outputs).map(() => null), ...checked];
}

export const gradientRules: { readonly [K in OpName]: Rule<K> } = {
  Neg: unary(({ g }) => o.neg(g)),
  Abs: unary(({ g, x }) => o.mul(g, o.sign(x[0]!))),
  Sign: none,
  Exp: unary(({ g, y }) => o.mul(g, y[0]!)),
  Log: unary(({ g, x }) => o.div(g, x[0]!)),
  Sqrt: unary(({ g, y }) => o.div(g, o.mul(y[0]!, 2))),
  Reciprocal: unary(({ g, y }) => o.neg(o.mul(g, o.square(y[0]!)))),
  Erf: unary(({ g, x }) => o.mul(g, o.mul(o.exp(o.neg(o.square(x[0]!))), 2 / Math.sqrt(Math.PI)))),
  Tanh: unary(({ g, y }) => o.mul(g, o.sub(1, o.square(y[0]!)))),
  Sigmoid: unary(({ g, y }) => o.mul(g, o.mul(y[0]!, o.sub(1, y[0]!)))),
  Sin: unary(({ g, x }) => o.mul(g, o.cos(x[0]!))),
  Cos: unary(({ g, x }) => o.neg(o.mul(g, o.sin(x[0]!)))),
  Asin: unary(({ g, x }) => o.div(g, arcSlope(x[0]!))),
  Acos: unary(({ g, x }) => o.neg(o.div(g, arcSlope(x[0]!)))),
  Atan: unary(({ g, x }) => o.div(g, o.add(o.square(x[0]!), 1))),
  Floor: none,
  Ceil: none,
  Round: none,
  Relu: unary(({ g, y }) => masked(o.greater(y[0]!, 0), g)),
  Softplus: unary(({ g, x }) => o.mul(g, o.sigmoid(x[0]!))),
  // Below 0 the slope α eˣ; the exponent is held at 0 where it is not used, as it might overflow.
  Elu: unary(({ g, x, attributes: { alpha } }) => {
    const slope = o.mul(o.exp(o.minimum(x[0]!, 0)), alpha);
    return o.where(o.greater(x[0]!, 0), g, o.mul(g, slope));
  }),
  LeakyRelu: unary(({ g, x, attributes: { alpha } }) => o.where(o.greater(x[0]!, 0), g, o.mul(g, alpha))),
  Not: none,
  Add: binary(
    ({ g }) => g,
    ({ g }) => g,
  ),
  Sub: binary(
    ({ g }) => g,
    ({ g }) => o.neg(g),
  ),
  Mul: binary(
    ({ g, x }) => o.mul(g, x[1]!),
    ({ g, x }) => o.mul(g, x[0]!),
  ),
  Div: binary(
    ({ g, x }) => o.div(g, x[1]!),
    ({ g, x, y }) => o.neg(o.div(o.mul(g, y[0]!), x[1]!)),
  ),
  Pow: binary(
    ({ g, x }) => o.mul(g, o.mul(x[1]!, o.pow(x[0]!, o.sub(x[1]!, 1)))),
    ({ g, x, y }) => o.mul(g, o.mul(y[0]!, o.log(x[0]!))),
  ),
  Min: choose(o.lessOrEqual),
  Max: choose(o.greaterOrEqual),
  Mod: none,
  Equal: none,
  Less: none,
  LessOrEqual: none,
  Greater: none,
  GreaterOrEqual: none,
  And: none,
  Or: none,
  BitwiseXor: none,
  BitwiseAnd: none,
  BitShift: none,
  Where: ({ g, x: [condition, a, b] }) => [
    null,
    () => unbroadcast(masked(condition!, g), a!.shape),
    () => unbroadcast(o.where(condition!, 0, g), b!.shape),
  ],
  StopGradient: none,
  CustomGradient: customGradients,
  Cast: unary(({ g, x }) => o.cast(g, x[0]!.dtype)),
  MatMul: matmulGradients,
  Reshape: unary(({ g, x }) => o.reshape(g, x[0]!.shape)),
  Transpose: unary(({ g, attributes: { perm } }) =>
    o.transpose(
      g,
      perm.map((_, i) => perm.indexOf(i)),
    ),
  ),
  Expand: unary(({ g, x }) => unbroadcast(g, x[0]!.shape)),
  Concat: ({ g, x, attributes: { axis } }) => {
    const parts = o.split(
      g,
      axis,
      x.map(({ shape }) => shape[axis]!),
    );
    return x.map((_, i) => () => parts[i]!);
  },
  Slice: unary(sliceGradient),
  Pad: unary(({ g, x, attributes: { begin } }) =>
    begin.reduce((part, start, axis) => {
      const dim = x[0]!.shape[axis]!;
      if (part.shape[axis] === dim) return part;
      const after = subDims(subDims(part.shape[axis]!, start), dim) as number;
      return o.slice(part, axis, start, after === 0 ? Infinity : -after);
    }, g),
  ),
  Split: ({ gs, y, attributes: { axis } }) => [
    () =>
      o.concat(
        gs.map((g, i) => g ?? zero(y[i]!)),
        axis,
      ),
  ],
  Gather: (c) => [() => gatherGradient(c), null],
  GatherElements: ({ g, x: [x, indices], attributes: { axis } }) => [
    () => o.scatterAdd(zero(x!), indices!, g, axis),
    null,
  ],
  ScatterAdd: ({ g, x: [, indices], attributes: { axis } }) => [
    () => g,
    null,
    () => o.gatherElements(g, indices!, axis),
  ],
  ReduceSum: unary(({ g, x, attributes: { axes } }) => o.expand(keepAxes(g, x[0]!.shape, axes), x[0]!.shape)),
  ReduceMean: unary(({ g, x, attributes: { axes } }) => {
    const count = elements(axes.map((axis) => x[0]!.shape[axis]!));
    const share = o.div(g, o.sizeValue(count, g.dtype));
    return o.expand(keepAxes(share, x[0]!.shape, axes), x[0]!.shape);
  }),
  ReduceMax: unary(extreme),
  ReduceMin: unary(extreme),
  ArgMax: none,
  TopK: ({ gs, x: [x], y, attributes: { axis } }) => [
    () => (gs[0] ? o.scatterAdd(zero(x!), y[1]!, gs[0], axis) : zero(x!)),
  ],
  NonZero: none,
  CumSum: unary(({ g, attributes: { axis, reverse, exclusive } }) =>
    o.cumsum(g, axis, { reverse: !reverse, exclusive }),
  ),
  Softmax: unary(({ g, y, attributes: { axis } }) => softmaxGradient(y[0]!, g, axis)),
  LogSoftmax: unary(({ g, y, attributes: { axis } }) => o.sub(g, o.mul(o.exp(y[0]!), o.sum(g, [axis], true)))),
  Iota: none,
  SizeValue: none,
  OneHot: none,
  Conv: (c) => [
    () => convInputGradient(c),
    () => convWeightGradient(c),
    () =>
      o.sum(
        c.g,
        c.g.shape.flatMap((_, i) => (i === 1 ? [] : [i])),
      ),
  ],
  ConvTranspose: convTransposeGradients,
  MaxPool: unary(maxPoolGradient),
  AveragePool: unary(averagePoolGradient),
  RmsNorm: rmsNormGradients,
  LayerNorm: layerNormGradients,
  Gelu: unary(geluGradient),
  Attention: attentionGradients,
  CachedAttention: none,
  MatMulInt8: ({ g, x: [, w, scale] }) => [
    () => o.matmul(o.mul(g, scale!), o.cast(w!, "float32"), { transB: true }),
    null,
    null,
  ],
  MatMulInt4: ({ g, x: [, w, scale], attributes: { block } }) => [
    () => o.matmul(g, fromInt4(w!, scale!, block)),
    null,
    null,
  ],
  SoftmaxCrossEntropy: (c) => [() => crossEntropyGradient(c), null],
};
