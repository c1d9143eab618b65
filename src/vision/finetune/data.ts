/** Examples of a fine-tuning: what is held out, and pictures as they are needed. */
import { randomAt, shuffle } from "../../base/rng.ts";
import type { NdArray } from "../../graph/array.ts";
import type { Picture } from "../../media/images/image.ts";
import { augmented, type Pipeline } from "../../media/images/pipeline.ts";
import { type ImageProcessor, prepareFrames } from "../../media/images/processor.ts";
import type { ImageEncoderArchitecture } from "../../models/family.ts";
import { type LabelledPictures, subset } from "../data/labelled.ts";

/** A share of every class to judge by, drawn by the seed; of a class with several examples at least one stays to learn. */
export function splitOff(
  data: LabelledPictures,
  share: number,
  seed: number,
): { train: LabelledPictures; held: LabelledPictures } {
  const byClass = new Map<number, number[]>();
  data.labels.forEach((label, i) => {
    byClass.set(label, [...(byClass.get(label) ?? []), i]);
  });
  const held = new Set<number>();
  for (const [label, places] of byClass) {
    const order = shuffle(Uint32Array.from(places), randomAt(seed, label, 7));
    const count = share === 0 ? 0 : Math.min(places.length - 1, Math.max(1, Math.round(share * places.length)));
    for (const place of order.subarray(0, count)) held.add(place);
  }
  const all = data.labels.map((_, i) => i);
  return {
    train: subset(
      data,
      all.filter((i) => !held.has(i)),
    ),
    held: subset(
      data,
      all.filter((i) => held.has(i)),
    ),
  };
}

/** Bytes of decoded pictures that are kept: past that, files are read in every epoch. */
const mostBytes = 2 ** 29;

/** Frames of examples, decoded once as far as they find room. */
export function keptPictures(
  data: LabelledPictures,
  wanted: Parameters<LabelledPictures["read"]>[1],
): (i: number) => Promise<readonly Picture[]> {
  const kept = new Map<number, readonly Picture[]>();
  let bytes = 0;
  return async (i) => {
    const known = kept.get(i);
    if (known) return known;
    const frames = await data.read(i, wanted);
    bytes += frames.reduce((sum, frame) => sum + frame.data.length, 0);
    if (bytes <= mostBytes) kept.set(i, frames);
    return frames;
  };
}

export interface Feed {
  /** As in training: changed by the seed, the epoch and the example's place. */
  train(i: number, epoch: number): Promise<NdArray>;
  /** As they are. */
  plain(i: number): Promise<NdArray>;
}

export function feedOf(
  read: (i: number) => Promise<readonly Picture[]>,
  { image }: Pick<ImageEncoderArchitecture, "image">,
  { processor, pipeline, seed }: { processor: ImageProcessor; pipeline: Pipeline; seed: number },
): Feed {
  return {
    train: async (i, epoch) => augmented(await read(i), pipeline, processor, image, [seed, epoch, i]),
    plain: async (i) => prepareFrames(await read(i), processor, image),
  };
}
