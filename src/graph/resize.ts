/**
 * Other numbers of places along an axis, as products with a matrix of weights: the result of a resize is linear in what
 * is resized, and so is its gradient. Conventions are those of `torch.nn.functional.interpolate`.
 */
import { fail } from "../errors.ts";
import { float32 } from "./array.ts";
import { normalAxis } from "./dims.ts";
import * as o from "./operators.ts";
import { constant, type Tensor } from "./tensor.ts";

export interface ResizeOptions {
  readonly mode: "nearest" | "linear" | "cubic";
  /** The first and the last places lie on those of the result (SciPy's `zoom`); else the edges of their areas do. */
  readonly alignCorners?: boolean;
  /** Where the result is smaller, weights reach over all places that it covers. */
  readonly antialias?: boolean;
}

const linear = (x: number): number => Math.max(0, 1 - Math.abs(x));

/** Keys's cubic (1981). */
function cubic(x: number, a: number): number {
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/** Where a place of the result lies in what is resized. */
function centre(place: number, from: number, to: number, alignCorners: boolean): number {
  if (alignCorners) return to > 1 ? (place * (from - 1)) / (to - 1) : 0;
  return ((place + 0.5) * from) / to - 0.5;
}

/** Weights of `from` places for each of `to`, [to, from]; every row sums to 1. */
export function resizeWeights(from: number, to: number, options: ResizeOptions): Float64Array {
  const { mode, alignCorners = false, antialias = false } = options;
  if (!(from > 0 && to > 0)) fail("wrong_use", `an axis of ${from} places resized to ${to}`);
  const weights = new Float64Array(to * from);
  const scale = antialias ? Math.max(from / to, 1) : 1;
  // PyTorch takes -0.75, and with antialiasing, as Pillow does, -0.5.
  const kernel = mode === "linear" ? linear : (x: number) => cubic(x, antialias ? -0.5 : -0.75);
  const reach = (mode === "linear" ? 1 : 2) * scale;
  for (let place = 0; place < to; place++) {
    const row = weights.subarray(place * from, (place + 1) * from);
    if (mode === "nearest") {
      row[Math.min(from - 1, Math.floor((place * from) / to))] = 1;
      continue;
    }
    const at = centre(place, from, to, alignCorners);
    let total = 0;
    for (let tap = Math.floor(at - reach); tap <= Math.ceil(at + reach); tap++) {
      // Without antialiasing the edge goes on outside; with it, what lies outside has no weight.
      if (antialias && (tap < 0 || tap >= from)) continue;
      const weight = kernel((tap - at) / scale);
      const inside = Math.min(from - 1, Math.max(0, tap));
      row[inside] = row[inside]! + weight;
      total += weight;
    }
    for (let i = 0; i < from; i++) row[i] = row[i]! / total;
  }
  return weights;
}

/** x with `to` places along each of the axes, whose sizes are numbers. */
export function resize(x: Tensor, to: Readonly<Record<number, number>>, options: ResizeOptions): Tensor {
  return Object.entries(to).reduce((part, [key, size]) => {
    const axis = normalAxis(Number(key), x.shape.length);
    const from = part.shape[axis]!;
    if (typeof from !== "number") return fail("unsupported", `resizing the symbolic size ${from}`);
    if (from === size) return part;
    const matrix = constant(float32([size, from], Float32Array.from(resizeWeights(from, size, options))));
    const last = part.shape.length - 1;
    if (axis === last) return o.matmul(part, matrix, { transB: true });
    if (axis === last - 1) return o.matmul(matrix, part);
    const order = part.shape.map((_, i) => (i === axis ? last : i === last ? axis : i));
    return o.transpose(o.matmul(o.transpose(part, order), matrix, { transB: true }), order);
  }, x);
}
