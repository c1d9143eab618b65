/**
 * How rotary frequencies are changed for texts longer than those a model was trained on, by the names that
 * configurations use for `rope_type`. Inverse frequencies are θ^(−2j/r), j = 0 … r/2 − 1.
 */
import { z } from "zod";
import { float32 } from "../graph/array.ts";
import * as o from "../graph/operators.ts";
import { constant, type Tensor } from "../graph/tensor.ts";

const factor = z.number().positive();
const length = z.number().int().positive();

/** The part of config.json that names a scaling, as it is after both spellings were made one. */
export const ropeScalingSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("default") }),
  z.object({ kind: z.literal("linear"), factor }),
  z.object({ kind: z.literal("dynamic"), factor, trained: length }),
  z.object({ kind: z.literal("llama3"), factor, trained: length, low: factor, high: factor }),
  z.object({
    kind: z.literal("yarn"),
    factor,
    trained: length,
    betaFast: factor,
    betaSlow: factor,
    truncate: z.boolean(),
    magnitude: factor,
  }),
  z.object({
    kind: z.literal("longrope"),
    trained: length,
    short: z.array(factor),
    long: z.array(factor),
    magnitude: factor,
  }),
]);

export type RopeScaling = z.infer<typeof ropeScalingSchema>;

/** Frequencies [width / 2] known when the graph is written, or computed in it from the texts' lengths, [..., width / 2]. */
type Frequencies = { readonly data: Float32Array } | { readonly tensor: Tensor };

interface Scaled {
  readonly inverse: Frequencies;
  /** Cosines and sines are multiplied by this. */
  readonly magnitude: number;
}

/** θ^(−2j/r) for every pair, rounded to float32 as the reference has them. */
const plain = (theta: number, width: number) =>
  Array.from({ length: width / 2 }, (_, j) => Math.fround(1 / Math.fround(theta ** ((2 * j) / width))));

/** Long wave lengths are stretched by the factor, short ones stay, those between are blended (Llama 3.1). */
function llama3(inverse: readonly number[], s: Extract<RopeScaling, { kind: "llama3" }>): number[] {
  return inverse.map((f) => {
    const wave = (2 * Math.PI) / f;
    if (wave < s.trained / s.high) return f;
    if (wave > s.trained / s.low) return f / s.factor;
    const t = (s.trained / wave - s.low) / (s.high - s.low);
    return (f / s.factor) * (1 - t) + f * t;
  });
}

/** YaRN (Peng et al. 2023, arXiv 2309.00071, section 3.2): a ramp over the channels between two counts of turns. */
function yarn(theta: number, width: number, s: Extract<RopeScaling, { kind: "yarn" }>): number[] {
  const channel = (turns: number) => (width * Math.log(s.trained / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [low, high] = [channel(s.betaFast), channel(s.betaSlow)];
  const from = Math.max(s.truncate ? Math.floor(low) : low, 0);
  const found = Math.min(s.truncate ? Math.ceil(high) : high, width - 1);
  const to = found === from ? found + 0.001 : found;
  return plain(theta, width).map((f, j) => {
    const ramp = Math.min(Math.max((j - from) / (to - from), 0), 1);
    return (f / s.factor) * ramp + f * (1 - ramp);
  });
}

/** The text length above which a scaling's frequencies follow from the length; none where they are always the same. */
export const steadyUpTo = (scaling: RopeScaling): number | undefined =>
  scaling.kind === "dynamic" || scaling.kind === "longrope" ? scaling.trained : undefined;

/**
 * Tokens of the longest text of a model of so many positions: a scaling that follows the length takes any, and files
 * of YaRN may still tell the length from before it.
 */
export const longestWith = (positions: number, scalings: readonly RopeScaling[]): number | undefined => {
  if (scalings.some(({ kind }) => kind === "dynamic")) return undefined;
  const reached = scalings.map((scaling) =>
    scaling.kind === "yarn" ? Math.floor(scaling.trained * scaling.factor) : 0,
  );
  return Math.max(positions, ...reached);
};

/** The frequencies of tokens whose texts have so many tokens, int64 [rows, length]; asked for where they matter. */
export function scaledFrequencies(
  { width, theta, scaling }: { width: number; theta: number; scaling: RopeScaling },
  lengths: () => Tensor,
): Scaled {
  const known = (values: readonly number[], magnitude = 1): Scaled => ({
    inverse: { data: Float32Array.from(values) },
    magnitude,
  });
  const each = () => {
    const texts = lengths();
    return o.reshape(texts, [...texts.shape, 1, 1]);
  };
  const inverse = plain(theta, width);
  switch (scaling.kind) {
    case "default":
      return known(inverse);
    case "linear":
      return known(inverse.map((f) => f / scaling.factor));
    case "llama3":
      return known(llama3(inverse, scaling));
    case "yarn":
      return known(yarn(theta, width, scaling), scaling.magnitude);
    case "dynamic": {
      // θ' = θ · (s · n / M − (s − 1))^(r / (r − 2)) for texts of n > M tokens (NTK-aware scaling).
      const n = o.maximum(o.cast(each(), "float32"), scaling.trained);
      const grown = o.sub(o.mul(n, scaling.factor / scaling.trained), scaling.factor - 1);
      const base = o.mul(o.pow(grown, width / (width - 2)), theta);
      const exponents = constant(
        float32(
          [width / 2],
          Float32Array.from({ length: width / 2 }, (_, j) => (-2 * j) / width),
        ),
      );
      return { inverse: { tensor: o.pow(base, exponents) }, magnitude: 1 };
    }
    case "longrope": {
      const scaled = (factors: readonly number[]) =>
        constant(
          float32(
            [width / 2],
            Float32Array.from(inverse, (f, j) => f / factors[j]!),
          ),
        );
      const isLong = o.greater(each(), scaling.trained);
      return {
        inverse: { tensor: o.where(isLong, scaled(scaling.long), scaled(scaling.short)) },
        magnitude: scaling.magnitude,
      };
    }
  }
}
