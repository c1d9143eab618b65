/** How a model's pictures are prepared, and of which sides they come out. */
import type { JsonObject } from "../base/json.ts";
import { fail } from "../errors.ts";
import {
  type ImageProcessor,
  plainProcessor,
  readProcessor,
  readTimmProcessor,
  type Sides,
  withSides,
} from "../media/images/processor.ts";
import type { ImageEncoderArchitecture } from "../models/family.ts";

/** The processor of preprocessor_config.json, else of timm's configuration, else a plain one with a warning. */
export function processorFrom(
  json: JsonObject | undefined,
  config: JsonObject,
  sides: Sides,
  where: { readonly file: string; readonly config: string },
): ImageProcessor {
  if (json) return readProcessor(json, where.file);
  const timm = config.pretrained_cfg;
  if (timm !== undefined && timm !== null) return readTimmProcessor(timm, where.config);
  const warning = "the folder does not say how pictures are prepared (preprocessor_config.json): resized, from -1 to 1";
  return { ...plainProcessor(sides), warnings: [warning] };
}

/** The sides that a processor's pictures come out with, where it says. */
function sidesOf({ crop, resize }: ImageProcessor): { height: number; width: number } | undefined {
  if (crop) return crop;
  return resize && !("shortest" in resize.to) ? resize.to : undefined;
}

/**
 * A model over pictures of the sides that are asked for, else of those that its processor makes, and the processor to
 * that. A network of convolutions takes any size, and its configuration says none.
 * @throws unsupported for a model that takes its own size alone; bad_input for sides that its patches do not fill
 */
export function overSides(
  trained: ImageEncoderArchitecture,
  found: ImageProcessor,
  asked: Sides | undefined,
  where: string,
): { architecture: ImageEncoderArchitecture; processor: ImageProcessor } {
  const own = trained.image;
  const sides = asked ?? (trained.resized ? (sidesOf(found) ?? own) : own);
  const same = sides.height === own.height && sides.width === own.width;
  if (!same && !trained.resized) {
    fail("unsupported", `${trained.type} takes pictures of ${own.height} by ${own.width} alone`, { where });
  }
  const out = sidesOf(found);
  const fits = out && out.height === sides.height && out.width === sides.width;
  return {
    architecture: same ? trained : trained.resized!(sides),
    processor: fits ? found : withSides(found, sides),
  };
}
