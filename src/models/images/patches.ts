/** Images as tokens: square patches, each through the same matrix (Dosovitskiy et al. 2020, section 3.1). */
import type { Dim } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { type Initial, type Scope, zerosInit } from "../../nn/scope.ts";
import type { PatchedImage } from "../config.ts";

/**
 * pixels [batch, channels, size, size] to patches, row by row, [batch, count, width]: a convolution whose windows touch
 * and do not overlap, with `weight` [width, channels, patch, patch] under the scope.
 */
export function patchTokens(
  scope: Scope,
  pixels: Tensor,
  { channels, patch, count }: PatchedImage,
  width: number,
  initial: Initial,
  { bias = false } = {},
): Tensor {
  const weight = scope.param("weight", [width, channels, patch, patch], initial);
  const grid = o.conv(pixels, weight, bias ? scope.param("bias", [width], zerosInit) : undefined, { stride: patch });
  return o.transpose(o.reshape(grid, [pixels.shape[0] as Dim, width, count]), [0, 2, 1]);
}

/** One more token of learned numbers, any shape of `width` of them, in front of every row of tokens. */
export function withClassToken(tokens: Tensor, learned: Tensor): Tensor {
  const [batch, , width] = tokens.shape as [Dim, Dim, number];
  return o.concat([o.expand(o.reshape(learned, [1, 1, width]), [batch, 1, width]), tokens], 1);
}

/** The first token of every row: [batch, tokens, width] to [batch, width]. */
export const firstToken = (tokens: Tensor): Tensor =>
  o.reshape(o.slice(tokens, 1, 0, 1), [tokens.shape[0] as Dim, tokens.shape[2] as number]);
