/** What a trainer keeps from step to step without a gradient: running statistics, averaged weights, counters. */
import { fail } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import { sameShape, showShape } from "../graph/dims.ts";
import type { DType } from "../graph/dtype.ts";
import * as o from "../graph/operators.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import { nodesOf } from "./in-place.ts";

/** The value of a trained parameter after the step, by its name. */
export type Updated = (parameter: string) => Tensor;

export interface StateVariable {
  /**
   * The value so far: an input of the graph, or a parameter that is not trained (the running mean of a batch norm, under
   * its name in the checkpoint). The name of the variable is the tensor's; sizes are numbers.
   */
  readonly tensor: Tensor;
  /**
   * The value afterwards, of the same type and shape. A tensor is computed with the forward pass, from the weights
   * before the step: once for each micro-batch, in order. A function is computed once a step, after the update, from
   * the new weights and other variables with a function alone.
   */
  readonly next: Tensor | ((updated: Updated) => Tensor);
  /** Where it starts; zeros by default. It is copied. A parameter starts as the trainer's `values` say. */
  readonly initial?: NdArray;
}

/** Types every operator that a wait needs has a kernel for. */
const types: readonly DType[] = ["float32", "float64", "int32", "int64", "uint8", "bool"];

/** The name of a variable; an error unless its tensor is something that is fed. */
export function stateName({ tensor: { node } }: StateVariable): string {
  if (node.kind === "input" || node.kind === "parameter") return node.name;
  return fail("wrong_use", `a state variable is a computed value (${node.kind}): give an input or a parameter`);
}

/** Check the variables of a trainer against its trained parameters. */
export function checkState(state: readonly StateVariable[], trained: ReadonlySet<string>): void {
  const names = new Set<string>();
  for (const variable of state) {
    const name = stateName(variable);
    const { tensor, next, initial } = variable;
    if (trained.has(name)) fail("wrong_use", `"${name}" is trained: it cannot be a state variable as well`);
    if (names.has(name)) fail("wrong_use", `two state variables are called "${name}"`);
    names.add(name);
    if (!types.includes(tensor.dtype)) {
      fail("unsupported", `the state variable "${name}" is ${tensor.dtype}: expected one of ${types.join(", ")}`);
    }
    if (tensor.shape.some((dim) => typeof dim !== "number")) {
      fail("wrong_use", `the state variable "${name}" has the shape ${showShape(tensor.shape)}: sizes must be numbers`);
    }
    if (typeof next !== "function") checkLike(name, "next value", next, tensor);
    if (initial) checkLike(name, "starting value", initial, tensor);
  }
}

type Typed = Pick<Tensor, "dtype" | "shape">;

function checkLike(name: string, what: string, got: Typed, { dtype, shape }: Typed): void {
  if (got.dtype === dtype && sameShape(got.shape, shape)) return;
  fail(
    "wrong_use",
    `the ${what} of "${name}" is ${got.dtype}${showShape(got.shape)}, the variable ${dtype}${showShape(shape)}`,
  );
}

/**
 * The next values that are functions, written. The old weights are gone when they are computed and the batch may be
 * gone too, so nothing but new weights and variables like themselves may be read.
 */
export function nextAfterUpdate(
  state: readonly StateVariable[],
  updated: ReadonlyMap<string, Tensor>,
): { readonly variable: StateVariable; readonly next: Tensor }[] {
  const find: Updated = (name) =>
    updated.get(name) ?? fail("wrong_use", `there is no trained parameter "${name}" to make a state variable from`);
  const own = new Set(state.filter(({ next }) => typeof next === "function").map(({ tensor }) => tensor.node));
  const news = new Set([...updated.values()].map(({ node }) => node));
  return state.flatMap((variable) => {
    if (typeof variable.next !== "function") return [];
    const name = stateName(variable);
    const next = variable.next(find);
    checkLike(name, "next value", next, variable.tensor);
    for (const node of nodesOf([next], news)) {
      if ((node.kind !== "input" && node.kind !== "parameter") || own.has(node)) continue;
      fail("wrong_use", `the next value of "${name}" reads "${node.name}", whose old value is gone after the step`, {
        hint: "take new weights from the function's argument; give a tensor instead of a function to read the batch",
      });
    }
    return [{ variable, next }];
  });
}

/**
 * Exponential moving averages of parameters, `prefix/NAME`: decay · average + (1 − decay) · new weight after each step
 * (Polyak & Juditsky 1992; PyTorch's `get_ema_multi_avg_fn`). They start as the parameters do.
 */
export function averagedWeights(
  parameters: readonly { readonly name: string; readonly shape: readonly number[] }[],
  values: ReadonlyMap<string, NdArray>,
  decay: number,
  prefix = "ema",
): StateVariable[] {
  if (!(decay >= 0 && decay <= 1)) fail("wrong_use", `a decay of ${decay}: expected 0 to 1`);
  return parameters.map(({ name, shape }) => {
    const tensor = input(`${prefix}/${name}`, "float32", shape);
    const initial = values.get(name) ?? fail("wrong_use", `there is no starting value for "${name}"`);
    const next = (updated: Updated) => o.add(o.mul(tensor, decay), o.mul(updated(name), 1 - decay));
    return { tensor, next, initial };
  });
}
