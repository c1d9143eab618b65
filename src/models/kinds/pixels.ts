/** Images as arrays: channels first, every number as the model's preparation (rescaled, normalised) leaves it. */
import { fail } from "../../errors.ts";
import { float32, type NdArray } from "../../graph/array.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import type { ImageSize } from "../family.ts";

const words = (shape: readonly unknown[]): string => `[${shape.join(", ")}]`;

/** What a wrong shape is most likely meant to be. */
function hintFor(got: readonly number[], { channels, size }: ImageSize): string {
  const last = got.slice(-3);
  if (got.length === 3 && last[0] === channels) return `one image alone is [1, ${got.join(", ")}]`;
  if (last[2] === channels && last[0] !== channels) return "channels come first: [images, channels, rows, columns]";
  if (got.length === 4 && last[0] === channels) return `resize every image to ${size} by ${size} pixels`;
  return "images are [images, channels, rows, columns]";
}

/**
 * Refuse what are no images [images, channels, size, size] in float32.
 * @throws bad_input with the expected and the given shape; for no image at all, and for values that are no numbers
 */
export function needPixels(pixels: NdArray, image: ImageSize): void {
  const { dtype, shape, data } = pixels;
  const { channels, size } = image;
  if (dtype !== "float32") {
    fail("bad_input", `pixels in ${dtype}, expected float32`, {
      hint: "bytes from 0 to 255 are rescaled and normalised first",
    });
  }
  const wanted = [channels, size, size];
  if (shape.length !== 4 || shape.slice(1).some((dim, i) => dim !== wanted[i])) {
    fail("bad_input", `pixels of shape ${words(shape)}, expected ${words(["images", ...wanted])}`, {
      hint: hintFor(shape, image),
    });
  }
  if (shape[0] === 0) fail("bad_input", "there is no image: pixels of shape [0, …]");
  const per = channels * size * size;
  if (data.length !== shape[0]! * per) {
    fail("bad_input", `${data.length} values for pixels of shape ${words(shape)}, which has ${shape[0]! * per}`);
  }
  const bad = (data as Float32Array).findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) fail("bad_input", `image ${Math.floor(bad / per)} holds ${data[bad]} where a pixel should be`);
}

/**
 * Single images [channels, size, size] as one array [images, channels, size, size].
 * @throws bad_input for one of another shape
 */
export function joinPixels(images: readonly NdArray[], image: ImageSize): NdArray {
  const per = image.channels * image.size ** 2;
  const all = new Float32Array(images.length * per);
  images.forEach(({ dtype, shape, data }, i) => {
    needPixels({ dtype, shape: [1, ...shape], data }, image);
    all.set(data as Float32Array, i * per);
  });
  return float32([images.length, image.channels, image.size, image.size], all);
}

/** The graph's input `name` for images, so many at a time. */
export const pixelInput = ({ channels, size }: ImageSize, batch = "batch", name = "pixels"): Tensor =>
  input(name, "float32", [batch, channels, size, size]);
