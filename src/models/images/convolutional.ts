/** What networks of convolutions share: a map of features in the place of tokens, and images of any size. */
import type { Dim } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { convolution } from "../../nn/convolutions.ts";
import { linear } from "../../nn/linear.ts";
import { type Scope, zerosInit } from "../../nn/scope.ts";

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
