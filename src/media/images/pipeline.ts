/**
 * What is done to pictures in training, as a line of named steps: `random_resized_crop(0.05,1)|flip_lr`. What a step draws
 * follows from the seed, the epoch and the example alone, so a run that goes on after a stop sees the same pictures; all
 * frames of a clip are changed alike.
 */
import { type Random, randomAt } from "../../base/rng.ts";
import { fail } from "../../errors.ts";
import type { NdArray } from "../../graph/array.ts";
import { centreCrop, crop, mirrored, type Picture, toColour, toGrey } from "./image.ts";
import { type ImageProcessor, pixelsOf, prepare, resized, type Sides, stacked } from "./processor.ts";
import { type Resample, resizePicture } from "./resize.ts";

/** What the model takes, for steps that make just that. */
export interface Target extends Sides {
  readonly resample: Resample;
}

type Step = (picture: Picture, random: Random, target: Target) => Picture;

interface Operation {
  /** Names of its numbers; those with a value may be left out, from the last. */
  readonly numbers: readonly (readonly [name: string, usual?: number])[];
  readonly least: number;
  readonly most: number;
  readonly step: (...numbers: number[]) => Step;
}

/** A box of a share of the picture's area, of sides between 3:4 and 4:3, anywhere (Szegedy et al. 2014). */
function randomBox({ width, height }: Picture, random: Random, low: number, high: number) {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = width * height * (low + (high - low) * random.next());
    const ratio = Math.exp((2 * random.next() - 1) * Math.log(4 / 3));
    const wide = Math.round(Math.sqrt(area * ratio));
    const tall = Math.round(Math.sqrt(area / ratio));
    const [x, y] = [random.next(), random.next()];
    if (wide < 1 || tall < 1 || wide > width || tall > height) continue;
    return [Math.floor(x * (width - wide + 1)), Math.floor(y * (height - tall + 1)), wide, tall] as const;
  }
  const side = Math.min(width, height);
  return [Math.floor((width - side) / 2), Math.floor((height - side) / 2), side, side] as const;
}

/** Values with another contrast around `middle`, and moved. */
function mapped(picture: Picture, value: (byte: number) => number): Picture {
  const table = Uint8Array.from({ length: 256 }, (_, byte) => Math.max(0, Math.min(255, Math.round(value(byte)))));
  return { ...picture, data: picture.data.map((byte) => table[byte]!) };
}

/** Light and contrast times numbers drawn from 1 − by to 1 + by. */
function lit(picture: Picture, random: Random, light: number, contrast: number): Picture {
  const factor = (by: number) => 1 + by * (2 * random.next() - 1);
  const [brighter, starker] = [factor(light), factor(contrast)];
  const middle = picture.data.reduce((sum, byte) => sum + byte, 0) / Math.max(1, picture.data.length);
  return mapped(picture, (byte) => ((byte - middle) * starker + middle) * brighter);
}

const pixels = { least: 1, most: 4096 } as const;
const share = { least: 0, most: 1 } as const;

const operations = {
  random_resized_crop: {
    ...{
      numbers: [
        ["least area", 0.08],
        ["most area", 1],
      ],
      least: 1e-4,
      most: 1,
    },
    step:
      (low, high) =>
      (picture, random, { width, height, resample }) =>
        resizePicture(crop(picture, ...randomBox(picture, random, low!, high!)), width, height, resample),
  },
  resize: {
    ...{ numbers: [["side"]], ...pixels },
    step:
      (side) =>
      (picture, _, { resample }) =>
        resizePicture(picture, side!, side!, resample),
  },
  resize_small: {
    ...{ numbers: [["shorter side"]], ...pixels },
    step:
      (shortest) =>
      (picture, _, { resample }) =>
        resized(picture, { shortest: shortest! }, resample),
  },
  central_crop: {
    ...{ numbers: [["side"]], ...pixels },
    step: (side) => (picture) => centreCrop(picture, side!, side!),
  },
  random_crop: {
    ...{ numbers: [["side"]], ...pixels },
    step: (side) => (picture, random) => {
      const [x, y] = [random.next(), random.next()];
      const from = (whole: number, at: number) =>
        Math.floor(at * (Math.abs(whole - side!) + 1)) * Math.sign(whole - side!);
      return crop(picture, from(picture.width, x), from(picture.height, y), side!, side!);
    },
  },
  flip_lr: {
    ...{ numbers: [["probability", 0.5]], ...share },
    step: (probability) => (picture, random) => (random.next() < probability! ? mirrored(picture) : picture),
  },
  shift: {
    ...{ numbers: [["pixels"]], least: 0, most: 4096 },
    step: (most) => (picture, random) => {
      const [x, y] = [random.below(2 * most! + 1) - most!, random.below(2 * most! + 1) - most!];
      return crop(picture, x, y, picture.width, picture.height);
    },
  },
  grey: {
    ...{ numbers: [["probability", 0.1]], ...share },
    step: (probability) => (picture, random) =>
      random.next() < probability! && picture.channels === 3 ? toColour(toGrey(picture)) : picture,
  },
  light: {
    ...{
      numbers: [
        ["brightness", 0.2],
        ["contrast", 0.2],
      ],
      ...share,
    },
    step: (light, contrast) => (picture, random) => lit(picture, random, light!, contrast!),
  },
} as const satisfies Readonly<Record<string, Operation>>;

export interface Pipeline {
  /** As it is stored with a run: every number written out. */
  readonly text: string;
  readonly steps: readonly Step[];
}

/** Steps of a line; none for `none`. @throws wrong_use naming the step, with those that there are */
export function parsePipeline(text: string): Pipeline {
  if (text.trim() === "" || text.trim() === "none") return { text: "none", steps: [] };
  const parsed = text.split("|").map((part) => {
    const [, name, given] = /^\s*([a-z_]+)\s*(?:\(([^()]*)\))?\s*$/.exec(part) ?? [];
    const known: Operation | undefined =
      name !== undefined && Object.hasOwn(operations, name) ? operations[name as keyof typeof operations] : undefined;
    if (!known) {
      return fail("wrong_use", `the step ${JSON.stringify(part.trim().slice(0, 80))} is not known`, {
        hint: `steps are ${Object.keys(operations).join(", ")}, with | between them`,
      });
    }
    const typed = given === undefined || given.trim() === "" ? [] : given.split(",");
    if (typed.length > known.numbers.length) {
      fail("wrong_use", `${name} takes ${known.numbers.map(([what]) => what).join(", ")}, got ${typed.length} numbers`);
    }
    const numbers = known.numbers.map(([what, usual], i) => {
      const value = typed[i] === undefined ? usual : Number(typed[i]);
      const { least, most } = known;
      const whole = most > 1;
      if (value !== undefined && value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
      return fail("wrong_use", `${name}: ${what} is ${typed[i]?.trim() ?? "missing"}`, {
        hint: `expected a ${whole ? "whole number" : "number"} from ${least} to ${most}`,
      });
    });
    if (name === "random_resized_crop" && numbers[0]! > numbers[1]!)
      fail("wrong_use", `${name}: ${numbers[0]} to ${numbers[1]}`);
    return { text: `${name}(${numbers.join(",")})`, step: known.step(...numbers) };
  });
  return { text: parsed.map((one) => one.text).join("|"), steps: parsed.map(({ step }) => step) };
}

/** A picture, or frames alike, as the model takes them in training: changed, then prepared where that leaves other sides. */
export function augmented(
  frames: readonly Picture[],
  { steps }: Pipeline,
  processor: ImageProcessor,
  image: Sides & { readonly channels: number; readonly frames?: number | undefined },
  [seed, epoch, example]: readonly [seed: number, epoch: number, example: number],
): NdArray<"float32"> {
  const target = { width: image.width, height: image.height, resample: processor.resize?.resample ?? "bilinear" };
  const each = frames.map((frame) => {
    const random = randomAt(seed, epoch, example);
    const coloured = image.channels === 1 ? toGrey(frame) : toColour(frame);
    const changed = steps.reduce((picture, step) => step(picture, random, target), coloured);
    const fits = steps.length > 0 && changed.width === image.width && changed.height === image.height;
    return fits ? pixelsOf(changed, processor) : prepare(changed, processor, image.channels);
  });
  return image.frames === undefined ? each[0]! : stacked(each);
}
