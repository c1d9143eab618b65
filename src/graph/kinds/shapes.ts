/** Operators that move elements: other shapes, parts, and parts put together. */
import { fail } from "../../errors.ts";
import { addDims, broadcast, type Dim, elements, normalAxis, type Shape, sameShape, showShape } from "../dims.ts";
import type { DType } from "../dtype.ts";
import { full, type Tensor } from "../tensor.ts";
import { makers, type ShapeRules, sameDType, withAxis } from "./kind.ts";
import { sliced } from "./slices.ts";

declare module "../tensor.ts" {
  interface Attributes {
    Reshape: { readonly shape: Shape };
    Transpose: { readonly perm: readonly number[] };
    Expand: { readonly shape: Shape };
    Concat: { readonly axis: number };
    Slice: { readonly axis: number; readonly start: number; readonly end: number; readonly step: number };
    Pad: { readonly begin: readonly number[]; readonly end: readonly number[] };
    Split: { readonly axis: number; readonly sizes: Shape };
  }
}

const shapes = {
  Reshape: ([x], { shape }) => {
    if (elements(x!.shape) !== elements(shape)) {
      fail("wrong_use", `${showShape(x!.shape)} cannot be reshaped to ${showShape(shape)}`);
    }
    return [{ dtype: x!.dtype, shape }];
  },
  Transpose: ([x], { perm }) => [
    { dtype: x!.dtype, shape: perm.map((axis) => x!.shape[normalAxis(axis, x!.shape.length)]!) },
  ],
  Expand: ([x], { shape }) => [{ dtype: x!.dtype, shape: broadcast(x!.shape, shape) }],
  Concat: (inputs, { axis }) => {
    const first = inputs[0]!;
    let total: Dim = 0;
    for (const { shape } of inputs) {
      total = addDims(total, shape[axis]!);
      if (!sameShape(withAxis(shape, axis, 0), withAxis(first.shape, axis, 0))) {
        fail("wrong_use", `${showShape(first.shape)} and ${showShape(shape)} differ off axis ${axis}`);
      }
    }
    return [{ dtype: sameDType(inputs), shape: withAxis(first.shape, axis, total) }];
  },
  Slice: ([x], attributes) => [
    { dtype: x!.dtype, shape: withAxis(x!.shape, attributes.axis, sliced(x!.shape[attributes.axis]!, attributes)) },
  ],
  Pad: ([x], { begin, end }) => [
    { dtype: x!.dtype, shape: x!.shape.map((dim, i) => addDims(dim, begin[i]! + end[i]!)) },
  ],
  Split: ([x], { axis, sizes }) => {
    const total = sizes.reduce<Dim>(addDims, 0);
    if (x!.shape[axis] !== total) fail("wrong_use", `axis ${axis} has ${x!.shape[axis]}, the parts sum to ${total}`);
    return sizes.map((size) => ({ dtype: x!.dtype, shape: withAxis(x!.shape, axis, size) }));
  },
} satisfies ShapeRules;

export default shapes;

const { one, all } = makers(shapes);

/** Same elements in another shape, whose sizes may be symbols. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const source = x.node.kind === "op" && x.node.op === "Reshape" ? x.node.inputs[0]! : x;
  return sameShape(source.shape, shape) ? source : one("Reshape", [source], { shape });
}

/** Drop the leading axes into one: [a, b, …, width] to [a·b·…, width]. */
export function flattenRows(x: Tensor): Tensor {
  return reshape(x, [elements(x.shape.slice(0, -1)), x.shape.at(-1)!]);
}

export function transpose(x: Tensor, perm: readonly number[]): Tensor {
  return perm.every((axis, i) => axis === i) ? x : one("Transpose", [x], { perm });
}

export function expand(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : one("Expand", [x], { shape });
}

/** A tensor of one value with any shape, symbols too. */
export function filled(dtype: DType, value: number, shape: Shape): Tensor {
  return expand(full(dtype, value), shape);
}

export function concat(parts: readonly Tensor[], axis: number): Tensor {
  const first = parts[0] ?? fail("wrong_use", "concat of nothing");
  return parts.length === 1 ? first : one("Concat", parts, { axis: normalAxis(axis, first.shape.length) });
}

/**
 * x[…, start:end:step, …]; negative positions count from the end, end defaults to all. Positions outside are clipped
 * where the size is a number; a symbolic size must hold them, and takes no step. With a negative step the positions
 * go down, and the end is -Infinity to include the first.
 */
export function slice(x: Tensor, axis: number, start: number, end = Infinity, step = 1): Tensor {
  if (start === 0 && end === Infinity && step === 1) return x;
  return one("Slice", [x], { axis: normalAxis(axis, x.shape.length), start, end, step });
}

/** The axis turned around, whatever its size. */
export function flip(x: Tensor, axis: number): Tensor {
  return slice(x, axis, -1, -Infinity, -1);
}

/** Zeros before and after each axis. */
export function pad(x: Tensor, begin: readonly number[], end: readonly number[]): Tensor {
  return [...begin, ...end].every((n) => n === 0) ? x : one("Pad", [x], { begin, end });
}

/** Consecutive parts of these sizes, which may be symbols, along the axis. */
export function split(x: Tensor, axis: number, sizes: Shape): readonly Tensor[] {
  return sizes.length === 1 ? [x] : all("Split", [x], { axis: normalAxis(axis, x.shape.length), sizes });
}
