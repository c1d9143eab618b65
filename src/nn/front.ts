/** What has been learnt before the rows of a pass: keys and values, and how a pass's own bias goes on behind theirs. */
import { type Dim, mulDims, sameShape } from "../graph/dims.ts";
import * as o from "../graph/operators.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Keys and values of one layer, [rows, kvHeads, length, k]. */
export interface KeyValue {
  readonly k: Tensor;
  readonly v: Tensor;
}

/**
 * Keys and values that every query sees before those of its row: a tuned prefix (Li & Liang 2021, arXiv 2101.00190).
 *
 * A pass over whole rows puts them before the row's own. Where a pass reads a row in pieces over a cache, they are the
 * first places of the cache: `continuedRows` is given so many tokens before the text (of any kind) and takes these keys
 * and values in the place of theirs; `cachedStep` is given a cache that begins with them.
 */
export interface Front {
  /** Places that it takes; of rows whose fronts differ, those of the longest. */
  readonly length: number;
  /** Of self-attention, [1 | rows, kvHeads, length, k] a layer. */
  readonly past?: readonly KeyValue[] | undefined;
  /** Of attention to what an encoder has read. */
  readonly crossed?: readonly KeyValue[] | undefined;
  /** Places that a row has, int64 [rows, 1]: its first ones. All of them without. */
  readonly lengths?: Tensor | undefined;
  /** Positions of the row's tokens count on behind the front; else they are as if it were not there. */
  readonly counted: boolean;
  /** Distances are counted to the places of the front too, so that a family's bias covers them; else theirs is none. */
  readonly distances: boolean;
}

/** Biases of the front and of the row side by side, where one may be the same for all rows or all queries. */
export function beside(first: Tensor, second: Tensor): Tensor {
  const alike = (x: Tensor, y: Tensor): Tensor => {
    const shape = x.shape.map((dim, axis) => (axis < 3 && dim === 1 ? y.shape[axis]! : dim));
    return sameShape(shape, x.shape) ? x : o.expand(x, shape);
  };
  return o.concat([alike(first, second), alike(second, first)], 3);
}

/** Zeros of `length` columns before a bias: what is there is seen by all. */
export const widened = (bias: Tensor, length: Dim): Tensor => beside(o.filled("float32", 0, [1, 1, 1, length]), bias);

/** Which places of a front its rows have, bool [rows, 1, front]; undefined where every row has all of them. */
export function thereOf({ length, lengths }: Front): Tensor | undefined {
  if (!lengths) return undefined;
  return o.less(o.reshape(o.iota(length), [1, 1, length]), o.reshape(lengths, [lengths.shape[0]!, 1, 1]));
}

/** Keys or values of `rows` rows, which may share one. */
export const ofRows = (x: Tensor, rows: Dim): Tensor =>
  x.shape[0] === rows ? x : o.expand(x, [rows, ...x.shape.slice(1)]);

/** What a front has in the place of x [rows, length, kvHeads · k] at positions [rows, length] that are its own. */
export function inFront(front: Front, part: Tensor, x: Tensor, positions: Tensor): Tensor {
  const [shared, , , each] = part.shape as [Dim, number, Dim, number];
  const [rows, length, width] = x.shape as [Dim, Dim, number];
  const places = o.minimum(positions, front.length - 1);
  const flat = o.reshape(o.transpose(part, [0, 2, 1, 3]), [mulDims(shared, front.length), width / each, each]);
  const own = shared === 1 ? places : o.add(places, o.reshape(o.mul(o.iota(rows), front.length), [rows, 1]));
  const picked = o.reshape(o.gather(flat, own), [rows, length, width]);
  return o.where(o.reshape(o.less(positions, front.lengths ?? front.length), [rows, length, 1]), picked, x);
}
