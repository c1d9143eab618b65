/**
 * Rotary positions (Su et al. 2021, arXiv 2104.09864): pairs of a head's channels turn by an angle that grows with the
 * position, so that a product of query and key depends on their distance alone.
 *
 * The reference computes inverse frequencies, angles and their sine and cosine in float32; so does this.
 */
import { float32 } from "../graph/array.ts";
import type { Dim, Shape } from "../graph/dims.ts";
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

/** Cosines and sines of a pass; made once, used by every layer. */
export type Angles = { readonly pairs: Rotary["pairs"]; readonly width: number } & (
  | {
      /** Of every token, [rows | 1, length, 1, width / 2]. */
      readonly cos: Tensor;
      readonly sin: Tensor;
      readonly positions?: undefined;
    }
  | {
      /** Tables [any, width / 2], and the place of every token in them, [rows, length]. */
      readonly cos: Tensor;
      readonly sin: Tensor;
      readonly positions: Tensor;
    }
);

/** The angles of the tokens of a pass; the kinds `dynamic` and `longrope` depend on the length of each one's text. */
export function anglesAt(rotary: Rotary, pass: Pick<Pass, "positions" | "lengths" | "tabled">): Angles {
  const { width, pairs } = rotary;
  const { positions, lengths, tabled } = pass;
  const [rows, length] = positions.shape as [Dim, Dim];
  const { inverse, magnitude } = scaledFrequencies(rotary, lengths);
  const frequencies = "data" in inverse ? constant(float32([width / 2], inverse.data)) : inverse.tensor;
  const turns = (places: Tensor, shape: Shape, by: (angle: Tensor) => Tensor) =>
    o.mul(by(o.mul(o.cast(o.reshape(places, shape), "float32"), frequencies)), magnitude);
  if (tabled && "data" in inverse) {
    const table = (by: (angle: Tensor) => Tensor) => tabled((places) => turns(places, [places.shape[0]!, 1], by));
    return { cos: table(o.cos), sin: table(o.sin), positions, width, pairs };
  }
  const each = (by: (angle: Tensor) => Tensor) => turns(positions, [rows, length, 1, 1], by);
  return { cos: each(o.cos), sin: each(o.sin), width, pairs };
}

/** Turn the heads of x [rows, length, heads · k]. */
export function rotate(x: Tensor, heads: number, { cos, sin, positions, pairs }: Angles): Tensor {
  const rotation = { heads, interleaved: pairs === "interleaved" };
  return positions ? o.rotateBy(x, positions, { cos, sin }, rotation) : o.rotateInParts(x, cos, sin, rotation);
}
