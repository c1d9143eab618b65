/** Files of pictures as pixels, by sharp (libvips). */
import { readWholeFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import type { Picture } from "./image.ts";

/** Pixels of the largest picture that is unpacked: a small file may announce any number. */
export const mostPixels = 2 ** 26;
/** Bytes of the largest file that is read. */
const mostBytes = 2 ** 28;

export interface Decoded {
  readonly picture: Picture;
  /** What was done that a person may not expect: an animation's first picture taken, transparency left out. */
  readonly notes: readonly string[];
}

/**
 * A file's picture: turned as its EXIF says, in sRGB with 8 bits a channel. Of an animation the first picture (`page`
 * asks for another); what is transparent becomes what colour it has.
 * @throws corrupt_file where it is no whole picture; too_long for more than 2²⁶ pixels; not_found
 */
export async function decodePicture(path: string, { page = 0 } = {}): Promise<Decoded> {
  const bytes = readWholeFile(path, mostBytes);
  return decodeBytes(bytes, path, page);
}

/** What sharp says of a file as an error of ours. */
function refused(cause: unknown, where: string): never {
  const words = cause instanceof Error ? cause.message.split("\n")[0]! : String(cause);
  if (/pixel limit/i.test(words)) {
    return fail("too_long", `has more than ${mostPixels.toLocaleString("en")} pixels`, {
      ...{ where, cause, hint: "make it smaller first" },
    });
  }
  return fail("corrupt_file", `is no whole picture (${words.slice(0, 200)})`, {
    ...{ where, cause, hint: "PNG, JPEG, WebP, GIF, AVIF and TIFF files are read" },
  });
}

/** Pictures in a file: 1, or those of an animation. @throws corrupt_file, not_found */
export async function countPages(path: string): Promise<number> {
  const bytes = readWholeFile(path, mostBytes);
  const { default: sharp } = await import("sharp");
  try {
    return (await sharp(bytes, { limitInputPixels: mostPixels, failOn: "error" }).metadata()).pages ?? 1;
  } catch (cause) {
    return refused(cause, path);
  }
}

/** {@link decodePicture} of bytes that are at hand. */
export async function decodeBytes(bytes: Uint8Array, where: string, page = 0): Promise<Decoded> {
  if (bytes.length === 0) fail("corrupt_file", "is empty: expected a picture", { where });
  const { default: sharp } = await import("sharp");
  const open = () => sharp(bytes, { limitInputPixels: mostPixels, failOn: "error", page });
  try {
    const about = await open().metadata();
    const notes = [
      ...((about.pages ?? 1) > 1 ? [`of its ${about.pages} pictures number ${page + 1} is taken`] : []),
      ...(about.hasAlpha ? ["its transparency is left out"] : []),
    ];
    const { data, info } = await open()
      .rotate()
      .removeAlpha()
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const pixels = info.width * info.height;
    // Grey comes out as one channel or as three equal ones.
    const channels = info.channels === 1 ? 1 : 3;
    if (data.length !== pixels * channels) fail("internal", `${data.length} bytes for ${pixels} pixels`, { where });
    return { picture: { width: info.width, height: info.height, channels, data: new Uint8Array(data) }, notes };
  } catch (cause) {
    return refused(cause, where);
  }
}
