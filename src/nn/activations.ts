/** Activations by the names that configurations use. */
import * as o from "../graph/operators.ts";
import type { Tensor } from "../graph/tensor.ts";

const silu = (x: Tensor) => o.mul(x, o.sigmoid(x));

export const activations = {
  relu: o.relu,
  gelu: (x: Tensor) => o.gelu(x),
  gelu_new: (x: Tensor) => o.gelu(x, "tanh"),
  gelu_fast: (x: Tensor) => o.gelu(x, "tanh"),
  gelu_pytorch_tanh: (x: Tensor) => o.gelu(x, "tanh"),
  quick_gelu: (x: Tensor) => o.mul(x, o.sigmoid(o.mul(x, 1.702))),
  silu,
  swish: silu,
  tanh: o.tanh,
} as const;

export type Activation = keyof typeof activations;

export const activationNames = Object.keys(activations) as [Activation, ...Activation[]];
