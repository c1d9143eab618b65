/** Where a model looks, laid over the picture: the more, the more of an orange that no screen mistakes for skin or sky. */
import { crop, type Picture, toColour } from "./image.ts";
import type { Region } from "./processor.ts";
import { resizePicture } from "./resize.ts";

/** Numbers from 0 to 1 over rows and columns. */
export interface Heat {
  readonly rows: number;
  readonly columns: number;
  readonly heat: ArrayLike<number>;
}

const tint = [255, 96, 0] as const;
/** Share of the tint where the number is 1, and of the picture's light that is left where it is 0. */
const [most, dimmed] = [0.65, 0.45];

/** The part of the picture that the model saw, in its own pixels, darker where the model did not look. */
export function overlay(picture: Picture, region: Region, { rows, columns, heat }: Heat): Picture {
  const seen = toColour(crop(picture, region.left, region.top, region.width, region.height));
  const bytes = Uint8Array.from(heat, (value) => Math.round(255 * Math.min(1, Math.max(0, value))));
  const map = resizePicture(
    { width: columns, height: rows, channels: 1, data: bytes },
    seen.width,
    seen.height,
    "bilinear",
  );
  const data = new Uint8Array(seen.data.length);
  for (let i = 0; i < map.data.length; i++) {
    const value = map.data[i]! / 255;
    const share = most * value;
    const light = dimmed + (1 - dimmed) * value;
    for (let c = 0; c < 3; c++) {
      data[3 * i + c] = Math.round(seen.data[3 * i + c]! * light * (1 - share) + tint[c]! * share);
    }
  }
  return { width: seen.width, height: seen.height, channels: 3, data };
}
