/**
 * A convolution over a map of very few places is a dense layer: every output place sees nearly every input place, so the
 * gradient of its input is one product with the kernel laid out as a matrix. The transposed convolution of such maps
 * costs the engine several times as much.
 */
import { int64 } from "../array.ts";
import type { Dim, Shape } from "../dims.ts";
import * as o from "../operators.ts";
import { type Attributes, constant, full, type Tensor } from "../tensor.ts";

type Geometry = Pick<Attributes["Conv"], "strides" | "pads" | "dilations" | "group">;

const count = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** Places of a map up to which the matrix is no larger than a few kernels. */
const mostPlaces = 4;

/** Whether a convolution from a map of these sizes to one of those is better a matrix. */
export function isDense(input: readonly number[], out: readonly number[], { group }: Geometry): boolean {
  return group === 1 && count(input) <= mostPlaces && count(out) <= mostPlaces;
}

/** The row-major place as a position. */
function position(place: number, sizes: readonly number[]): number[] {
  const at: number[] = [];
  let rest = place;
  for (let i = sizes.length - 1; i >= 0; i--) {
    at.unshift(rest % sizes[i]!);
    rest = Math.floor(rest / sizes[i]!);
  }
  return at;
}

/** Which place of the kernel stands between an output and an input place, [out · input]; `none` where there is no such. */
function between(input: readonly number[], out: readonly number[], kernel: readonly number[], a: Geometry): number[] {
  const none = count(kernel);
  return Array.from({ length: count(out) * count(input) }, (_, pair) => {
    const from = position(pair % count(input), input);
    const to = position(Math.floor(pair / count(input)), out);
    let place = 0;
    for (let i = 0; i < kernel.length; i++) {
      const k = (from[i]! + a.pads[i]! - to[i]! * a.strides[i]!) / a.dilations[i]!;
      if (!Number.isInteger(k) || k < 0 || k >= kernel[i]!) return none;
      place = place * kernel[i]! + k;
    }
    return place;
  });
}

/** g [batch, out, …] and the kernel [out, in, …] to the gradient of the input, whose shape is given. */
export function denseInputGradient(g: Tensor, w: Tensor, input: Shape, attributes: Geometry): Tensor {
  const [batch, outs] = g.shape as [Dim, number];
  const sizes = (shape: Shape) => shape.slice(2) as number[];
  const [from, to, kernel] = [sizes(input), sizes(g.shape), sizes(w.shape)];
  const [inputs, outputs, places] = [count(from), count(to), count(kernel)];
  const channels = w.shape[1] as number;
  const flat = o.reshape(w, [outs, channels, places]);
  const withNone = o.concat([flat, full(w.dtype, 0, [outs, channels, 1])], 2);
  const index = constant(int64([outputs * inputs], between(from, to, kernel, attributes)));
  const matrix = o.reshape(o.gather(withNone, index, 2), [outs, channels, outputs, inputs]);
  // [out · output place, channel · input place]
  const laidOut = o.reshape(o.transpose(matrix, [0, 2, 1, 3]), [outs * outputs, channels * inputs]);
  return o.reshape(o.matmul(o.reshape(g, [batch, outs * outputs]), laidOut), input);
}
