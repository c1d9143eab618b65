/** Rules of the operators that compute each element by itself. */
import { fail } from "../../errors.ts";
import { isFloat } from "../dtype.ts";
import type { Emitter, NodeOptions } from "../emit.ts";
import * as o from "../operators.ts";
import type { OpNode, Tensor } from "../tensor.ts";
import { binary, masked, none, unary, unbroadcast } from "./gradients.ts";
import { castTarget, int, names, onnxType, plain, written } from "./onnx.ts";
import type { Cotangent, Decomposition, Rows, Rule } from "./row.ts";

const [one, two] = [plain(1), plain(2)];

/** √(1 − x²), by which the slopes of arc sine and cosine are divided. */
const arcSlope = (x: Tensor) => o.sqrt(o.sub(1, o.square(x)));

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

/** Elementwise choice between two operands: ties go to the first, as the reductions' do. */
const choose = (first: (a: Tensor, b: Tensor) => Tensor): Rule<"Min" | "Max"> =>
  binary(
    ({ g, x }) => masked(first(x[0]!, x[1]!), g),
    ({ g, x }) => masked(o.not(first(x[0]!, x[1]!)), g),
  );

const gelu: Decomposition<"Gelu"> = ([x], { approximate }) => {
  if (approximate === "none") return [o.mul(o.mul(x!, 0.5), o.add(o.erf(o.mul(x!, Math.SQRT1_2)), 1))];
  const inner = o.mul(o.mul(x!, o.add(o.mul(o.square(x!), 0.044715), 1)), Math.sqrt(2 / Math.PI));
  return [o.mul(o.mul(x!, 0.5), o.add(o.tanh(inner), 1))];
};

const withAlpha = (emit: Emitter, node: OpNode<"Elu" | "LeakyRelu">, options: NodeOptions) =>
  emit.node(node.op, names(emit, node), { alpha: { float: node.attributes.alpha } }, options);

const rows = {
  Neg: { ...one, gradient: unary(({ g }) => o.neg(g)) },
  Abs: { ...one, gradient: unary(({ g, x }) => o.mul(g, o.sign(x[0]!))) },
  Sign: { ...one, gradient: none },
  Exp: { ...one, gradient: unary(({ g, y }) => o.mul(g, y[0]!)) },
  Log: { ...one, gradient: unary(({ g, x }) => o.div(g, x[0]!)) },
  Sqrt: { ...one, gradient: unary(({ g, y }) => o.div(g, o.mul(y[0]!, 2))) },
  Reciprocal: { ...one, gradient: unary(({ g, y }) => o.neg(o.mul(g, o.square(y[0]!)))) },
  Erf: {
    ...one,
    gradient: unary(({ g, x }) => o.mul(g, o.mul(o.exp(o.neg(o.square(x[0]!))), 2 / Math.sqrt(Math.PI)))),
  },
  Tanh: { ...one, gradient: unary(({ g, y }) => o.mul(g, o.sub(1, o.square(y[0]!)))) },
  Sigmoid: { ...one, gradient: unary(({ g, y }) => o.mul(g, o.mul(y[0]!, o.sub(1, y[0]!)))) },
  Sin: { ...one, gradient: unary(({ g, x }) => o.mul(g, o.cos(x[0]!))) },
  Cos: { ...one, gradient: unary(({ g, x }) => o.neg(o.mul(g, o.sin(x[0]!)))) },
  Asin: { ...one, gradient: unary(({ g, x }) => o.div(g, arcSlope(x[0]!))) },
  Acos: { ...one, gradient: unary(({ g, x }) => o.neg(o.div(g, arcSlope(x[0]!)))) },
  Atan: { ...one, gradient: unary(({ g, x }) => o.div(g, o.add(o.square(x[0]!), 1))) },
  Floor: { ...one, gradient: none },
  Ceil: { ...one, gradient: none },
  Round: { ...one, gradient: none },
  Relu: { ...one, gradient: unary(({ g, y }) => masked(o.greater(y[0]!, 0), g)) },
  Softplus: { ...one, gradient: unary(({ g, x }) => o.mul(g, o.sigmoid(x[0]!))) },
  Elu: {
    // Below 0 the slope α eˣ; the exponent is held at 0 where it is not used, as it might overflow.
    gradient: unary(({ g, x, attributes: { alpha } }) => {
      const slope = o.mul(o.exp(o.minimum(x[0]!, 0)), alpha);
      return o.where(o.greater(x[0]!, 0), g, o.mul(g, slope));
    }),
    lower: withAlpha,
    read: (node) => [o.elu(node.tensor(0), node.float("alpha", 1))],
  },
  LeakyRelu: {
    gradient: unary(({ g, x, attributes: { alpha } }) => o.where(o.greater(x[0]!, 0), g, o.mul(g, alpha))),
    lower: withAlpha,
    read: (node) => [o.leakyRelu(node.tensor(0), node.float("alpha", 0.01))],
  },
  Gelu: {
    gradient: unary(geluGradient),
    fused: {
      on: ["cpu", "cuda", "wasm", "webgpu", "onnx"],
      lower: written(({ attributes: { approximate } }) => ({ approximate: { string: approximate } })),
    },
    decompose: gelu,
    read: (node) => {
      const approximate = node.string("approximate", "none");
      if (approximate !== "none" && approximate !== "tanh")
        fail("corrupt_file", `Gelu approximated by "${approximate}"`);
      return [o.gelu(node.tensor(0), approximate)];
    },
  },
  Not: { ...one, gradient: none },
  Add: {
    ...two,
    gradient: binary(
      ({ g }) => g,
      ({ g }) => g,
    ),
  },
  Sub: {
    ...two,
    gradient: binary(
      ({ g }) => g,
      ({ g }) => o.neg(g),
    ),
  },
  Mul: {
    ...two,
    gradient: binary(
      ({ g, x }) => o.mul(g, x[1]!),
      ({ g, x }) => o.mul(g, x[0]!),
    ),
  },
  Div: {
    ...two,
    gradient: binary(
      ({ g, x }) => o.div(g, x[1]!),
      ({ g, x, y }) => o.neg(o.div(o.mul(g, y[0]!), x[1]!)),
    ),
  },
  Pow: {
    ...two,
    gradient: binary(
      ({ g, x }) => o.mul(g, o.mul(x[1]!, o.pow(x[0]!, o.sub(x[1]!, 1)))),
      ({ g, x, y }) => o.mul(g, o.mul(y[0]!, o.log(x[0]!))),
    ),
  },
  Min: { ...two, gradient: choose(o.lessOrEqual) },
  Max: { ...two, gradient: choose(o.greaterOrEqual) },
  Mod: {
    gradient: none,
    lower: written(({ inputs }) => ({ fmod: int(isFloat(inputs[0]!.dtype)) })),
    read: (node) => {
      const [a, b] = [node.tensor(0), node.tensor(1)];
      node.fixed("fmod", Number(isFloat(a.dtype)));
      return [o.mod(a, b)];
    },
  },
  Equal: { ...two, gradient: none },
  Less: { ...two, gradient: none },
  LessOrEqual: { ...two, gradient: none },
  Greater: { ...two, gradient: none },
  GreaterOrEqual: { ...two, gradient: none },
  And: { ...two, gradient: none },
  Or: { ...two, gradient: none },
  BitwiseXor: { ...two, gradient: none },
  BitwiseAnd: { ...two, gradient: none },
  BitShift: {
    gradient: none,
    lower: written(({ attributes }) => ({ direction: { string: attributes.direction } })),
    read: (node) => {
      const direction = node.string("direction", "");
      if (direction !== "LEFT" && direction !== "RIGHT") fail("corrupt_file", `BitShift to the "${direction}"`);
      return o.apply("BitShift", [node.tensor(0), node.tensor(1)], { direction });
    },
  },
  Where: {
    ...plain(3),
    gradient: ({ g, x: [condition, a, b] }) => [
      null,
      () => unbroadcast(masked(condition!, g), a!.shape),
      () => unbroadcast(o.where(condition!, 0, g), b!.shape),
    ],
  },
  Cast: {
    gradient: unary(({ g, x }) => o.cast(g, x[0]!.dtype)),
    lower: written(({ attributes }) => ({ to: onnxType(attributes.to) })),
    read: (node) => {
      node.fixed("saturate", 1);
      return [o.cast(node.tensor(0), castTarget(node))];
    },
  },
} satisfies Rows;

export default rows;
