/** Models with an encoder of images: images to their last layer's output, or to the scores of their classes. */
import type { NdArray } from "../../graph/array.ts";
import { type Graph, graph } from "../../graph/graph.ts";
import { createScope } from "../../nn/scope.ts";
import type { ImageEncoderArchitecture, ImageSize } from "../family.ts";
import { numbers } from "./language.ts";
import { needPixels, pixelInput } from "./pixels.ts";
import { type Compile, disposeAll, lazily } from "./programs.ts";

export interface ImageEncoderModel extends AsyncDisposable {
  readonly image: ImageSize;
  /** Names of the classes; none for a bare encoder. */
  readonly labels?: readonly string[] | undefined;
  /**
   * pixels [images, channels, size, size] in float32 to the last layer's output [images, tokens, width], and to what the
   * checkpoint gives of a whole image [images, any], where it gives that.
   * @throws bad_input for another shape, naming both
   */
  encode(pixels: NdArray): Promise<{ readonly hidden: NdArray; readonly pooled?: NdArray }>;
  /** The same pixels to the scores of the classes [images, classes]. There where the checkpoint has a head. */
  classify?: (pixels: NdArray) => Promise<NdArray>;
}

/** pixels [batch, channels, size, size] to `hidden` and, where there is one, `pooled`; or to `scores` of the classes. */
export function imageEncoderGraph(model: ImageEncoderArchitecture, what: "hidden" | "scores" = "hidden"): Graph {
  const network = model.network(createScope());
  const hidden = network.encode(pixelInput(model.image));
  if (what === "scores" && network.classify) return graph({ scores: network.classify(hidden) });
  return network.pooled ? graph<string>({ hidden, pooled: network.pooled(hidden) }) : graph({ hidden });
}

/** A model over compiled programs, as {@link ImageEncoderModel} has it. */
export function imageEncoderModel(model: ImageEncoderArchitecture, compile: Compile): ImageEncoderModel {
  const { image, labels } = model;
  const encoder = lazily(() => compile(imageEncoderGraph(model)));
  const classifier = lazily(() => compile(imageEncoderGraph(model, "scores")));
  return {
    image,
    labels,
    async encode(pixels) {
      needPixels(pixels, image);
      const { hidden, pooled } = await (await encoder.get()).run({ pixels });
      return { hidden: numbers(hidden!), ...(pooled && { pooled: numbers(pooled) }) };
    },
    ...(labels && {
      async classify(pixels: NdArray) {
        needPixels(pixels, image);
        return numbers((await (await classifier.get()).run({ pixels })).scores!);
      },
    }),
    [Symbol.asyncDispose]: () => disposeAll([encoder, classifier]),
  };
}
