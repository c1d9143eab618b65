/**
 * Several looks (views) at one clip or picture, whose logits are averaged: windows of time times crops of the longer side, as
 * video models are judged ("4x3 views"; Arnab et al. 2021, ViViT, section 4.1).
 */
import { fail } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import { evenly } from "../media/images/frames-node.ts";
import { crop, type Picture, toColour, toGrey } from "../media/images/image.ts";
import { type ImageProcessor, pixelsOf, type Sides } from "../media/images/processor.ts";
import { resizePicture } from "../media/images/resize.ts";

export interface Views {
  /** Windows of time, evenly from a clip's begin to its end; one is in the middle. */
  readonly clips: number;
  /** 1: as the model's processor cuts; 3: the longer side's begin, middle and end. */
  readonly crops: 1 | 3;
  /** Frames from one that is looked at to the next; as many as windows beside each other leave. */
  readonly stride?: number | undefined;
}

const most = 64;

/** `4x3` as 4 windows and 3 crops. @throws wrong_use */
export function parseViews(text: string): Pick<Views, "clips" | "crops"> {
  const [, clips, crops] = /^(\d{1,2})x([13])$/.exec(text.trim()) ?? [];
  if (clips !== undefined && Number(clips) >= 1 && Number(clips) <= most) {
    return { clips: Number(clips), crops: crops === "3" ? 3 : 1 };
  }
  return fail("wrong_use", `--views is ${JSON.stringify(text.slice(0, 40))}`, {
    hint: `expected windows of time (1 to ${most}), x, and crops (1 or 3): 4x3`,
  });
}

/**
 * Which frames each window sees, of a clip of `count`. One that has fewer than a window shows its last frame again, where
 * that is asked for.
 * @throws bad_input for a clip that is shorter than a window
 */
export function windowsOf(
  count: number,
  frames: number,
  { clips, stride }: Views,
  where: string,
  repeatLast = false,
): number[][] {
  if (count < frames) return Array.from({ length: clips }, () => evenly(count, frames, where, repeatLast));
  const step = stride ?? Math.max(1, Math.floor(count / (clips * frames)));
  const last = count - 1 - (frames - 1) * step;
  if (last < 0) {
    fail("bad_input", `a clip of ${count} frames, a view takes ${frames}, one in ${step}`, {
      ...{ where, hint: `a longer clip, or a --stride below ${step}` },
    });
  }
  return Array.from({ length: clips }, (_, i) => {
    const begin = clips === 1 ? Math.floor(last / 2) : Math.floor((i * last) / (clips - 1));
    return Array.from({ length: frames }, (_, k) => begin + k * step);
  });
}

/** Begin, middle and end of a picture's longer side in the model's proportions, each [channels, height, width]. */
export function threeCrops(
  picture: Picture,
  { resize, ...processor }: ImageProcessor,
  { width, height, channels }: Sides & { readonly channels: number },
): NdArray<"float32">[] {
  const coloured = channels === 1 ? toGrey(picture) : toColour(picture);
  const scale = Math.min(coloured.width / width, coloured.height / height);
  const [wide, tall] = [width, height].map((side) => Math.max(1, Math.round(side * scale))) as [number, number];
  return [0, 0.5, 1].map((at) => {
    const [left, top] = [coloured.width - wide, coloured.height - tall].map((free) => Math.floor(at * free));
    const cut = crop(coloured, left!, top!, wide, tall);
    return pixelsOf(resizePicture(cut, width, height, resize?.resample ?? "bilinear"), processor);
  });
}

/** The mean of rows that belong together, `each` a group. */
export function meanOfViews(rows: readonly Float32Array[], each: number): Float32Array[] {
  return Array.from({ length: rows.length / each }, (_, i) => {
    const group = rows.slice(i * each, (i + 1) * each);
    return group[0]!.map((_, at) => group.reduce((sum, row) => sum + row[at]!, 0) / each);
  });
}
