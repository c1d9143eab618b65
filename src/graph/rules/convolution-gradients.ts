/** Gradients of convolutions and pools, composed of forward operators: the runtime has no kernels for them. */
import { fail } from "../../errors.ts";
import { type Dim, elements, mulDims, type Shape } from "../dims.ts";
import * as o from "../operators.ts";
import { type Attributes, full, type Tensor } from "../tensor.ts";
import { denseInputGradient, isDense } from "./dense-convolutions.ts";
import type { Cotangent } from "./row.ts";

type ConvAttributes = Attributes["Conv"];

function spatial(shape: Shape): number[] {
  return shape.slice(2).map((dim) => {
    return typeof dim === "number"
      ? dim
      : fail("unsupported", `a convolution's gradient over the symbolic size ${dim}`);
  });
}

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

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

/** What each place of a kernel sees of x: place (k₁, k₂, …), row-major, to x[…, i·stride + k·dilation − pad, …]. */
function seenByPlaces(x: Tensor, kernel: readonly number[], out: readonly number[], a: ConvAttributes): Tensor[] {
  const axes = kernel.map((_, i) => i);
  const { strides, pads, dilations } = a;
  const padded = o.pad(x, [0, 0, ...axes.map((i) => pads[i]!)], [0, 0, ...axes.map((i) => pads[i + axes.length]!)]);
  // One axis after another, so that places share the parts they have in common.
  return axes.reduce(
    (parts, i) =>
      parts.flatMap((part) =>
        Array.from({ length: kernel[i]! }, (_, k) => {
          const first = k * dilations[i]!;
          return o.slice(part, i + 2, first, first + (out[i]! - 1) * strides[i]! + 1, strides[i]!);
        }),
      ),
    [padded],
  );
}

/**
 * dw[o, c, k] = Σ_{b, i} g[b, o, i] · x[b, c, i·stride + k·dilation − pad]: for each place k of the kernel a product of g
 * [group, out, b·i] and what that place sees of x [group, in, b·i]. With one channel in a group there is nothing to
 * multiply as a matrix: the sum is taken as it stands.
 */
function byProducts(x: Tensor, g: Tensor, kernel: readonly number[], attributes: ConvAttributes): Tensor {
  const { group } = attributes;
  const out = spatial(g.shape);
  const [batch, channels] = x.shape as [Dim, number];
  const [into, outOf] = [channels / group, (g.shape[1] as number) / group];
  const weight = [outOf * group, into, ...kernel];
  if (into === 1) {
    const places = product(out);
    const rows = o.reshape(g, [batch, group, outOf, places]);
    const parts = seenByPlaces(x, kernel, out, attributes).map((part) =>
      o.sum(o.mul(rows, o.reshape(part, [batch, group, 1, places])), [0, 3]),
    );
    return o.reshape(
      o.concat(
        parts.map((part) => o.reshape(part, [group * outOf, 1])),
        1,
      ),
      weight,
    );
  }
  const channelsFirst = (t: Tensor) => o.transpose(t, [1, 0, ...out.map((_, i) => i + 2)]);
  const count = mulDims(batch, product(out));
  const wide = (t: Tensor, each: number) => o.reshape(t, group === 1 ? [each, count] : [group, each, count]);
  const left = wide(channelsFirst(g), outOf);
  const flat = [outOf * group, into, 1];
  const parts = seenByPlaces(channelsFirst(x), kernel, out, attributes).map((part) =>
    o.reshape(o.matmul(left, wide(part, into), { transB: true }), flat),
  );
  return o.reshape(o.concat(parts, 2), weight);
}

/**
 * The same as a convolution of x with g as the kernel, batch and channels exchanged, strides and dilations exchanged,
 * cropped to the kernel's size; group by group.
 */
function byConvolution(x: Tensor, g: Tensor, kernel: readonly number[], attributes: ConvAttributes): Tensor {
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

/** Places of a kernel up to which a node or two for each cost less than the long way round: a graph has a budget of nodes. */
const mostPlaces = 64;

/** The gradient of a convolution's kernel from that of its result. */
function correlate(x: Tensor, g: Tensor, kernel: readonly number[], attributes: ConvAttributes): Tensor {
  return (product(kernel) <= mostPlaces ? byProducts : byConvolution)(x, g, kernel, attributes);
}

/**
 * The gradient of a convolution's input, by shape: a kernel of one place is a matrix, a small map is one dense product,
 * and all else the transposed convolution.
 */
export function convInputGradient({ g, x: [x, w], attributes }: Cotangent<"Conv">): Tensor {
  const { strides, pads, group } = attributes;
  const kernel = spatial(w!.shape);
  if (group === 1 && product(kernel) === 1 && strides.every((s) => s === 1) && pads.every((p) => p === 0)) {
    const [batch, out] = g.shape as [Dim, number];
    const count = product(spatial(g.shape));
    const matrix = o.reshape(w!, [out, x!.shape[1]!]);
    return o.reshape(o.matmul(matrix, o.reshape(g, [batch, out, count]), { transA: true }), x!.shape);
  }
  if (isDense(spatial(x!.shape), spatial(g.shape), attributes)) return denseInputGradient(g, w!, x!.shape, attributes);
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
  const weight = full(g.dtype, 1 / product(kernel), [channels, 1, ...kernel]);
  return backThrough(g, weight, x!.shape, { strides, pads, dilations: kernel.map(() => 1), group: channels });
}
