/** Products with a weight matrix. Weights keep the checkpoint's layout: nothing is ever transposed. */
import { type Dim, mulDims } from "../graph/dims.ts";
import * as o from "../graph/operators.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Initial, type Scope, zerosInit } from "./scope.ts";

/** How a checkpoint stores the matrix: [out, in] as PyTorch's Linear does, [in, out] as GPT-2's Conv1D does. */
export type Layout = "out_in" | "in_out";

export interface LinearOptions {
  readonly bias?: boolean;
  readonly layout?: Layout;
}

/** x Wᵀ (+ b) of x [..., in], with `weight` and `bias` under the scope. */
export function linear(scope: Scope, x: Tensor, out: number, initial?: Initial, options: LinearOptions = {}): Tensor {
  const { bias = false, layout = "out_in" } = options;
  const width = x.shape.at(-1) as number;
  const turned = layout === "out_in";
  const plain = () => {
    const weight = scope.param("weight", turned ? [out, width] : [width, out], initial);
    const y = o.matmul(x, weight, { transB: turned });
    return bias ? o.add(y, scope.param("bias", [out], zerosInit)) : y;
  };
  return scope.product ? scope.product(x, out, plain) : plain();
}

/** Rows of a table by their numbers: ids [...] to [..., width], with `weight` [rows, width] under the scope. */
export function embedding(scope: Scope, ids: Tensor, rows: number, width: number, initial?: Initial): Tensor {
  return o.gather(scope.param("weight", [rows, width], initial), ids);
}

/**
 * Rows of a table of words. In training the row of `padding` does not learn from being looked up, as PyTorch's
 * `padding_idx` has it; it may still learn as a row of the output matrix.
 */
export function wordVectors(
  words: Tensor,
  ids: Tensor,
  { padding, training }: { readonly padding: number | undefined; readonly training: boolean | undefined },
): Tensor {
  const vectors = o.gather(words, ids);
  if (!training || padding === undefined) return vectors;
  const isPadding = o.reshape(o.equal(ids, padding), [...ids.shape, 1]);
  return o.where(isPadding, o.stopGradient(vectors), vectors);
}

/** alpha · hidden [rows, length, width] by the output matrix [vocabulary, width]: [rows, length, vocabulary]. */
export function vocabularyLogits(head: Tensor, hidden: Tensor, alpha = 1): Tensor {
  const [rows, length, width] = hidden.shape as [Dim, Dim, number];
  const vocabulary = head.shape[0] as number;
  if (mulDims(rows, length) !== 1) return o.matmul(hidden, head, { transB: true, alpha });
  // For a single row the matrix goes on the left: a product with a vector reads it once, at the memory's speed,
  // where the kernel for [1, width] by a transposed matrix of this height takes several times as long.
  return o.reshape(o.matmul(head, o.reshape(hidden, [width, 1]), { alpha }), [rows, length, vocabulary]);
}
