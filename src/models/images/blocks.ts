/** What transformers of images share: attention that can be looked at, and positions for grids of other sizes. */
import type { Dim } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import { type ResizeOptions, resize } from "../../graph/resize.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { Heads } from "../../nn/attend.ts";
import type { Pass } from "../../nn/pass.ts";
import type { Watch } from "../family.ts";

/** Attention of a layer over whole rows, q, k and v [batch, tokens, width]; its probabilities are told to who watches. */
export function watchedAttention(
  { layer, pass, watch }: { readonly layer: number; readonly pass: Pass; readonly watch: Watch | undefined },
  [q, k, v]: readonly [Tensor, Tensor, Tensor],
  heads: Heads,
): Tensor {
  if (watch?.attention) {
    const [queries, keys] = [q, k].map((x) => o.splitHeads(x, heads.heads)) as [Tensor, Tensor];
    watch.attention(o.softmax(o.matmul(queries, keys, { transB: true, alpha: heads.scale })));
  }
  return pass.self(layer, q, k, v, heads);
}

/** Rows and columns of patches. */
export type Grid = readonly [number, number];

/**
 * The ways in which positions of a grid are interpolated: transformers' `interpolate_pos_encoding`, timm when it loads a
 * checkpoint for another size, and the original code in JAX (SciPy's `zoom` of order 1).
 */
export const interpolations = {
  transformers: { mode: "cubic" },
  timm: { mode: "cubic", antialias: true },
  original: { mode: "linear", alignCorners: true },
} as const satisfies Readonly<Record<string, ResizeOptions>>;

export type Interpolation = keyof typeof interpolations;

/**
 * A table of positions [1, first + rows · columns, width] for another grid, its `first` positions (of the class token, a
 * frame's in the case of clips) as they are.
 */
export function positionsFor(table: Tensor, from: Grid, to: Grid, first: number, way: Interpolation): Tensor {
  if (from[0] === to[0] && from[1] === to[1]) return table;
  const width = table.shape[2] as Dim;
  const grid = o.reshape(o.slice(table, 1, first), [1, from[0], from[1], width]);
  // Channels first, so that rows and columns are the last axes, along which a resize is one product.
  const planes = o.transpose(grid, [0, 3, 1, 2]);
  const resized = o.transpose(resize(planes, { 2: to[0], 3: to[1] }, interpolations[way]), [0, 2, 3, 1]);
  const tokens = o.reshape(resized, [1, to[0] * to[1], width]);
  return first === 0 ? tokens : o.concat([o.slice(table, 1, 0, first), tokens], 1);
}
