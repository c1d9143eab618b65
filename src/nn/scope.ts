/** Parameters asked for by path: the names of the checkpoint are the names in the code. */
import { fail } from "../errors.ts";
import { parameter, type Tensor } from "../graph/tensor.ts";

/** How a parameter starts when a model is trained from scratch. */
export type Initial =
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "fill"; readonly value: number };

export const normal = (std: number): Initial => ({ kind: "normal", std });
export const onesInit: Initial = { kind: "fill", value: 1 };
export const zerosInit: Initial = { kind: "fill", value: 0 };

export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: Initial;
  readonly tensor: Tensor;
}

export interface Scope {
  /** The scope below this one: `scope.at("encoder.block.0")`. */
  at(path: string): Scope;
  /** The parameter of this name, the same tensor every time it is asked for. */
  param(name: string, shape: readonly number[], initial?: Initial): Tensor;
  /** Every parameter asked for so far, anywhere in the tree, in order. */
  readonly parameters: ReadonlyMap<string, ParameterSpec>;
}

/** A fresh tree of parameters. */
export function createScope(): Scope {
  const parameters = new Map<string, ParameterSpec>();
  const under = (prefix: string): Scope => ({
    at: (path) => under(`${prefix}${path}.`),
    param(name, shape, initial = normal(0.02)) {
      const full = prefix + name;
      const known = parameters.get(full);
      if (known) {
        if (known.shape.length === shape.length && known.shape.every((dim, i) => dim === shape[i])) return known.tensor;
        return fail("internal", `parameter "${full}" is asked for as [${shape}] and as [${known.shape}]`);
      }
      const tensor = parameter(full, shape);
      parameters.set(full, { name: full, shape, initial, tensor });
      return tensor;
    },
    parameters,
  });
  return under("");
}
