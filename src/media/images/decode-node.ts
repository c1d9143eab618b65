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
 * A file's first picture: turned as its EXIF says, in sRGB with 8 bits a channel; what is transparent becomes what colour
 * it has.
 * @throws corrupt_file where it is no whole picture; too_long for more than 2²⁶ pixels; not_found
 */
export const decodePicture = async (path: string): Promise<Decoded> => decodeBytes(pictureBytes(path), path);

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

/** Pictures in a file's bytes: 1, or those of an animation. @throws corrupt_file */
export async function countPages(bytes: Uint8Array, where: string): Promise<number> {
  if (bytes.length === 0) fail("corrupt_file", "is empty: expected a picture", { where });
  const { default: sharp } = await import("sharp");
  try {
    return (await sharp(bytes, { limitInputPixels: mostPixels, failOn: "error" }).metadata()).pages ?? 1;
  } catch (cause) {
    return refused(cause, where);
  }
}

/** A whole file of pictures. @throws not_found; too_long for one above 256 MiB */
export const pictureBytes = (path: string): Uint8Array => readWholeFile(path, mostBytes);

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
