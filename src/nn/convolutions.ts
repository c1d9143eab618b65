/** Convolutions with a kernel of their own. Kernels keep the checkpoint's layout, [out, in / groups, …]. */
import * as o from "../graph/operators.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Initial, kaimingNormal, type Scope, zerosInit } from "./scope.ts";

export interface ConvolutionOptions extends o.ConvOptions {
  readonly bias?: boolean;
  readonly initial?: Initial;
  /** ε of weight standardisation ({@link standardised}); the kernel as it is without. */
  readonly standardise?: number | undefined;
}

/**
 * Weight standardisation (Qiao et al. 2019, arXiv 1903.10520): every output channel's kernel with mean 0 and variance 1,
 * (w − mean) / √(var + ε) over all but the first axis, the variance biased. The gradient flows through it.
 */
export function standardised(w: Tensor, epsilon: number): Tensor {
  const axes = w.shape.slice(1).map((_, i) => i + 1);
  const centred = o.sub(w, o.mean(w, axes, true));
  return o.div(centred, o.sqrt(o.add(o.mean(o.square(centred), axes, true), epsilon)));
}

/** x [batch, channels, …] to [batch, out, …], with `weight` and `bias` under the scope. */
export function convolution(
  scope: Scope,
  x: Tensor,
  out: number,
  kernel: readonly number[],
  { bias = false, initial = kaimingNormal({ fan: "out" }), standardise, ...window }: ConvolutionOptions = {},
): Tensor {
  const into = (x.shape[1] as number) / (window.group ?? 1);
  const weight = scope.param("weight", [out, into, ...kernel], initial);
  const shift = bias ? scope.param("bias", [out], zerosInit) : undefined;
  return o.conv(x, standardise === undefined ? weight : standardised(weight, standardise), shift, window);
}

/**
 * Paddings of an axis, before and after it, that leave ⌈size / stride⌉ places, the smaller half first: "SAME" of
 * TensorFlow and JAX.
 */
export function samePadding(size: number, kernel: number, stride: number, dilation = 1): readonly [number, number] {
  const reach = (Math.ceil(size / stride) - 1) * stride + dilation * (kernel - 1) + 1;
  const all = Math.max(reach - size, 0);
  return [Math.floor(all / 2), Math.ceil(all / 2)];
}
