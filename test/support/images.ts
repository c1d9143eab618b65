/** Images of the fixtures: nested lists, channels first. */
import { float32, type NdArray } from "../../src/graph/array.ts";

export type Planes = readonly (readonly (readonly number[])[])[];

/** One image, [channels, size, size]. */
export const imageOf = (planes: Planes): NdArray =>
  float32([planes.length, planes[0]!.length, planes[0]![0]!.length], planes.flat(2));

/** Several of one size, [images, channels, size, size]. */
export const imagesOf = (images: readonly Planes[]): NdArray => {
  const [first] = images.map(imageOf);
  return float32([images.length, ...first!.shape], images.flat(3));
};
