/** Relative positions: what depends on how far a key stands from a query. */
import { int64 } from "../graph/array.ts";
import * as o from "../graph/operators.ts";
import { constant, type Tensor } from "../graph/tensor.ts";
import type { Pass } from "./pass.ts";

/** Index of the distance, key minus query, in a table of −limit … limit: int64 [query, key]; further ones at its ends. */
export function distanceIndex({ queries, keys }: Pick<Pass, "queries" | "keys">, limit: number): Tensor {
  const [q, k] = [queries.shape[0]!, keys.shape[0]!];
  const distance = o.sub(o.reshape(keys, [1, k]), o.reshape(queries, [q, 1]));
  return o.add(o.minimum(o.maximum(distance, -limit), limit), limit);
}

/** A number for each distance −limit … limit, by query and key: int64 [query, key]. */
export function byDistance(numbers: readonly number[], pass: Pick<Pass, "queries" | "keys">): Tensor {
  return o.gather(constant(int64([numbers.length], numbers)), distanceIndex(pass, (numbers.length - 1) / 2));
}

/**
 * The bias of each pair of positions, [1, heads, query, key], from a table [buckets, heads] and the bucket of each
 * distance −limit … limit.
 */
export function biasOfDistances(
  table: Tensor,
  buckets: readonly number[],
  pass: Pick<Pass, "queries" | "keys">,
): Tensor {
  const limit = (buckets.length - 1) / 2;
  const each = o.gather(o.transpose(table, [1, 0]), constant(int64([buckets.length], buckets)), 1);
  const picked = o.gather(each, distanceIndex(pass, limit), 1);
  return o.reshape(picked, [1, ...picked.shape]);
}

/** Whether a key stands at most `reach` places from a query, on either side: bool [query, key]. */
export function within(reach: number, { queries, keys }: Pick<Pass, "queries" | "keys">): Tensor {
  const [q, k] = [queries.shape[0]!, keys.shape[0]!];
  return o.lessOrEqual(o.abs(o.sub(o.reshape(keys, [1, k]), o.reshape(queries, [q, 1]))), reach);
}
