/** What config.json files have in common. */
import { z } from "zod";
import { fail } from "../errors.ts";
import { type Activation, activationNames } from "../nn/activations.ts";
import type { RopeScaling } from "../nn/rope-scaling.ts";
import type { ImageSize, Problem } from "./family.ts";

/** A size: a whole number above zero that something can be allocated by. */
export const size = z
  .number()
  .int()
  .positive()
  .max(2 ** 24);

/** How many layers: the largest models have some 130, and a graph grows with every one. */
export const layers = z.number().int().positive().max(512);

/** Standard deviation of starting values. */
export const deviation = z.number().positive().max(1e6);

/** Id of a token. */
export const token = z.number().int().nonnegative();

/** Token of padding; older files say -1 where there is none. */
export const padding = z
  .number()
  .int()
  .nullish()
  .transform((id) => (id === null || id === undefined || id < 0 ? undefined : id));

export const rate = z.number().min(0).max(1);

/** Added to a variance: a number that float32 has. */
export const epsilon = z.number().min(1e-30).max(1);

export const activation = z.enum(activationNames) as z.ZodType<Activation>;

/** One end token, several, or none. */
export const ends = z
  .union([token, z.array(token)])
  .nullish()
  .transform((value) => (value === undefined || value === null ? [] : [value].flat()));

/** Names of classes by their numbers, else `num_labels` of them, else two, named as transformers names them. */
export const labelled = z.object({
  id2label: z.record(z.string(), z.string()).nullish(),
  num_labels: z
    .number()
    .int()
    .positive()
    .max(2 ** 20)
    .nullish(),
});

export function labelsOf({ id2label, num_labels }: z.infer<typeof labelled>): string[] {
  const count = id2label ? Object.keys(id2label).length : (num_labels ?? 2);
  return Array.from({ length: count }, (_, i) => id2label?.[i] ?? `LABEL_${i}`);
}

/** The token that fills rows: masked, so any will do where the one that is named is not in the vocabulary. */
export const padOf = (pad: number | null | undefined, vocabulary: number): number =>
  pad !== null && pad !== undefined && pad >= 0 && pad < vocabulary ? pad : 0;

/** All heads of a layer are one product of `width`, which `name` calls what config.json does. */
export function needHeads(name: string, width: number, heads: number): void {
  const size = width / heads;
  needConsistent(Number.isInteger(size), `${name} ${width} and ${heads} heads`);
  needConsistent(size <= 2 ** 14, `a head of ${size} channels and attention`);
}

/** What kind of classes these are, as transformers takes it where its configuration leaves it open. */
export function problemOf(problemType: string | null | undefined, labels: readonly string[]): Problem {
  if (problemType === "multi_label_classification") return "multi";
  return problemType === "regression" || labels.length === 1 ? "regression" : "single";
}

/** Pixels of a side: one number, or the same one for rows and columns. */
const side = z.union([size, z.tuple([size, size])]);

/** Sides of images and of the square patches that they are cut into. */
export const imaged = z.object({
  image_size: side.default(224),
  patch_size: side.default(16),
  num_channels: size.default(3),
});

export interface PatchedImage extends ImageSize {
  readonly patch: number;
  /** Rows and columns of patches. */
  readonly grid: readonly [number, number];
  /** Patches of an image. */
  readonly count: number;
}

/** Of an image of 4,096 pixels a side, with patches of 8. */
const mostPatches = 2 ** 18;

/** @throws unsupported for patches that are not square; corrupt_file for one larger than the image, or too many of them */
export function patchedImage({ image_size, patch_size, num_channels }: z.infer<typeof imaged>): PatchedImage {
  const pair = (given: number | readonly [number, number]) =>
    typeof given === "number" ? ([given, given] as const) : given;
  const [height, width] = pair(image_size);
  const [patch, other] = pair(patch_size);
  refuse(patch !== other, `patch_size of ${patch} by ${other} pixels, which is not square,`);
  needConsistent(patch <= Math.min(height, width), `image_size ${height} by ${width} and patch_size ${patch}`);
  const grid = [Math.floor(height / patch), Math.floor(width / patch)] as const;
  const count = grid[0] * grid[1];
  needConsistent(count <= mostPatches, `${count} patches and attention among all of them`);
  return { height, width, channels: num_channels, patch, grid, count };
}

/** Of such images what a kind asks for. */
export const sidesOf = ({ channels, height, width }: ImageSize): ImageSize => ({ channels, height, width });

/**
 * The same patches in an image of other sides.
 * @throws bad_input for sides that they do not fill
 */
export function repatched(image: PatchedImage, { height, width }: Pick<ImageSize, "height" | "width">): PatchedImage {
  const { patch } = image;
  for (const side of [height, width]) {
    if (Number.isInteger(side) && side > 0 && side % patch === 0) continue;
    fail("bad_input", `${height} by ${width} pixels are not filled by patches of ${patch} by ${patch}`, {
      hint: `sides must be multiples of ${patch}: resize or crop the images`,
    });
  }
  const grid = [height / patch, width / patch] as const;
  return { ...image, height, width, grid, count: grid[0] * grid[1] };
}

/** Parse by a schema. @throws corrupt_file naming the entry */
export function readConfig<T>(schema: z.ZodType<T>, json: unknown, family: string): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  return fail("corrupt_file", `${path.join(".") || "the file"}: ${message}`, {
    where: "config.json",
    hint: `config.json must describe a ${family} model, as the Hugging Face hub has them`,
  });
}

/** Refuse what changes the arithmetic and is not computed here. */
export function refuse(condition: boolean, what: string): void {
  if (condition) fail("unsupported", `${what} is not computed here`, { where: "config.json" });
}

/** Refuse entries that contradict each other. */
export function needConsistent(consistent: boolean, what: string): void {
  if (!consistent) fail("corrupt_file", `${what} do not fit together`, { where: "config.json" });
}

const theta = z.number().gt(1).max(1e15);
/** A factor of positions, frequencies or angles. */
const factor = z.number().min(1e-6).max(1e6);

const perLayer = z.undefined("settings of its own for each kind of layer, which this family does not have").optional();

/** Rotary settings of one kind of layers. */
export const ropeParameters = z
  .object({
    full_attention: perLayer,
    sliding_attention: perLayer,
    rope_type: z.string().optional(),
    type: z.string().optional(),
    rope_theta: theta.optional(),
    partial_rotary_factor: z.number().positive().max(1).optional(),
    factor: factor.nullish(),
    original_max_position_embeddings: size.nullish(),
    low_freq_factor: factor.optional(),
    high_freq_factor: factor.optional(),
    beta_fast: factor.nullish(),
    beta_slow: factor.nullish(),
    truncate: z.boolean().nullish(),
    attention_factor: factor.nullish(),
    mscale: z.number().min(0).max(1e6).nullish(),
    mscale_all_dim: z.number().min(0).max(1e6).nullish(),
    short_factor: z.array(factor).optional(),
    long_factor: z.array(factor).optional(),
  })
  .nullish();

/** Both spellings of rotary positions: `rope_parameters` of transformers 5, `rope_theta` and `rope_scaling` before. */
export const rotarySchema = z.object({
  rope_parameters: ropeParameters,
  rope_scaling: ropeParameters,
  rope_theta: theta.nullish(),
  partial_rotary_factor: z.number().positive().max(1).nullish(),
  original_max_position_embeddings: size.nullish(),
  max_position_embeddings: size,
});

export interface RotarySettings {
  readonly theta: number;
  readonly scaling: RopeScaling;
  /** Share of a head's channels that turn. */
  readonly share: number;
}

/** Rotary settings of a configuration; `theta` is the family's default. */
export function rotaryOf(c: z.infer<typeof rotarySchema>, theta = 10000): RotarySettings {
  const p: NonNullable<z.infer<typeof ropeParameters>> = c.rope_parameters ?? c.rope_scaling ?? {};
  const positions = c.max_position_embeddings;
  const trained = c.original_max_position_embeddings ?? p.original_max_position_embeddings ?? positions;
  const need = <T>(value: T | null | undefined, key: string): T =>
    value ??
    fail("corrupt_file", `rope ${kind} without ${key}`, { where: "config.json", hint: `${key} must be a number` });
  const kind = p.rope_type ?? p.type ?? "default";
  const scaling = ((): RopeScaling => {
    switch (kind) {
      case "default":
        return { kind };
      case "linear":
        return { kind, factor: need(p.factor, "factor") };
      case "dynamic":
        return { kind, factor: need(p.factor, "factor"), trained: positions };
      case "llama3": {
        const low = need(p.low_freq_factor, "low_freq_factor");
        const high = need(p.high_freq_factor, "high_freq_factor");
        needConsistent(low < high, `low_freq_factor ${low} and high_freq_factor ${high}`);
        return { kind, factor: need(p.factor, "factor"), trained, low, high };
      }
      case "yarn": {
        const factor = p.factor ?? positions / trained;
        const scaled = (m: number) => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1);
        const both = p.mscale && p.mscale_all_dim ? scaled(p.mscale) / scaled(p.mscale_all_dim) : scaled(1);
        const magnitude = p.attention_factor ?? both;
        const truncate = p.truncate ?? true;
        return { kind, factor, trained, betaFast: p.beta_fast ?? 32, betaSlow: p.beta_slow ?? 1, truncate, magnitude };
      }
      case "longrope":
      case "su": {
        const factor = p.factor ?? positions / trained;
        needConsistent(trained > 1, `longrope and texts of ${trained} token`);
        const magnitude = p.attention_factor ?? (factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(trained)));
        const [short, long] = [need(p.short_factor, "short_factor"), need(p.long_factor, "long_factor")];
        return { kind: "longrope", trained, short, long, magnitude };
      }
      default:
        return fail("unsupported", `rope_type ${JSON.stringify(kind)} is not known`, {
          where: "config.json",
          hint: "known: default, linear, dynamic, llama3, yarn, longrope",
        });
    }
  })();
  return {
    theta: p.rope_theta ?? c.rope_theta ?? theta,
    scaling,
    share: p.partial_rotary_factor ?? c.partial_rotary_factor ?? 1,
  };
}
