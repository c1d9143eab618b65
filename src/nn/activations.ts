/** Activations by the names that configurations use. */
import * as o from "../graph/operators.ts";
import type { Tensor } from "../graph/tensor.ts";

export const activations = {
  relu: o.relu,
  gelu: (x: Tensor) => o.gelu(x),
  gelu_new: (x: Tensor) => o.gelu(x, "tanh"),
  gelu_fast: (x: Tensor) => o.gelu(x, "tanh"),
  gelu_pytorch_tanh: (x: Tensor) => o.gelu(x, "tanh"),
  quick_gelu: o.quickGelu,
  silu: o.silu,
  swish: o.silu,
  tanh: o.tanh,
} as const;

export type Activation = keyof typeof activations;

export const activationNames = Object.keys(activations) as [Activation, ...Activation[]];
