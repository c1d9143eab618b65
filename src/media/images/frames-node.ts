/** Clips as pictures one after another: a folder of frames, or an animated GIF or WebP. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../errors.ts";
import { countPages, type Decoded, decodeBytes, decodePicture, pictureBytes } from "./decode-node.ts";

/** Names of the files that are read as pictures. */
export const pictureNames = /\.(?:png|jpe?g|webp|gif|avif|tiff?)$/i;

/** By their numbers, as a person counts: frame 2 before frame 10. */
const counting = new Intl.Collator("en", { numeric: true });

/** Most frames of a clip. */
const mostFrames = 2 ** 16;

export interface Frames {
  readonly count: number;
  frame(i: number): Promise<Decoded>;
}

/** The frames of an animated file's bytes; a picture is one frame. @throws corrupt_file */
export async function framesIn(bytes: Uint8Array, where: string): Promise<Frames> {
  return { count: await countPages(bytes, where), frame: (page) => decodeBytes(bytes, where, page) };
}

/**
 * The frames of a folder's pictures in the order of their names' numbers, or of an animated file. A picture is one frame.
 * @throws not_found; bad_input for a folder without pictures; corrupt_file
 */
export async function openFrames(path: string): Promise<Frames> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return fail("not_found", "no such file or folder", { where: path });
  if (!stat.isDirectory()) return framesIn(pictureBytes(path), path);
  const names = readdirSync(path)
    .filter((name) => pictureNames.test(name))
    .sort(counting.compare);
  if (names.length === 0) {
    fail("bad_input", "holds no picture, expected the frames of a clip", {
      where: path,
      hint: "frames are PNG, JPEG, WebP, GIF, AVIF or TIFF files, in the order of the numbers in their names",
    });
  }
  if (names.length > mostFrames) fail("too_long", `${names.length} frames, at most ${mostFrames} are read`);
  return { count: names.length, frame: (i) => decodePicture(join(path, names[i]!)) };
}

/**
 * Which of a clip's frames a model sees: `wanted` of them, evenly from the first to the last, cut to whole numbers.
 * @throws bad_input for a clip that has fewer, unless its last frame is to be repeated
 */
export function evenly(count: number, wanted: number, where: string, repeatLast = false): number[] {
  if (count < wanted && !repeatLast) {
    fail("bad_input", `a clip of ${count} ${count === 1 ? "frame" : "frames"}, the model takes ${wanted}`, {
      where,
      hint: "give a longer clip, or --repeat-last to show its last frame again",
    });
  }
  if (count < wanted) return Array.from({ length: wanted }, (_, i) => Math.min(i, count - 1));
  const step = wanted === 1 ? 0 : (count - 1) / (wanted - 1);
  return Array.from({ length: wanted }, (_, i) => Math.floor(i * step + 1e-9));
}
