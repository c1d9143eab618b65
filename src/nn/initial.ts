/** Starting values of a model trained from scratch: they follow from the seed and each parameter's name. */
import { nameHash } from "../base/hash.ts";
import { orthonormalise } from "../base/orthonormal.ts";
import { fail } from "../errors.ts";
import { type NdArray, sizeOf, zeros } from "../graph/array.ts";
import { siteSeed, siteSeeds } from "../graph/random.ts";
import type { Fan, Initial, ParameterSpec } from "./scope.ts";

/** Numbers a parameter is drawn from: 32 bits for each place, and for each further try at that place. */
type Bits = (place: number, attempt?: number) => number;

/** What is made from the shape and bits; `name` is for errors. */
interface Draw {
  readonly name: string;
  readonly shape: readonly number[];
  readonly bits: Bits;
  readonly data: Float32Array;
}

/** In (0, 1): the lowest draw is half a step above zero, where the logarithm is finite. */
const open = (bits: number) => (bits + 0.5) / 2 ** 32;

/** Normal numbers by Box and Muller (1958), two from two. */
function fillNormal({ bits, data }: Draw, std: number, mean = 0): void {
  for (let i = 0; i < data.length; i += 2) {
    const radius = std * Math.sqrt(-2 * Math.log(open(bits(i))));
    const angle = 2 * Math.PI * open(bits(i + 1));
    data[i] = mean + radius * Math.cos(angle);
    if (i + 1 < data.length) data[i + 1] = mean + radius * Math.sin(angle);
  }
}

/** Multiples of 2⁻²⁴ of the range, so that the upper bound is never reached but by rounding. */
function fillUniform({ bits, data }: Draw, low: number, high: number): void {
  for (let i = 0; i < data.length; i++) data[i] = low + (high - low) * ((bits(i) >>> 8) / 2 ** 24);
}

/** An interval of the tail that so many draws miss holds less than about a thousandth of the distribution. */
const attempts = 10_000;

/** Drawn again until it falls inside: the same distribution as PyTorch's inverse of the cumulative one. */
function fillTruncated({ name, bits, data }: Draw, mean: number, std: number, low: number, high: number): void {
  if (!(low < high)) fail("wrong_use", `"${name}": a truncated normal between ${low} and ${high}`);
  for (let i = 0; i < data.length; i++) {
    for (let attempt = 0; ; attempt += 2) {
      const radius = std * Math.sqrt(-2 * Math.log(open(bits(i, attempt))));
      const value = mean + radius * Math.cos(2 * Math.PI * open(bits(i, attempt + 1)));
      if (value >= low && value <= high) {
        data[i] = value;
        break;
      }
      if (attempt > 2 * attempts) {
        fail("wrong_use", `"${name}": between ${low} and ${high} lies next to nothing of a normal of ${mean} ± ${std}`);
      }
    }
  }
}

/**
 * How many numbers go into a result and how many results a number goes into: weights are [out, in] or
 * [out, in / groups, …kernel], transposed convolutions [in, out / groups, …kernel], for which the two are exchanged as
 * in PyTorch (`torch.nn.init._calculate_fan_in_and_fan_out`).
 */
export function fans(shape: readonly number[]): { readonly in: number; readonly out: number } {
  const [out, into, ...kernel] = shape;
  if (out === undefined || into === undefined) {
    return fail("wrong_use", `a parameter of shape [${shape}] has no fan: expected 2 axes or more`);
  }
  const places = sizeOf(kernel);
  return { in: into * places, out: out * places };
}

/** gain / √fan: `torch.nn.init.kaiming_*` for one fan, `xavier_*` for the mean of both. */
function scaledStd({ name, shape }: Draw, fan: Fan, gain: number): number {
  if (shape.length < 2) fail("wrong_use", `"${name}" of shape [${shape}] has no fan: expected 2 axes or more`);
  const { in: into, out } = fans(shape);
  const count = fan === "in" ? into : fan === "out" ? out : (into + out) / 2;
  return count === 0 ? 0 : gain / Math.sqrt(count);
}

/**
 * Orthonormal rows or columns, whichever are fewer, of [out, …all other axes]: Q of a normal matrix's QR decomposition
 * with R's diagonal positive (`torch.nn.init.orthogonal_`; Saxe et al. 2014, arXiv 1312.6120).
 */
function fillOrthogonal(draw: Draw, gain: number): void {
  const { name, shape, data } = draw;
  if (shape.length < 2) fail("wrong_use", `"${name}" of shape [${shape}]: orthogonal needs 2 axes or more`);
  const rows = shape[0]!;
  const columns = rows === 0 ? 0 : data.length / rows;
  fillNormal(draw, 1);
  const [count, length] = rows < columns ? [rows, columns] : [columns, rows];
  const at = (vector: number, i: number) => (rows < columns ? vector * columns + i : i * columns + vector);
  const vectors = Array.from({ length: count }, (_, v) => Float64Array.from({ length }, (_, i) => data[at(v, i)]!));
  orthonormalise(vectors);
  vectors.forEach((vector, v) => {
    for (let i = 0; i < length; i++) data[at(v, i)] = gain * vector[i]!;
  });
}

/** What goes in comes out: `torch.nn.init.eye_` of a matrix, `dirac_` (the kernel's middle) of a convolution. */
function fillIdentity({ name, shape, data }: Draw): void {
  if (shape.length < 2) fail("wrong_use", `"${name}" of shape [${shape}]: identity needs 2 axes or more`);
  const [out, into, ...kernel] = shape as [number, number, ...number[]];
  const middle = kernel.reduce((place, size) => place * size + Math.floor(size / 2), 0);
  const places = sizeOf(kernel);
  for (let i = 0; i < Math.min(out, into); i++) data[(i * into + i) * places + middle] = 1;
}

type Fill = { readonly [K in Initial["kind"]]: (draw: Draw, initial: Extract<Initial, { kind: K }>) => void };

const fill: Fill = {
  fill: ({ data }, { value }) => void data.fill(value),
  normal: (draw, { std, mean }) => fillNormal(draw, std, mean),
  uniform: (draw, { low, high }) => fillUniform(draw, low, high),
  truncated: (draw, { mean, std, low, high }) => fillTruncated(draw, mean, std, low, high),
  "scaled-normal": (draw, { fan, gain }) => fillNormal(draw, scaledStd(draw, fan, gain)),
  "scaled-uniform": (draw, { fan, gain }) => {
    // A uniform number in ±√3 σ has the standard deviation σ.
    const bound = Math.sqrt(3) * scaledStd(draw, fan, gain);
    fillUniform(draw, -bound, bound);
  },
  orthogonal: (draw, { gain }) => fillOrthogonal(draw, gain),
  identity: fillIdentity,
};

/**
 * Draw a parameter. An element follows from the seed, the parameter's name and its place; of an orthogonal one, all
 * elements do together (its time grows with rows · columns · the fewer of both: 1024 × 1024 take seconds).
 */
export function initialValue({ name, shape, initial }: ParameterSpec, seed: number): NdArray<"float32"> {
  const array = zeros("float32", shape);
  const bits = siteSeeds(siteSeed(seed, nameHash(name), 0));
  const draw: Draw = { name, shape, bits, data: array.data as Float32Array };
  (fill[initial.kind] as (draw: Draw, initial: Initial) => void)(draw, initial);
  return array;
}
