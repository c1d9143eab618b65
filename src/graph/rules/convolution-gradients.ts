/** Gradients of convolutions and pools, composed of forward operators: the runtime has no kernels for them. */
import { fail } from "../../errors.ts";
import { type Dim, elements, type Shape } from "../dims.ts";
import * as o from "../operators.ts";
import { type Attributes, full, type Tensor } from "../tensor.ts";
import type { Cotangent } from "./row.ts";

type ConvAttributes = Attributes["Conv"];

function spatial(shape: Shape): number[] {
  return shape.slice(2).map((dim) => {
    return typeof dim === "number"
      ? dim
      : fail("unsupported", `a convolution's gradient over the symbolic size ${dim}`);
  });
}

/** The transposed convolution that undoes the geometry of a convolution from `input` with this kernel. */
function backThrough(g: Tensor, w: Tensor, input: Shape, { strides, pads, dilations, group }: ConvAttributes): Tensor {
  const kernel = spatial(w.shape);
  const out = spatial(g.shape);
  const outputPadding = spatial(input).map((size, i) => {
    const reached =
      (out[i]! - 1) * strides[i]! - pads[i]! - pads[i + out.length]! + dilations[i]! * (kernel[i]! - 1) + 1;
    return size - reached;
  });
  return o.convTranspose(g, w, undefined, { stride: strides, pads, dilation: dilations, group, outputPadding });
}

/**
 * dw[o, c, k] = Σ_{b, i} g[b, o, i] · x[b, c, i·stride + k·dilation − pad]: a convolution of x with g as the kernel,
 * batch and channels exchanged, strides and dilations exchanged, cropped to the kernel's size; group by group.
 */
function correlate(x: Tensor, g: Tensor, kernel: readonly number[], attributes: ConvAttributes): Tensor {
  const { strides, pads, dilations, group } = attributes;
  const swap = (t: Tensor) =>
    o.transpose(
      t,
      t.shape.map((_, i) => (i < 2 ? 1 - i : i)),
    );
  const parts = (t: Tensor) => o.split(t, 1, Array(group).fill((t.shape[1] as number) / group));
  const gParts = parts(g);
  const grads = parts(x).map((part, i) => {
    const full = o.conv(swap(part), swap(gParts[i]!), undefined, { stride: dilations, pads, dilation: strides });
    return swap(kernel.reduce((t, size, axis) => o.slice(t, axis + 2, 0, size), full));
  });
  return o.concat(grads, 0);
}

export function convInputGradient({ g, x: [x, w], attributes }: Cotangent<"Conv">): Tensor {
  return backThrough(g, w!, x!.shape, attributes);
}

export function convWeightGradient({ g, x: [x, w], attributes }: Cotangent<"Conv">): Tensor {
  return correlate(x!, g, spatial(w!.shape), attributes);
}

export function convTransposeGradients({ g, x: [x, w], attributes }: Cotangent<"ConvTranspose">) {
  const { strides: stride, pads, dilations: dilation, group } = attributes;
  return [
    () => o.conv(g, w!, undefined, { stride, pads, dilation, group }),
    () => correlate(g, x!, spatial(w!.shape), attributes),
    () =>
      o.sum(
        g,
        g.shape.flatMap((_, i) => (i === 1 ? [] : [i])),
      ),
  ];
}

/** The pool says which element won, counted over the whole tensor: the gradient goes back there. */
export function maxPoolGradient({ g, x: [x], y }: Cotangent<"MaxPool">): Tensor {
  const count: Dim = elements(x!.shape);
  const flat = (t: Tensor) => o.reshape(t, [elements(t.shape)]);
  return o.reshape(o.scatterAdd(o.filled(g.dtype, 0, [count]), flat(y[1]!), flat(g), 0), x!.shape);
}

/** An average pool is a convolution of each channel with a constant kernel. */
export function averagePoolGradient({
  g,
  x: [x],
  attributes: { kernel, strides, pads },
}: Cotangent<"AveragePool">): Tensor {
  const channels = x!.shape[1];
  if (typeof channels !== "number") return fail("unsupported", "a pool's gradient over a symbolic number of channels");
  const weight = full(g.dtype, 1 / kernel.reduce((a, b) => a * b, 1), [channels, 1, ...kernel]);
  return backThrough(g, weight, x!.shape, { strides, pads, dilations: kernel.map(() => 1), group: channels });
}
