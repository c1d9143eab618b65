/** Operators that compute each element by itself, of one operand or of several that broadcast. */
import { fail } from "../../errors.ts";
import { broadcast } from "../dims.ts";
import type { DType } from "../dtype.ts";
import { type Attributes, full, type None, scalarValue, type Tensor } from "../tensor.ts";
import { float, makers, type Output, type ShapeRules, same, sameDType } from "./kind.ts";

declare module "../tensor.ts" {
  interface Attributes {
    Neg: None;
    Abs: None;
    Sign: None;
    Exp: None;
    Log: None;
    Sqrt: None;
    Reciprocal: None;
    Erf: None;
    Tanh: None;
    Sigmoid: None;
    Sin: None;
    Cos: None;
    Asin: None;
    Acos: None;
    Atan: None;
    Floor: None;
    Ceil: None;
    Round: None;
    Relu: None;
    /** log(1 + eˣ); its slope is the sigmoid everywhere. */
    Softplus: None;
    /** x above 0, else α(eˣ − 1). */
    Elu: { readonly alpha: number };
    /** x above 0, else α x. */
    LeakyRelu: { readonly alpha: number };
    Gelu: { readonly approximate: "none" | "tanh" };
    Not: None;
    Add: None;
    Sub: None;
    Mul: None;
    Div: None;
    Pow: None;
    Min: None;
    Max: None;
    /** The remainder takes the sign of the divisor for integers and of the dividend for floats, as in ONNX. */
    Mod: None;
    Equal: None;
    Less: None;
    LessOrEqual: None;
    Greater: None;
    GreaterOrEqual: None;
    And: None;
    Or: None;
    BitwiseXor: None;
    BitwiseAnd: None;
    BitShift: { readonly direction: "LEFT" | "RIGHT" };
    Where: None;
    Cast: { readonly to: DType };
  }
}

const two = (inputs: readonly Tensor[]): Output[] => [
  { dtype: sameDType(inputs), shape: broadcast(inputs[0]!.shape, inputs[1]!.shape) },
];

const compare = (inputs: readonly Tensor[]): Output[] => two(inputs).map(({ shape }) => ({ dtype: "bool", shape }));

const logical = (inputs: readonly Tensor[]): Output[] => {
  for (const { dtype } of inputs) if (dtype !== "bool") fail("wrong_use", `bool is needed, got ${dtype}`);
  return [{ dtype: "bool", shape: broadcast(inputs[0]!.shape, (inputs[1] ?? inputs[0]!).shape) }];
};

const shapes = {
  Neg: same,
  Abs: same,
  Sign: same,
  Exp: float,
  Log: float,
  Sqrt: float,
  Reciprocal: float,
  Erf: float,
  Tanh: float,
  Sigmoid: float,
  Sin: float,
  Cos: float,
  Asin: float,
  Acos: float,
  Atan: float,
  Floor: float,
  Ceil: float,
  Round: float,
  Relu: float,
  Softplus: float,
  Elu: float,
  LeakyRelu: float,
  Gelu: float,
  Not: logical,
  Add: two,
  Sub: two,
  Mul: two,
  Div: two,
  Pow: two,
  Min: two,
  Max: two,
  Mod: two,
  Equal: compare,
  Less: compare,
  LessOrEqual: compare,
  Greater: compare,
  GreaterOrEqual: compare,
  And: logical,
  Or: logical,
  BitwiseXor: two,
  BitwiseAnd: two,
  BitShift: two,
  Where: ([condition, a, b]) => [
    { dtype: sameDType([a!, b!]), shape: broadcast(condition!.shape, broadcast(a!.shape, b!.shape)) },
  ],
  Cast: ([x], { to }) => [{ dtype: to, shape: x!.shape }],
} satisfies ShapeRules;

export default shapes;

const { one } = makers(shapes);

/** A tensor, or a number that becomes a constant of the other operand's type. */
export type Operand = Tensor | number;

type Plain = { [K in keyof typeof shapes]: Attributes[K] extends None ? K : never }[keyof typeof shapes];

const unary = (op: Plain) => (x: Tensor) => one(op, [x], {});

function lift(a: Operand, b: Operand): [Tensor, Tensor] {
  if (typeof a === "number") {
    if (typeof b === "number") fail("wrong_use", "two numbers: one operand must be a tensor");
    return [full(b.dtype, a), b];
  }
  return [a, typeof b === "number" ? full(a.dtype, b) : b];
}

const binary = (op: Plain) => (x: Operand, y: Operand) => one(op, lift(x, y), {});

export const neg = unary("Neg");
export const abs = unary("Abs");
export const sign = unary("Sign");
export const exp = unary("Exp");
export const log = unary("Log");
export const sqrt = unary("Sqrt");
export const reciprocal = unary("Reciprocal");
export const erf = unary("Erf");
export const tanh = unary("Tanh");
export const sigmoid = unary("Sigmoid");
export const sin = unary("Sin");
export const cos = unary("Cos");
export const asin = unary("Asin");
export const acos = unary("Acos");
export const atan = unary("Atan");
export const floor = unary("Floor");
export const ceil = unary("Ceil");
export const round = unary("Round");
export const relu = unary("Relu");
/** log(1 + eˣ), with the slope 1/2 at 0. */
export const softplus = unary("Softplus");
export const not = unary("Not");
export const pow = binary("Pow");
export const minimum = binary("Min");
export const maximum = binary("Max");
export const mod = binary("Mod");
export const equal = binary("Equal");
export const less = binary("Less");
export const lessOrEqual = binary("LessOrEqual");
export const greater = binary("Greater");
export const greaterOrEqual = binary("GreaterOrEqual");
export const and = binary("And");
export const or = binary("Or");
export const bitwiseXor = binary("BitwiseXor");
export const bitwiseAnd = binary("BitwiseAnd");

/** Whether a neutral constant may be dropped: it must not change the other operand's shape. */
const neutral = (x: Tensor, value: number, other: Tensor) =>
  scalarValue(x) === value && x.shape.length <= other.shape.length;

export function add(x: Operand, y: Operand): Tensor {
  const [a, b] = lift(x, y);
  if (neutral(b, 0, a)) return a;
  if (neutral(a, 0, b)) return b;
  return one("Add", [a, b], {});
}

export function sub(x: Operand, y: Operand): Tensor {
  const [a, b] = lift(x, y);
  return neutral(b, 0, a) ? a : one("Sub", [a, b], {});
}

export function mul(x: Operand, y: Operand): Tensor {
  const [a, b] = lift(x, y);
  if (neutral(b, 1, a)) return a;
  if (neutral(a, 1, b)) return b;
  return one("Mul", [a, b], {});
}

export function div(x: Operand, y: Operand): Tensor {
  const [a, b] = lift(x, y);
  return neutral(b, 1, a) ? a : one("Div", [a, b], {});
}

export const square = (x: Tensor) => mul(x, x);
export const shiftRight = (x: Operand, y: Operand) => one("BitShift", lift(x, y), { direction: "RIGHT" });
export const shiftLeft = (x: Operand, y: Operand) => one("BitShift", lift(x, y), { direction: "LEFT" });

/** condition ? a : b, elementwise. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  return one("Where", [condition, ...lift(a, b)], {});
}

export function cast(x: Tensor, to: DType): Tensor {
  return x.dtype === to ? x : one("Cast", [x], { to });
}

/** x above 0, else α(eˣ − 1) (Clevert et al. 2015). */
export const elu = (x: Tensor, alpha = 1) => one("Elu", [x], { alpha });
/** x above 0, else α x. */
export const leakyRelu = (x: Tensor, alpha = 0.01) => one("LeakyRelu", [x], { alpha });
export const gelu = (x: Tensor, approximate: "none" | "tanh" = "none") => one("Gelu", [x], { approximate });
/** x σ(x), also called swish. The engine makes one kernel of it. */
export const silu = (x: Tensor) => mul(x, sigmoid(x));
/** x σ(1.702 x), an approximation of GELU (Hendrycks & Gimpel 2016). */
export const quickGelu = (x: Tensor) => mul(x, sigmoid(mul(x, 1.702)));
