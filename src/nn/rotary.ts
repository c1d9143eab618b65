/**
 * Rotary positions (Su et al. 2021, arXiv 2104.09864): pairs of a head's channels turn by an angle that grows with the
 * position, so that a product of query and key depends on their distance alone.
 *
 * The reference computes inverse frequencies, angles and their sine and cosine in float32; so does this.
 */
import { float32 } from "../graph/array.ts";
import type { Dim } from "../graph/dims.ts";
import * as o from "../graph/operators.ts";
import { constant, type Tensor } from "../graph/tensor.ts";
import type { Pass } from "./pass.ts";
import { type RopeScaling, scaledFrequencies } from "./rope-scaling.ts";

export interface Rotary {
  /** Channels of a head that turn; the rest pass. Even. */
  readonly width: number;
  readonly theta: number;
  readonly scaling: RopeScaling;
  /** Which channels are pairs: (j, j + width/2), or (2j, 2j + 1). */
  readonly pairs: "half" | "interleaved";
}

/** Cosines and sines of a pass, [rows | 1, length, 1, width / 2]; made once, used by every layer. */
export interface Angles {
  readonly cos: Tensor;
  readonly sin: Tensor;
  readonly width: number;
  readonly pairs: Rotary["pairs"];
}

/** The angles of the tokens of a pass; the kinds `dynamic` and `longrope` depend on the length of each one's text. */
export function anglesAt(rotary: Rotary, { positions, lengths }: Pick<Pass, "positions" | "lengths">): Angles {
  const { width, pairs } = rotary;
  const [rows, length] = positions.shape as [Dim, Dim];
  const { inverse, magnitude } = scaledFrequencies(rotary, lengths);
  const frequencies = "data" in inverse ? constant(float32([width / 2], inverse.data)) : inverse.tensor;
  const place = o.cast(o.reshape(positions, [rows, length, 1, 1]), "float32");
  const angle = o.mul(place, frequencies);
  return { cos: o.mul(o.cos(angle), magnitude), sin: o.mul(o.sin(angle), magnitude), width, pairs };
}

/** Turn the heads of x [rows, length, heads · k]. */
export function rotate(x: Tensor, heads: number, { cos, sin, width, pairs }: Angles): Tensor {
  const [rows, length, all] = x.shape as [Dim, Dim, number];
  const size = all / heads;
  const split = o.reshape(x, [rows, length, heads, size]);
  const half = width / 2;
  const turn = (a: Tensor, b: Tensor) => [o.sub(o.mul(a, cos), o.mul(b, sin)), o.add(o.mul(b, cos), o.mul(a, sin))];
  const part = (from: number, to: number) => o.slice(split, -1, from, to);
  const rest = width < size ? [part(width, size)] : [];
  if (pairs === "half") {
    return o.reshape(o.concat([...turn(part(0, half), part(half, width)), ...rest], -1), x.shape);
  }
  const pair = o.reshape(part(0, width), [rows, length, heads, half, 2]);
  const [a, b] = [0, 1].map((i) => o.reshape(o.slice(pair, -1, i, i + 1), [rows, length, heads, half]));
  const turned = turn(a!, b!).map((y) => o.reshape(y, [rows, length, heads, half, 1]));
  const joined = o.reshape(o.concat(turned, -1), [rows, length, heads, width]);
  return o.reshape(o.concat([joined, ...rest], -1), x.shape);
}
