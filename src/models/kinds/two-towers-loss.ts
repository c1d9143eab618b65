/** The training of two towers on pairs of an image and its text: each must find the other among those of the batch. */
import { fail } from "../../errors.ts";
import { float32, type NdArray } from "../../graph/array.ts";
import * as o from "../../graph/operators.ts";
import { input } from "../../graph/tensor.ts";
import type { TwoTowersArchitecture } from "../family.ts";
import { type Loss, summedCrossEntropy } from "./loss.ts";
import { joinPixels, pixelInput } from "./pixels.ts";
import { scaledCosines, textFeeds, textPass, unit } from "./two-towers.ts";

/** An image and a text that belong together. */
export interface PairExample {
  /** [channels, size, size], float32. */
  readonly pixels: NdArray;
  /** The text's tokens, the end token included. */
  readonly ids: readonly number[];
}

/**
 * The symmetric contrastive loss (Radford et al. 2021, section 2.3, figure 3): the mean of the cross-entropies of the
 * right text for each image and of the right image for each text, over the scaled cosines of a batch. What is wrong for
 * one pair are the other pairs of its micro-batch, so larger micro-batches are harder, and accumulating does not make
 * them larger; the same text twice in one counts as wrong once. Inputs: `pixels` [batch, channels, size, size], `ids` and
 * `mask` [batch, length], `scale`.
 */
export function twoTowersLoss(model: TwoTowersArchitecture): Loss<PairExample> {
  return {
    graph(scope, { quiet: _, packed: __, zLoss: ___, ...noise } = {}) {
      const training = { training: true, ...noise };
      const network = model.network(scope, training);
      const texts = unit(network.text(input("ids", "int64", ["batch", "length"]), textPass(model, "batch", training)));
      const images = unit(network.image(pixelInput(model.image)));
      const scores = scaledCosines(images, texts, network.scale());
      const own = o.iota("batch");
      const both = o.add(summedCrossEntropy(scores, own), summedCrossEntropy(o.transpose(scores, [1, 0]), own));
      return o.mul(o.mul(both, 0.5), input("scale", "float32", []));
    },
    collate(rows, labels) {
      const pairs = rows.flat();
      if (pairs.length < 2) {
        fail("bad_input", `${pairs.length} pair in a batch: there is nothing to tell it from`, {
          hint: "train on batches of two pairs or more",
        });
      }
      const { ids, mask } = textFeeds(
        model,
        pairs.map((pair) => pair.ids),
      );
      return {
        pixels: joinPixels(
          pairs.map((pair) => pair.pixels),
          model.image,
        ),
        ids,
        ...(!model.causal && { mask }),
        scale: float32([], [1 / Math.max(1, labels)]),
      };
    },
    labels: () => 1,
  };
}
