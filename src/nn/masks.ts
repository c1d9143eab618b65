/**
 * Who sees whom, as numbers added to attention scores: 0 where a key is seen and a large negative number where it is
 * not. Masks are by index in the row, never by position.
 */
import type { Dim } from "../graph/dims.ts";
import * as o from "../graph/operators.ts";
import type { Tensor } from "../graph/tensor.ts";

const unseen = -1e9;

/** 0 where seen (bool or 0/1 numbers) is true, else the large negative number; float32 of the same shape. */
export const biasOf = (seen: Tensor): Tensor => o.mul(o.sub(1, o.cast(seen, "float32")), unseen);

/** A mask as a bias: [batch, key] to [batch, 1, 1, key], and [batch, query, key] to [batch, 1, query, key]. */
export function paddingBias(mask: Tensor): Tensor {
  const [batch, ...rest] = mask.shape as [Dim, ...Dim[]];
  const [query, key] = rest.length === 2 ? rest : [1, rest[0]!];
  return o.reshape(biasOf(mask), [batch, 1, query!, key!]);
}

/**
 * Whether query i sees key j of the same row: j ≤ i, and with a window j > i − window. queries [q], keys [k]: bool
 * [q, k].
 */
export function causalMask(queries: Tensor, keys: Tensor, window?: number): Tensor {
  const [i, j] = [o.reshape(queries, [queries.shape[0]!, 1]), o.reshape(keys, [1, keys.shape[0]!])];
  const before = o.lessOrEqual(j, i);
  return window === undefined ? before : o.and(before, o.greater(j, o.sub(i, window)));
}

/** Whether a key's position is less than `window` before the query's: positions [batch, length], bool [batch, q, k]. */
export function nearMask(positions: Tensor, window: number): Tensor {
  const [batch, length] = positions.shape as [Dim, Dim];
  const first = o.sub(o.reshape(positions, [batch, length, 1]), window);
  return o.greater(o.reshape(positions, [batch, 1, length]), first);
}

/** Whether two tokens belong to the same text: segments [batch, q] and [batch, k] (0 is padding): bool [batch, q, k]. */
export function sameSegment(query: Tensor, key: Tensor): Tensor {
  const [batch, q] = query.shape as [Dim, Dim];
  return o.equal(o.reshape(query, [batch, q, 1]), o.reshape(key, [batch, 1, key.shape[1]!]));
}
