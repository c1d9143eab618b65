/** The training of an image encoder on the classes of images. */
import { fail } from "../../errors.ts";
import { float32, type NdArray } from "../../graph/array.ts";
import * as o from "../../graph/operators.ts";
import { input } from "../../graph/tensor.ts";
import type { ImageEncoderArchitecture } from "../family.ts";
import { classesLoss, classLabels } from "./classes.ts";
import type { Loss } from "./loss.ts";
import { joinPixels, pixelInput } from "./pixels.ts";

/** An image and what it shows. */
export interface ImageExample {
  /** [channels, size, size], float32. */
  readonly pixels: NdArray;
  /** The class; the classes, where several may hold; or the numbers of a regression. */
  readonly target: readonly number[];
}

/**
 * Cross-entropy of the classes (of independent ones the binary one, of numbers the squared difference). Inputs: `pixels`
 * [batch, channels, size, size], `labels`, `scale`.
 * @throws unsupported for a model without a classifier
 */
export function imageEncoderLoss(model: ImageEncoderArchitecture): Loss<ImageExample> {
  return {
    graph(scope, { quiet: _, packed: __, zLoss: ___, ...noise } = {}) {
      const { encode, classify } = model.network(scope, { training: true, ...noise });
      if (!classify) {
        return fail("unsupported", `this ${model.type} has no classifier to train`, {
          hint: "its config.json must name its classes (id2label) and a class of models that has a classifier (architectures)",
        });
      }
      const scores = classify(encode(pixelInput(model.image)));
      return o.mul(classesLoss(scores, model), input("scale", "float32", []));
    },
    collate(rows, labels) {
      const examples = rows.flat();
      return {
        pixels: joinPixels(
          examples.map(({ pixels }) => pixels),
          model.image,
        ),
        labels: classLabels(
          examples.map(({ target }) => target),
          model,
        ),
        scale: float32([], [1 / Math.max(1, labels)]),
      };
    },
    labels: () => 1,
  };
}
