/**
 * Models with a tower for texts beside one for images: both to vectors of length 1 in one space, and the cosines of
 * texts with images (Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision").
 */
import { fail } from "../../errors.ts";
import type { NdArray } from "../../graph/array.ts";
import { type Graph, graph } from "../../graph/graph.ts";
import * as o from "../../graph/operators.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { type Noise, type Pass, wholeRow } from "../../nn/pass.ts";
import { createScope } from "../../nn/scope.ts";
import type { ImageSize, TwoTowersArchitecture } from "../family.ts";
import { needTokens, padded } from "./ids.ts";
import { numbers } from "./language.ts";
import { needPixels, pixelInput } from "./pixels.ts";
import { type Compile, disposeAll, lazily, wanted } from "./programs.ts";

export interface TwoTowersModel extends AsyncDisposable {
  readonly vocabulary: number;
  /** Tokens of a text at most. */
  readonly longest: number;
  readonly image: ImageSize;
  /**
   * Texts as ids to vectors of length 1, [texts, width].
   * @throws bad_input for an empty text, an id outside the vocabulary, a text without its end token; too_long
   */
  text(texts: readonly (readonly number[])[]): Promise<NdArray>;
  /**
   * pixels [images, channels, size, size] in float32 to vectors of length 1, [images, width].
   * @throws bad_input for another shape, naming both
   */
  images(pixels: NdArray): Promise<NdArray>;
  /** Scaled cosines of every image with every text, [images, texts]: their softmax over texts tells which text fits. */
  compare(images: NdArray, texts: NdArray): Promise<NdArray>;
}

/** Vectors along the last axis at length 1; one of zeros stays so. */
export const unit = (x: Tensor): Tensor => o.div(x, o.sqrt(o.maximum(o.sum(o.square(x), [-1], true), 1e-24)));

/** Scaled cosines [images, texts] of vectors of length 1. */
export const scaledCosines = (images: Tensor, texts: Tensor, scale: Tensor): Tensor =>
  o.mul(o.matmul(images, texts, { transB: true }), scale);

/** The pass of texts: padding needs no mask where nothing sees what comes after it. */
export function textPass(
  { causal }: Pick<TwoTowersArchitecture, "causal">,
  rows = "batch",
  { mask = "mask", ...noise }: Noise & { readonly mask?: string } = {},
): Pass {
  return wholeRow("length", { causal, ...(!causal && { mask: input(mask, "int64", [rows, "length"]) }), ...noise });
}

/** ids (and the mask, where the towers look both ways) [batch, length] to `vectors` [batch, width] of length 1. */
export function textTowerGraph(model: TwoTowersArchitecture): Graph {
  const network = model.network(createScope());
  return graph({ vectors: unit(network.text(input("ids", "int64", ["batch", "length"]), textPass(model))) });
}

/** pixels [batch, channels, size, size] to `vectors` [batch, width] of length 1. */
export function imageTowerGraph(model: TwoTowersArchitecture): Graph {
  return graph({ vectors: unit(model.network(createScope()).image(pixelInput(model.image))) });
}

/** Vectors of length 1, images [images, width] and texts [texts, width], to their `scores` [images, texts]. */
export function compareGraph(model: TwoTowersArchitecture): Graph {
  const scale = model.network(createScope()).scale();
  const vectors = (name: string) => input(name, "float32", [name, model.width]);
  return graph({ scores: scaledCosines(vectors("images"), vectors("texts"), scale) });
}

/**
 * Texts of ids as arrays. @throws bad_input for an empty text, an id outside the vocabulary or a text without the token
 * that the model reads it at; too_long
 */
export function textFeeds(
  { vocabulary, longest, pad, end }: TwoTowersArchitecture,
  texts: readonly (readonly number[])[],
): { readonly ids: NdArray; readonly mask: NdArray } {
  if (texts.length === 0) fail("bad_input", "there is no text to encode");
  needTokens(texts, vocabulary, "a text is empty: there is nothing to encode");
  for (const ids of texts) {
    if (ids.length > longest) {
      fail("too_long", `the text has ${ids.length} tokens, the model reads ${longest}`, {
        hint: "shorten it; nothing is ever cut off silently",
      });
    }
    if (end !== undefined && !ids.includes(end)) {
      fail("bad_input", `a text without the end token ${end}, whose place its vector is read at`, {
        hint: "encode it with its special tokens",
      });
    }
  }
  return padded(texts, pad);
}

function needVectors(name: string, { dtype, shape }: NdArray, width: number): void {
  if (dtype === "float32" && shape.length === 2 && shape[1] === width) return;
  fail("bad_input", `${name} are ${dtype} of shape [${shape.join(", ")}], expected float32 [${name}, ${width}]`);
}

/** A model over compiled programs, as {@link TwoTowersModel} has it. */
export function twoTowersModel(model: TwoTowersArchitecture, compile: Compile): TwoTowersModel {
  const { vocabulary, longest, image, width } = model;
  const textTower = lazily(() => compile(textTowerGraph(model)));
  const imageTower = lazily(() => compile(imageTowerGraph(model)));
  const comparing = lazily(() => compile(compareGraph(model)));
  return {
    vocabulary,
    longest,
    image,
    async text(texts) {
      const feeds = textFeeds(model, texts);
      const program = await textTower.get();
      return numbers((await program.run(wanted(program, feeds))).vectors!);
    },
    async images(pixels) {
      needPixels(pixels, image);
      return numbers((await (await imageTower.get()).run({ pixels })).vectors!);
    },
    async compare(images, texts) {
      needVectors("images", images, width);
      needVectors("texts", texts, width);
      return numbers((await (await comparing.get()).run({ images, texts })).scores!);
    },
    [Symbol.asyncDispose]: () => disposeAll([textTower, imageTower, comparing]),
  };
}
