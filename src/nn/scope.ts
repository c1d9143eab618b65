/** Parameters asked for by path: the names of the checkpoint are the names in the code. */
import { fail } from "../errors.ts";
import { parameter, type Tensor } from "../graph/tensor.ts";

/** Inputs of a result, results of an input, or the mean of both; from a parameter's shape (`fans` in initial.ts). */
export type Fan = "in" | "out" | "mean";

/** How a parameter starts when a model is trained from scratch; the formulas are those of `torch.nn.init`. */
export type Initial =
  | { readonly kind: "normal"; readonly std: number; readonly mean?: number }
  | { readonly kind: "fill"; readonly value: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | {
      readonly kind: "truncated";
      readonly mean: number;
      readonly std: number;
      readonly low: number;
      readonly high: number;
    }
  /** Standard deviation gain / √fan. */
  | { readonly kind: "scaled-normal" | "scaled-uniform"; readonly fan: Fan; readonly gain: number }
  | { readonly kind: "orthogonal"; readonly gain: number }
  | { readonly kind: "identity" };

export const normal = (std: number): Initial => ({ kind: "normal", std });
export const onesInit: Initial = { kind: "fill", value: 1 };
export const zerosInit: Initial = { kind: "fill", value: 0 };

/** `uniform_`: in [low, high). */
export const uniformInit = (low: number, high: number): Initial => ({ kind: "uniform", low, high });

/** `trunc_normal_`: bounds are values, not multiples of the deviation; ±2 as in PyTorch. */
export const truncatedNormal = (std: number, { mean = 0, low = -2, high = 2 } = {}): Initial => ({
  kind: "truncated",
  ...{ mean, std, low, high },
});

/** `xavier_uniform_`: within ±gain · √(6 / (fan in + fan out)) (Glorot & Bengio 2010). */
export const xavierUniform = (gain = 1): Initial => ({ kind: "scaled-uniform", fan: "mean", gain });
/** `xavier_normal_`: σ = gain · √(2 / (fan in + fan out)). */
export const xavierNormal = (gain = 1): Initial => ({ kind: "scaled-normal", fan: "mean", gain });

export interface KaimingOptions {
  /** Of the non-linearity that follows, by {@link gainOf}; that of ReLU by default, √2. */
  readonly gain?: number;
  readonly fan?: "in" | "out";
}

/** `kaiming_uniform_`: within ±gain · √(3 / fan) (He et al. 2015, arXiv 1502.01852). */
export const kaimingUniform = ({ gain = Math.SQRT2, fan = "in" }: KaimingOptions = {}): Initial => ({
  kind: "scaled-uniform",
  ...{ fan, gain },
});
/** `kaiming_normal_`: σ = gain / √fan. */
export const kaimingNormal = ({ gain = Math.SQRT2, fan = "in" }: KaimingOptions = {}): Initial => ({
  kind: "scaled-normal",
  ...{ fan, gain },
});

/** `lecun_normal_` of timm and JAX: σ = 1 / √(fan in) (LeCun et al. 1998). */
export const lecunNormal: Initial = kaimingNormal({ gain: 1 });

/** What PyTorch's convolutions and linear layers begin as: within ±1 / √(fan in). */
export const torchUniform: Initial = kaimingUniform({ gain: 1 / Math.sqrt(3) });

/** `orthogonal_`: rows or columns of [out, all else], the fewer of both, of length gain and at right angles. */
export const orthogonal = (gain = 1): Initial => ({ kind: "orthogonal", gain });

/** `eye_` for a matrix; `dirac_` for a convolution of one group. */
export const identityInit: Initial = { kind: "identity" };

const gains = { linear: 1, sigmoid: 1, tanh: 5 / 3, relu: Math.SQRT2, selu: 3 / 4 } as const;

/** `calculate_gain`: what keeps the variance over a non-linearity; `slope` is that of a leaky ReLU. */
export function gainOf(name: keyof typeof gains | "leaky_relu", slope = 0.01): number {
  return name === "leaky_relu" ? Math.sqrt(2 / (1 + slope ** 2)) : gains[name];
}

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
  /**
   * Where products with this scope's `weight` are changed: what takes the place of `plain()`, the product [..., out] of x
   * [..., in] and its bias. It asks for `plain` where it adds to it.
   */
  readonly product?: ((x: Tensor, out: number, plain: () => Tensor) => Tensor) | undefined;
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
