/**
 * What gradient rules share. A rule is a vector-Jacobian product written in operators, so gradients have gradients; it
 * gives one entry per input: null where no derivative exists, else a function called only if that gradient is wanted.
 */
import { type Dim, type Shape, sameShape } from "../dims.ts";
import * as o from "../operators.ts";
import type { OpName, Tensor } from "../tensor.ts";
import type { Cotangent, Rule } from "./row.ts";

/** Sum a gradient over the axes along which its operand was broadcast. */
export function unbroadcast(g: Tensor, shape: Shape): Tensor {
  if (sameShape(g.shape, shape)) return g;
  const lead = g.shape.length - shape.length;
  const axes = g.shape.flatMap((dim, i) => (i < lead || shape[i - lead] !== dim ? [i] : []));
  return o.reshape(o.sum(g, axes, true), shape);
}

export const none = (): null[] => [];
export const unary =
  <K extends OpName>(rule: (c: Cotangent<K>) => Tensor): Rule<K> =>
  (c) => [() => rule(c)];

/** Both operands of a broadcasting operator, their gradients in the output's shape. */
export const binary =
  <K extends OpName>(left: (c: Cotangent<K>) => Tensor, right: (c: Cotangent<K>) => Tensor): Rule<K> =>
  (c) => [() => unbroadcast(left(c), c.x[0]!.shape), () => unbroadcast(right(c), c.x[1]!.shape)];

export const zero = (like: Tensor) => o.filled(like.dtype, 0, like.shape);
export const masked = (condition: Tensor, g: Tensor) => o.where(condition, g, 0);

/** Put back reduced axes as ones. */
export function keepAxes(g: Tensor, shape: Shape, axes: readonly number[]): Tensor {
  return o.reshape(
    g,
    shape.map((dim, i): Dim => (axes.includes(i) ? 1 : dim)),
  );
}

/** softmax: p ⊙ (g − Σ p ⊙ g). */
export function softmaxGradient(p: Tensor, g: Tensor, axis: number): Tensor {
  const t = o.mul(p, g);
  return o.sub(t, o.mul(p, o.sum(t, [axis], true)));
}
