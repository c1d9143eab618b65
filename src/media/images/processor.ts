/**
 * How a checkpoint's pictures are prepared: preprocessor_config.json as transformers reads it, or timm's `pretrained_cfg`.
 * The order is fixed: resize, crop the middle, rescale, normalise, channels first.
 */
import { z } from "zod";
import type { JsonObject } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { float32, type NdArray } from "../../graph/array.ts";
import { crop as cutOut, type Picture, toColour, toGrey } from "./image.ts";
import { type Resample, resampleCodes, resizePicture } from "./resize.ts";

export interface Sides {
  readonly width: number;
  readonly height: number;
}

/** To these sides; or the shorter side to so many pixels and the other in proportion. */
export type ResizeTo = Sides | { readonly shortest: number };

export interface ImageProcessor {
  readonly resize?: { readonly to: ResizeTo; readonly resample: Resample } | undefined;
  readonly crop?: Sides | undefined;
  /** Half a pixel at the crop's begin is rounded to the even one, as torchvision does for timm; else it is cut off. */
  readonly rounds?: boolean | undefined;
  /** What a byte is multiplied by; 1 is left as it is. */
  readonly factor: number;
  /** Taken away after that: ViViT's first step to [−1, 1]. */
  readonly offset: number;
  /** For each channel, or one for all; none where nothing is normalised. */
  readonly normalize?: { readonly mean: readonly number[]; readonly std: readonly number[] } | undefined;
  /** What a person should know of how the file was read. */
  readonly warnings: readonly string[];
}

const half = [0.5, 0.5, 0.5];
const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const clip = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] };

/** What a class of transformers takes where the file leaves a key out. */
interface Defaults {
  readonly size: ResizeTo;
  readonly resample: Resample;
  readonly crop: Sides | undefined;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly normalize: boolean;
  readonly offset: boolean;
  /** A plain number in `size`: both sides, or the shorter one. */
  readonly plain: "square" | "shortest";
}

const square = (side: number): Sides => ({ width: side, height: side });
const plainly = { normalize: true, offset: false } as const;

const classes: Readonly<Record<string, Defaults>> = {
  ViT: { ...plainly, size: square(224), resample: "bilinear", crop: undefined, mean: half, std: half, plain: "square" },
  Bit: { ...plainly, size: { shortest: 224 }, resample: "bicubic", crop: square(224), ...clip, plain: "shortest" },
  CLIP: { ...plainly, size: { shortest: 224 }, resample: "bicubic", crop: square(224), ...clip, plain: "shortest" },
  DeiT: { ...plainly, size: square(256), resample: "bicubic", crop: square(224), ...imageNet, plain: "square" },
  ConvNext: {
    ...plainly,
    size: { shortest: 384 },
    resample: "bicubic",
    crop: undefined,
    ...imageNet,
    plain: "shortest",
  },
  Vivit: {
    ...{ size: { shortest: 256 }, resample: "bilinear", crop: square(224), mean: half, std: half, plain: "shortest" },
    // The published weights were trained on [−1, 1]; what the class does today goes to [−3, 1].
    ...{ normalize: false, offset: true },
  },
};

const side = z
  .number()
  .int()
  .positive()
  .max(2 ** 14);
const sized = z.union([
  side,
  z.object({ height: side, width: side }),
  z.object({ shortest_edge: side }),
  z.tuple([side, side]),
]);
const perChannel = z.union([z.number(), z.array(z.number()).min(1).max(256)]);

const schema = z.object({
  image_processor_type: z.string().nullish(),
  feature_extractor_type: z.string().nullish(),
  do_resize: z.boolean().nullish(),
  size: sized.nullish(),
  resample: z.number().int().nullish(),
  do_center_crop: z.boolean().nullish(),
  crop_size: sized.nullish(),
  crop_pct: z.number().positive().max(1).nullish(),
  do_rescale: z.boolean().nullish(),
  rescale_factor: z.number().positive().nullish(),
  do_normalize: z.boolean().nullish(),
  image_mean: perChannel.nullish(),
  image_std: perChannel.nullish(),
  offset: z.boolean().nullish(),
});

type Sized = z.infer<typeof sized>;

function sizeOf(given: Sized, plain: Defaults["plain"]): ResizeTo {
  if (typeof given === "number") return plain === "square" ? square(given) : { shortest: given };
  if (Array.isArray(given)) return { height: given[0], width: given[1] };
  return "shortest_edge" in given ? { shortest: given.shortest_edge } : given;
}

function resampleOf(code: number | null | undefined, usual: Resample, where: string): Resample {
  if (code === null || code === undefined) return usual;
  return (
    resampleCodes[code] ??
    fail("corrupt_file", `resample ${code} is no filter of Pillow's`, {
      ...{ where, hint: `known: ${resampleCodes.map((name, i) => `${i} ${name}`).join(", ")}` },
    })
  );
}

const listed = (values: number | readonly number[]): readonly number[] =>
  typeof values === "number" ? [values] : values;

/**
 * The processor of a preprocessor_config.json.
 * @throws corrupt_file naming the entry; unsupported for a class that is not known
 */
export function readProcessor(json: JsonObject, where = "preprocessor_config.json"): ImageProcessor {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    return fail("corrupt_file", `${path.join(".") || "the file"}: ${message}`, { where });
  }
  const c = parsed.data;
  const named = c.image_processor_type ?? c.feature_extractor_type ?? "ViTImageProcessor";
  const kind = named.replace(/(?:ImageProcessor(?:Fast|Pil)?|FeatureExtractor)$/, "");
  const usual =
    (Object.hasOwn(classes, kind) ? classes[kind] : undefined) ??
    fail("unsupported", `the processor ${named} is not known`, {
      ...{ where, hint: `known: ${Object.keys(classes).join(", ")}, each with ImageProcessor behind` },
    });
  const warnings: string[] = [];
  const size = c.size ? sizeOf(c.size, usual.plain) : usual.size;
  const resample = resampleOf(c.resample, usual.resample, where);
  const crops = c.do_center_crop ?? usual.crop !== undefined;
  const cropGiven = c.crop_size ? sizeOf(c.crop_size, "square") : usual.crop;
  const crop = cropGiven && "shortest" in cropGiven ? square(cropGiven.shortest) : cropGiven;
  if (crops && !crop) fail("corrupt_file", "do_center_crop is set and there is no crop_size", { where });
  if (c.do_rescale === true && c.rescale_factor === null) {
    fail("corrupt_file", "do_rescale is set and rescale_factor is null", { where });
  }
  if (kind === "Vivit" && (c.offset === undefined || c.do_normalize === undefined)) {
    warnings.push(
      "offset and do_normalize are not both said: taken as true and false, as ViViT's weights were trained",
    );
  }
  const offset = c.offset ?? usual.offset;
  const factor = c.rescale_factor ?? (kind === "Vivit" ? 1 / 127.5 : 1 / 255);
  const normalizes = c.do_normalize ?? usual.normalize;
  const normalize = { mean: listed(c.image_mean ?? usual.mean), std: listed(c.image_std ?? usual.std) };
  if (normalizes && normalize.std.some((value) => value === 0)) fail("corrupt_file", "image_std holds a 0", { where });
  const rescales = c.do_rescale ?? true;
  return {
    ...((c.do_resize ?? true) && resizing(kind, size, resample, c.crop_pct ?? 224 / 256)),
    ...(crops && { crop }),
    factor: rescales ? factor : 1,
    offset: rescales && offset ? 1 : 0,
    ...(normalizes && { normalize }),
    warnings,
  };
}

/** ConvNext's processor, which ResNets have too, resizes to more than it keeps where pictures are small. */
function resizing(
  kind: string,
  size: ResizeTo,
  resample: Resample,
  share: number,
): Pick<ImageProcessor, "resize" | "crop"> {
  if (kind !== "ConvNext" || !("shortest" in size)) return { resize: { to: size, resample } };
  if (size.shortest >= 384) return { resize: { to: square(size.shortest), resample } };
  return {
    resize: { to: { shortest: Math.trunc(size.shortest / share) }, resample },
    crop: square(size.shortest),
  };
}

const timmSchema = z.object({
  input_size: z.tuple([side, side, side]),
  mean: perChannel.nullish(),
  std: perChannel.nullish(),
  interpolation: z.string().nullish(),
  crop_pct: z.number().positive().max(1).nullish(),
  crop_mode: z.string().nullish(),
});

/** The processor of timm's `pretrained_cfg`: the shorter side to ⌊side / crop_pct⌋, then the middle. */
export function readTimmProcessor(json: unknown, where = "config.json"): ImageProcessor {
  const parsed = timmSchema.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    return fail("corrupt_file", `pretrained_cfg.${path.join(".")}: ${message}`, { where });
  }
  const { input_size, mean, std, interpolation, crop_pct, crop_mode } = parsed.data;
  const resample = interpolation ?? "bicubic";
  if (!(resampleCodes as readonly string[]).includes(resample)) {
    fail("unsupported", `interpolation ${JSON.stringify(resample)} is not known`, { where });
  }
  if (!["center", "squash"].includes(crop_mode ?? "center")) {
    fail("unsupported", `crop_mode ${JSON.stringify(crop_mode)} is not known: expected center or squash`, { where });
  }
  const [, height, width] = input_size;
  const larger = (side: number) => Math.floor(side / (crop_pct ?? 0.875));
  return {
    resize: {
      to:
        crop_mode === "squash"
          ? { width: larger(width), height: larger(height) }
          : { shortest: larger(Math.min(height, width)) },
      resample: resample as Resample,
    },
    crop: { height, width },
    rounds: true,
    factor: 1 / 255,
    offset: 0,
    normalize: { mean: listed(mean ?? imageNet.mean), std: listed(std ?? imageNet.std) },
    warnings: [],
  };
}

/** Where nothing says how: resized to these sides, from −1 to 1, as ViT's pictures are. */
export const plainProcessor = (sides: Sides): ImageProcessor => ({
  resize: { to: sides, resample: "bilinear" },
  factor: 1 / 255,
  offset: 0,
  normalize: { mean: [0.5], std: [0.5] },
  warnings: [],
});

/** The same for pictures of other sides: what is kept at the end, and what is resized to in proportion. */
export function withSides(processor: ImageProcessor, sides: Sides): ImageProcessor {
  const { resize, crop } = processor;
  if (!resize) return { ...processor, ...(crop && { crop: sides }) };
  const { to, resample } = resize;
  if (!("shortest" in to)) {
    const grown = crop
      ? {
          width: Math.round((to.width * sides.width) / crop.width),
          height: Math.round((to.height * sides.height) / crop.height),
        }
      : sides;
    return { ...processor, resize: { to: grown, resample }, ...(crop && { crop: sides }) };
  }
  const kept = crop ? Math.min(crop.width, crop.height) : to.shortest;
  const shortest = Math.round((to.shortest * Math.min(sides.width, sides.height)) / kept);
  return {
    ...processor,
    resize: { to: { shortest: Math.max(shortest, sides.width, sides.height) }, resample },
    crop: sides,
  };
}

/** Width and height after a resize: the longer side is cut to a whole number, as Python's `int` does. */
function resizedSides({ width, height }: Sides, to: ResizeTo): [number, number] {
  if (!("shortest" in to)) return [to.width, to.height];
  const [short, long] = width < height ? [width, height] : [height, width];
  const longer = Math.trunc((to.shortest * long) / short);
  if (longer > 2 ** 16) fail("bad_input", `a picture of ${width} by ${height} is too long to be resized`);
  return width < height ? [to.shortest, longer] : [longer, to.shortest];
}

/** A picture resized. */
export function resized(picture: Picture, to: ResizeTo, resample: Resample): Picture {
  const [width, height] = resizedSides(picture, to);
  return resizePicture(picture, width, height, resample);
}

/** Python's `round`: halves to the even number. */
const toEven = (x: number): number => (x - Math.floor(x) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

/** Where a crop of a side begins. */
const originOf = (side: number, kept: number, rounds = false): number =>
  rounds ? toEven((side - kept) / 2) : Math.floor((side - kept) / 2);

export interface Region extends Sides {
  readonly left: number;
  readonly top: number;
}

/** The part of a picture that a model sees, in the picture's own pixels; black borders beside it are left out. */
export function regionSeen({ width, height }: Sides, { resize, crop, rounds }: ImageProcessor): Region {
  const whole = { left: 0, top: 0, width, height };
  if (!crop) return whole;
  const [wide, tall] = resize ? resizedSides({ width, height }, resize.to) : [width, height];
  const along = (side: number, now: number, kept: number): [number, number] => {
    if (kept >= now) return [0, side];
    const begin = originOf(now, kept, rounds) / now;
    const from = Math.round(begin * side);
    return [from, Math.max(1, Math.round((begin + kept / now) * side) - from)];
  };
  const [left, columns] = along(width, wide, crop.width);
  const [top, rows] = along(height, tall, crop.height);
  return { left, top, width: columns, height: rows };
}

/** A picture as a model takes it: [channels, height, width] in float32. */
export function prepare(picture: Picture, processor: ImageProcessor, channels: number): NdArray<"float32"> {
  const coloured = channels === 1 ? toGrey(picture) : toColour(picture);
  if (channels !== coloured.channels) fail("unsupported", `pictures of ${channels} channels: expected 1 or 3`);
  const { resize, crop, rounds } = processor;
  const right = resize ? resized(coloured, resize.to, resize.resample) : coloured;
  const origin = (now: number, wanted: number) => originOf(now, wanted, rounds);
  const kept = crop
    ? cutOut(right, origin(right.width, crop.width), origin(right.height, crop.height), crop.width, crop.height)
    : right;
  return pixelsOf(kept, processor);
}

/**
 * A clip's frames, or one picture, as a model takes them: [frames, channels, height, width], of a picture without the
 * first axis.
 */
export function prepareFrames(
  frames: readonly Picture[],
  processor: ImageProcessor,
  { channels, frames: count }: { readonly channels: number; readonly frames?: number | undefined },
): NdArray<"float32"> {
  const each = frames.map((picture) => prepare(picture, processor, channels));
  return count === undefined ? each[0]! : stacked(each);
}

/** Arrays of one shape behind each other, with an axis more. */
export function stacked(each: readonly NdArray<"float32">[]): NdArray<"float32"> {
  const { shape, data } = each[0]!;
  const all = new Float32Array(each.length * data.length);
  each.forEach((one, i) => {
    if (one.data.length !== data.length)
      fail("bad_input", `a frame of ${one.shape.join(" by ")}, the first of ${shape.join(" by ")}`);
    all.set(one.data as Float32Array, i * data.length);
  });
  return float32([each.length, ...shape], all);
}

/** Bytes as the numbers that the model takes, channels first. */
export function pixelsOf({ width, height, channels, data }: Picture, processor: ImageProcessor): NdArray<"float32"> {
  const { factor, offset, normalize } = processor;
  const pixels = width * height;
  const out = new Float32Array(channels * pixels);
  for (let c = 0; c < channels; c++) {
    const mean = normalize ? (normalize.mean[c] ?? normalize.mean[0]!) : 0;
    const std = normalize ? (normalize.std[c] ?? normalize.std[0]!) : 1;
    for (let i = 0; i < pixels; i++) out[c * pixels + i] = (data[i * channels + c]! * factor - offset - mean) / std;
  }
  return float32([channels, height, width], out);
}
