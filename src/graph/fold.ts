/** Computing small constants while a graph is built, so that the engine does not do it at every run. */
import { type NdArray, sizeOf } from "./array.ts";
import { dtypes, type TypedArray } from "./dtype.ts";
import type { OpName, OpNode, Tensor } from "./tensor.ts";

/** Larger results are left to the engine: a folded constant is kept in the model's file. */
const limit = 64;

const formulas: Partial<Record<OpName, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Neg: (a) => -a,
  Sqrt: Math.sqrt,
  Reciprocal: (a) => 1 / a,
};

/** Types in which a JavaScript number, rounded when stored, gives the engine's result. */
const exact = (value: NdArray) => value.dtype === "float32" || value.dtype === "float64";

/** The empty value of a statically empty tensor. The engine may give its buffer to one that is not empty. */
export function emptyValue({ dtype, shape }: Tensor): NdArray | undefined {
  const known = shape.every((dim) => typeof dim === "number") && shape.includes(0);
  return known ? { dtype, shape: shape as number[], data: new dtypes[dtype].array(0) } : undefined;
}

/** The value of a node whose inputs are small constants, or undefined when it is not one of the simple cases. */
export function fold(node: OpNode, inputs: readonly Tensor[]): NdArray | undefined {
  const output = node.outputs[0]!;
  const { dtype } = output;
  if (output.shape.some((dim) => typeof dim !== "number") || inputs.length === 0) return undefined;
  const shape = output.shape as number[];
  const size = sizeOf(shape);
  const values = inputs.map(({ node: source }) => (source.kind === "constant" ? source.value : undefined));
  if (size > limit || !values.every((value) => value !== undefined)) return undefined;
  if (node.op === "Reshape") return { dtype, shape, data: values[0]!.data };
  const same = values.every(({ data }) => data.length === 1 || data.length === size);
  const formula = formulas[node.op];
  if (!formula || !same || !values.every(exact)) return undefined;
  const data: TypedArray = new dtypes[dtype].array(size);
  const at = (value: NdArray | undefined, i: number) => Number(value?.data[value.data.length === 1 ? 0 : i] ?? 0);
  for (let i = 0; i < size; i++) data[i] = formula(at(values[0], i), at(values[1], i));
  return { dtype, shape, data };
}
