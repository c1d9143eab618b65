/** A processor as preprocessor_config.json, as transformers writes it. */
import type { JsonObject } from "../../base/json.ts";
import type { ImageProcessor } from "./processor.ts";
import { resampleCodes } from "./resize.ts";

/** @param channels of the model's pictures: means and deviations are written for each */
export function processorJson(
  { resize, crop, factor, offset, normalize }: ImageProcessor,
  channels: number,
): JsonObject {
  const each = (values: readonly number[]) => Array.from({ length: channels }, (_, i) => values[i] ?? values[0]!);
  const clips = offset !== 0;
  return {
    image_processor_type: clips ? "VivitImageProcessor" : crop ? "BitImageProcessor" : "ViTImageProcessor",
    do_convert_rgb: channels === 3,
    do_resize: resize !== undefined,
    ...(resize && {
      size: "shortest" in resize.to ? { shortest_edge: resize.to.shortest } : { ...resize.to },
      resample: resampleCodes.indexOf(resize.resample),
    }),
    do_center_crop: crop !== undefined,
    ...(crop && { crop_size: { ...crop } }),
    do_rescale: factor !== 1,
    ...(factor !== 1 && { rescale_factor: factor }),
    ...(clips && { offset: true }),
    do_normalize: normalize !== undefined,
    ...(normalize && { image_mean: each(normalize.mean), image_std: each(normalize.std) }),
  };
}
