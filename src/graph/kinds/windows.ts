/** Convolutions and pools. */
import { fail } from "../../errors.ts";
import { addDims, type Dim, mulDims, type Shape, subDims } from "../dims.ts";
import type { Tensor } from "../tensor.ts";
import { makers, type Output, type ShapeRules, sameDType } from "./kind.ts";

interface Window {
  readonly strides: readonly number[];
  /** Begin of each spatial axis, then end of each. */
  readonly pads: readonly number[];
}

interface Convolution extends Window {
  readonly dilations: readonly number[];
  readonly group: number;
}

interface Pool extends Window {
  readonly kernel: readonly number[];
}

declare module "../tensor.ts" {
  interface Attributes {
    Conv: Convolution;
    ConvTranspose: Convolution & { readonly outputPadding: readonly number[] };
    /** Second output: where each maximum was, counted over the whole tensor. */
    MaxPool: Pool;
    /** Padding counts as zeros. */
    AveragePool: Pool;
  }
}

/** Size of a convolution's or pool's spatial axis; symbols must divide out exactly, so strides need numbers. */
function windowed(dim: Dim, kernel: number, stride: number, begin: number, end: number, dilation: number): Dim {
  const span = subDims(addDims(dim, begin + end), dilation * (kernel - 1) + 1);
  if (typeof span === "number") {
    if (span < 0) fail("wrong_use", `a window of ${kernel} does not fit into ${dim} with padding ${begin} and ${end}`);
    return Math.floor(span / stride) + 1;
  }
  if (stride === 1) return addDims(span, 1);
  return fail("unsupported", `a strided window over the symbolic size ${dim}`);
}

function window(spatial: Shape, kernel: readonly number[], { strides, pads }: Pool, dilations?: readonly number[]) {
  return spatial.map((dim, i) =>
    windowed(dim, kernel[i]!, strides[i]!, pads[i]!, pads[i + spatial.length]!, dilations?.[i] ?? 1),
  );
}

const pool = ([x]: readonly Tensor[], attributes: Pool): Output[] => [
  { dtype: x!.dtype, shape: [...x!.shape.slice(0, 2), ...window(x!.shape.slice(2), attributes.kernel, attributes)] },
];

const numbers = (shape: Shape): number[] =>
  shape.map((dim) => (typeof dim === "number" ? dim : fail("unsupported", `a kernel of symbolic size ${dim}`)));

const shapes = {
  Conv: ([x, w], attributes) => {
    const kernel = numbers(w!.shape.slice(2));
    if (x!.shape[1] !== mulDims(w!.shape[1]!, attributes.group)) {
      fail("wrong_use", `${x!.shape[1]} channels, the kernel takes ${w!.shape[1]} in ${attributes.group} group(s)`);
    }
    const spatial = window(x!.shape.slice(2), kernel, { ...attributes, kernel }, attributes.dilations);
    return [{ dtype: sameDType([x!, w!]), shape: [x!.shape[0]!, w!.shape[0]!, ...spatial] }];
  },
  ConvTranspose: ([x, w], { strides, pads, dilations, group, outputPadding }) => {
    const kernel = numbers(w!.shape.slice(2));
    const spatial = x!.shape.slice(2).map((dim, i) => {
      const span = dilations[i]! * (kernel[i]! - 1) + 1 + outputPadding[i]! - pads[i]! - pads[i + kernel.length]!;
      return addDims(mulDims(subDims(dim, 1), strides[i]!), span);
    });
    return [{ dtype: sameDType([x!, w!]), shape: [x!.shape[0]!, mulDims(w!.shape[1]!, group), ...spatial] }];
  },
  MaxPool: (inputs, attributes) => [
    ...pool(inputs, attributes),
    ...pool(inputs, attributes).map(({ shape }) => ({ dtype: "int64" as const, shape })),
  ],
  AveragePool: pool,
} satisfies ShapeRules;

export default shapes;

const { one } = makers(shapes);

const spatial = (x: Tensor, value: number | readonly number[] | undefined, otherwise: number): readonly number[] =>
  Array.isArray(value) ? (value as number[]) : x.shape.slice(2).map(() => (value as number | undefined) ?? otherwise);

export interface ConvOptions {
  stride?: number | readonly number[];
  /** The same on both sides of an axis, or begins then ends. */
  pads?: number | readonly number[];
  dilation?: number | readonly number[];
  group?: number;
}

const bothSides = (x: Tensor, pads: number | readonly number[] | undefined): readonly number[] =>
  Array.isArray(pads) ? (pads as number[]) : [...spatial(x, pads, 0), ...spatial(x, pads, 0)];

/** x [batch, channels, …], w [out, channels / group, …kernel], bias [out]. */
export function conv(
  x: Tensor,
  w: Tensor,
  bias?: Tensor,
  { stride, pads, dilation, group = 1 }: ConvOptions = {},
): Tensor {
  return one("Conv", bias ? [x, w, bias] : [x, w], {
    strides: spatial(x, stride, 1),
    pads: bothSides(x, pads),
    dilations: spatial(x, dilation, 1),
    group,
  });
}

/** x [batch, in, …], w [in, out / group, …kernel], bias [out]. */
export function convTranspose(
  x: Tensor,
  w: Tensor,
  bias?: Tensor,
  {
    stride,
    pads,
    dilation,
    group = 1,
    outputPadding,
  }: ConvOptions & { outputPadding?: number | readonly number[] } = {},
): Tensor {
  return one("ConvTranspose", bias ? [x, w, bias] : [x, w], {
    strides: spatial(x, stride, 1),
    pads: bothSides(x, pads),
    dilations: spatial(x, dilation, 1),
    group,
    outputPadding: spatial(x, outputPadding, 0),
  });
}

export interface PoolOptions {
  stride?: number | readonly number[];
  pads?: number | readonly number[];
}

const pooling =
  (op: "MaxPool" | "AveragePool") =>
  (x: Tensor, kernel: number | readonly number[], { stride, pads }: PoolOptions = {}): Tensor => {
    const size = spatial(x, kernel, 1);
    return one(op, [x], {
      kernel: size,
      strides: stride === undefined ? size : spatial(x, stride, 1),
      pads: bothSides(x, pads),
    });
  };

export const maxPool = pooling("MaxPool");
export const averagePool = pooling("AveragePool");
