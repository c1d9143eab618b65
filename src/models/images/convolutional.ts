/** What networks of convolutions share: a map of features in the place of tokens, and images of any size. */
import { z } from "zod";
import type { Dim } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { convolution } from "../../nn/convolutions.ts";
import { linear } from "../../nn/linear.ts";
import { type Scope, zerosInit } from "../../nn/scope.ts";
import { activation, labelled, layers, needConsistent, problemOf, size } from "../config.ts";
import type { ImageEncoder, ImageEncoderArchitecture, ImageSize, NetworkOptions, Stored } from "../family.ts";

/** What config.json of BiT and of ResNet have in common, with transformers' defaults. */
export const convolvedSchema = labelled.extend({
  num_channels: size.default(3),
  embedding_size: size.default(64),
  hidden_sizes: z.array(size).min(1).max(16).default([256, 512, 1024, 2048]),
  depths: z.array(layers).min(1).max(16).default([3, 4, 6, 3]),
  hidden_act: activation.default("relu"),
  problem_type: z.string().nullish(),
  architectures: z.array(z.string()).nullish(),
});

interface Convolved {
  readonly embedding_size: number;
  readonly hidden_sizes: readonly number[];
  readonly depths: readonly number[];
  readonly problem_type?: string | null | undefined;
}

/** Pixels of a side where nothing else is said: what the published models were trained on. */
export const usualSide = 224;

/** What differs between checkpoints of one network: how they name its parts, and its classes. */
export interface Named<P> {
  readonly parts: P & { readonly classifier: string };
  readonly labels: string[] | undefined;
  readonly type: string;
  readonly anchor: string;
}

/** A network of convolutions as an architecture: it takes images of any size. */
export function convolvedArchitecture<C extends Convolved, P>(
  c: C,
  image: ImageSize,
  named: Named<P>,
  network: (
    scope: Scope,
    c: C,
    parts: P & { readonly classifier: string },
    classes: number | undefined,
    options: NetworkOptions,
  ) => ImageEncoder,
): ImageEncoderArchitecture {
  const { parts, labels, type, anchor } = named;
  needConsistent(c.depths.length === c.hidden_sizes.length, "depths and hidden_sizes");
  return {
    kind: "image-encoder",
    type,
    // transformers' checkpoints have all under the name of their family.
    names: { anchor, prefixes: type.includes("/") ? [] : [`${type}.`] },
    frozen: /\.running_(?:mean|var)$/,
    dropout: 0,
    width: c.hidden_sizes.at(-1)!,
    image,
    classifier: new RegExp(`^${parts.classifier.replaceAll(".", "\\.")}\\.`),
    ...(labels && { labels, problem: problemOf(c.problem_type, labels) }),
    resized: ({ height, width }) => convolvedArchitecture(c, { ...image, height, width }, named, network),
    network: (scope, options = {}) => network(scope, c, parts, labels?.length, options),
  };
}

/** Blocks of every stage, counted among the stored tensors; none where those are not known. */
export function storedDepths(stored: Stored | undefined, block: (stage: number, block: number) => string): number[] {
  const depths: number[] = [];
  for (let stage = 0; stage < 16; stage++) {
    let blocks = 0;
    while (stored?.has(`${block(stage, blocks)}.conv1.weight`)) blocks++;
    if (blocks === 0) break;
    depths.push(blocks);
  }
  return depths;
}

/** The mean over all places of a map: [batch, channels, rows, columns] to [batch, channels]. */
export const globalMean = (map: Tensor): Tensor => o.mean(map, [2, 3]);

/** The classifier, a matrix or, as timm has it, a convolution of one place: [batch, width] to [batch, classes]. */
export function classifierOf(scope: Scope, features: Tensor, classes: number, convolved: boolean): Tensor {
  if (!convolved) return linear(scope, features, classes, zerosInit, { bias: true });
  const [batch, width] = features.shape as [Dim, number];
  const map = convolution(scope, o.reshape(features, [batch, width, 1, 1]), classes, [1, 1], {
    ...{ bias: true, initial: zerosInit },
  });
  return o.reshape(map, [batch, classes]);
}
