/** Images and clips as tokens: patches that touch, each through the same matrix (Dosovitskiy et al. 2020, section 3.1). */
import { type Dim, elements } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { type Initial, type Scope, zerosInit } from "../../nn/scope.ts";

/**
 * pixels [batch, channels, …] to their patches, row by row (of a clip: image by image), [batch, count, width], with
 * `weight` [width, channels, …patch] under the scope. What fills no patch at an end is left out. It is the convolution
 * whose windows touch and do not overlap, written as the product that it is: so are its gradients.
 */
export function patchTokens(
  scope: Scope,
  pixels: Tensor,
  patch: readonly number[],
  width: number,
  initial: Initial,
  { bias = false } = {},
): Tensor {
  const [batch, channels, ...sides] = pixels.shape as [Dim, number, ...number[]];
  const grid = patch.map((size, i) => Math.floor(sides[i]! / size));
  const kept = patch.reduce((x, size, i) => o.slice(x, i + 2, 0, endOf(grid[i]! * size, sides[i]!)), pixels);
  const cut = o.reshape(kept, [batch, channels, ...patch.flatMap((size, i) => [grid[i]!, size])]);
  const [places, within] = [2, 3].map((first) => patch.map((_, i) => first + 2 * i)) as [number[], number[]];
  const inner = channels * patch.reduce((a, b) => a * b, 1);
  const rows = o.reshape(o.transpose(cut, [0, ...places, 1, ...within]), [batch, elements(grid), inner]);
  const weight = o.reshape(scope.param("weight", [width, channels, ...patch], initial), [width, inner]);
  const tokens = o.matmul(rows, weight, { transB: true });
  return bias ? o.add(tokens, scope.param("bias", [width], zerosInit)) : tokens;
}

const endOf = (end: number, size: number): number => (end === size ? Infinity : end);

/** One more token of learned numbers, any shape of `width` of them, in front of every row of tokens. */
export function withClassToken(tokens: Tensor, learned: Tensor): Tensor {
  const [batch, , width] = tokens.shape as [Dim, Dim, number];
  return o.concat([o.expand(o.reshape(learned, [1, 1, width]), [batch, 1, width]), tokens], 1);
}

/** The first token of every row: [batch, tokens, width] to [batch, width]. */
export const firstToken = (tokens: Tensor): Tensor =>
  o.reshape(o.slice(tokens, 1, 0, 1), [tokens.shape[0] as Dim, tokens.shape[2] as number]);
