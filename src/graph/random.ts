/**
 * Random numbers without state: integer hashes of (seed, position), so a resumed run draws the same bits, and Node,
 * the browser and any other program that knows the formula agree on them. The runtime's own Dropout keeps a state
 * that restarts with every session.
 */
import { fail } from "../errors.ts";
import { type Dim, elements, type Shape } from "./dims.ts";
import * as o from "./operators.ts";
import { full, type Tensor } from "./tensor.ts";

/** Two finalisers of 32-bit integers (multiply, xor-shift): rows and columns of a mask must not share one. */
const rowMix = [16, 0x7feb352d, 15, 0x846ca68b, 16] as const;
const columnMix = [15, 0x2c1b3c6d, 12, 0x297a2d39, 15] as const;
type Mix = typeof rowMix | typeof columnMix;

const u32 = (value: number): Tensor => full("uint32", value);
const foldDown = (x: Tensor, bits: number): Tensor => o.bitwiseXor(x, o.shiftRight(x, bits));

/** x ^= x >> a; x *= b; x ^= x >> c; x *= d; x ^= x >> e, modulo 2³²: a bijection that spreads every bit. */
function mix(x: Tensor, [a, b, c, d, e]: Mix): Tensor {
  return foldDown(o.mul(foldDown(o.mul(foldDown(x, a), u32(b)), c), u32(d)), e);
}

/** Hashes of 0 … size − 1 under the seed. The inner hash has no seed, so all draws of one size share it. */
function hashes(seed: Tensor, size: Dim, how: Mix): Tensor {
  return mix(o.bitwiseXor(mix(o.iota(size, "uint32"), how), seed), how);
}

/**
 * One uint32 per element, uniform over all 2³² values: mix(mix(position) ^ seed), positions counted row by row.
 * `seed` is a uint32 scalar, best one made by {@link siteSeed}. About 6 ms per million elements on one core.
 */
export function hashUniform(seed: Tensor, shape: Shape): Tensor {
  needSeed(seed);
  return o.reshape(hashes(seed, elements(shape), rowMix), shape);
}

/** Uniform numbers in [0, 1), multiples of 2⁻²⁴: exact in float32, so the same on every machine. */
export function uniform(seed: Tensor, shape: Shape): Tensor {
  return o.mul(o.cast(o.shiftRight(hashUniform(seed, shape), 8), "float32"), 2 ** -24);
}

const masks = new WeakSet<object>();

/** Whether a value is a dropout mask or a step towards one: cheap to compute again instead of keeping it. */
export function isDropoutMask(value: Tensor): boolean {
  return masks.has(value.node);
}

/**
 * 1 where an element is kept, 0 where it is dropped. With r an odd hash of the row and c one of the column, an
 * element is dropped where r · c mod 2³² < rate · 2³²: one product and one comparison an element, a fraction of the
 * cost of a hash for each. r · c is uniform, and any two elements are independent (an odd factor is a bijection).
 */
function keepMask(seed: Tensor, shape: Shape, rate: number, like: Tensor): Tensor {
  const odd = (x: Tensor): Tensor => o.add(o.shiftLeft(x, 1), u32(1));
  const rows = shape.slice(0, -1);
  const columns: Dim = shape.at(-1) ?? 1;
  const r = o.reshape(odd(hashes(seed, elements(rows), rowMix)), shape.length === 0 ? [] : [...rows, 1]);
  const c = o.reshape(odd(hashes(seed, columns, columnMix)), shape.length === 0 ? [] : [columns]);
  const product = o.mul(r, c);
  const kept = o.greaterOrEqual(product, u32(Math.min(Math.round(rate * 2 ** 32), 2 ** 32 - 1)));
  const mask = o.cast(kept, like.dtype);
  for (const { node } of [product, kept, mask]) masks.add(node);
  return mask;
}

/**
 * Drop elements with probability `rate` and scale the rest by 1 / (1 − rate), so the expectation stays. The mask
 * follows from the uint32 scalar `seed` and the element's place alone. Its gradient uses the same mask; give
 * `recompute: isDropoutMask` to `gradients` to draw it a second time instead of keeping it.
 */
export function dropout(x: Tensor, rate: number, seed: Tensor): Tensor {
  if (!(rate >= 0 && rate < 1)) fail("wrong_use", `dropout with the rate ${rate}: expected 0 or more and less than 1`);
  needSeed(seed);
  return rate === 0 ? x : o.mul(o.mul(x, keepMask(seed, x.shape, rate, x)), 1 / (1 - rate));
}

function needSeed(seed: Tensor): void {
  if (seed.dtype !== "uint32" || seed.shape.length > 0) {
    fail("wrong_use", `a seed is a uint32 scalar, got ${seed.dtype} of rank ${seed.shape.length}`);
  }
}

/** The finaliser of the rows on ordinary numbers. */
function mixNumber(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * The seed of one place in the network at one step of one run: three whole numbers (each up to 2⁵³) hashed one after
 * the other into 32 bits, so neighbouring steps and sites have nothing in common.
 */
export function siteSeed(seed: number, step: number, site: number): number {
  let hash = 0x9e3779b9;
  for (const [name, part] of Object.entries({ seed, step, site })) {
    if (!Number.isSafeInteger(part) || part < 0) fail("wrong_use", `the ${name} ${part} is no whole number from 0 up`);
    hash = mixPart(hash, part % 2 ** 32, Math.floor(part / 2 ** 32));
  }
  return hash;
}

const mixPart = (hash: number, low: number, high: number): number =>
  mixNumber((mixNumber(hash ^ low) + high + 0x6d2b79f5) >>> 0);

/** {@link siteSeed} of (seed, step, site) for many steps below 2³², a tenth of the time each: the seed is hashed once. */
export function siteSeeds(seed: number): (step: number, site?: number) => number {
  const start = mixPart(0x9e3779b9, seed % 2 ** 32, Math.floor(seed / 2 ** 32));
  return (step, site = 0) => mixPart(mixPart(start, step, 0), site, 0);
}
