/** Images as arrays: channels first, every number as the model's preparation (rescaled, normalised) leaves it. */
import { fail } from "../../errors.ts";
import { float32, type NdArray, sizeOf } from "../../graph/array.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import type { ImageSize } from "../family.ts";

const words = (shape: readonly unknown[]): string => `[${shape.join(", ")}]`;

/** The shape of one image, or of one clip. */
export const shapeOf = ({ frames, channels, height, width }: ImageSize): number[] => [
  ...(frames === undefined ? [] : [frames]),
  channels,
  height,
  width,
];

/** What a wrong shape is most likely meant to be. */
function hintFor(got: readonly number[], image: ImageSize): string {
  const { frames, channels, height, width } = image;
  const last = got.slice(-3);
  const rank = shapeOf(image).length;
  if (got.length === rank && last[0] === channels)
    return `one ${frames ? "clip" : "image"} alone is [1, ${got.join(", ")}]`;
  if (frames !== undefined && got.length === 5 && got[1] !== frames && last[0] === channels) {
    return `the model takes clips of ${frames} images: choose as many of each`;
  }
  if (last[2] === channels && last[0] !== channels) return "channels come first: [images, channels, rows, columns]";
  if (got.length === rank + 1 && last[0] === channels) return `resize every image to ${height} by ${width} pixels`;
  return `${frames ? "clips are [clips, frames" : "images are [images"}, channels, rows, columns]`;
}

/**
 * Refuse what are no images [images, channels, height, width], or clips [clips, frames, channels, …], in float32.
 * @throws bad_input with the expected and the given shape; for no image at all, and for values that are no numbers
 */
export function needPixels(pixels: NdArray, image: ImageSize): void {
  const { dtype, shape, data } = pixels;
  if (dtype !== "float32") {
    fail("bad_input", `pixels in ${dtype}, expected float32`, {
      hint: "bytes from 0 to 255 are rescaled and normalised first",
    });
  }
  const wanted = shapeOf(image);
  if (shape.length !== wanted.length + 1 || shape.slice(1).some((dim, i) => dim !== wanted[i])) {
    fail("bad_input", `pixels of shape ${words(shape)}, expected ${words(["images", ...wanted])}`, {
      hint: hintFor(shape, image),
    });
  }
  if (shape[0] === 0) fail("bad_input", "there is no image: pixels of shape [0, …]");
  const per = sizeOf(wanted);
  if (data.length !== shape[0]! * per) {
    fail("bad_input", `${data.length} values for pixels of shape ${words(shape)}, which has ${shape[0]! * per}`);
  }
  const bad = (data as Float32Array).findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) fail("bad_input", `image ${Math.floor(bad / per)} holds ${data[bad]} where a pixel should be`);
}

/**
 * Single images (or clips) as one array, with an axis more.
 * @throws bad_input for one of another shape
 */
export function joinPixels(images: readonly NdArray[], image: ImageSize): NdArray {
  const per = sizeOf(shapeOf(image));
  const all = new Float32Array(images.length * per);
  images.forEach(({ dtype, shape, data }, i) => {
    needPixels({ dtype, shape: [1, ...shape], data }, image);
    all.set(data as Float32Array, i * per);
  });
  return float32([images.length, ...shapeOf(image)], all);
}

/** The graph's input `name` for images, so many at a time. */
export const pixelInput = (image: ImageSize, batch = "batch", name = "pixels"): Tensor =>
  input(name, "float32", [batch, ...shapeOf(image)]);
