/** Norms over the last axis. */
import type { Dim } from "../graph/dims.ts";
import * as o from "../graph/operators.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Initial, onesInit, type Scope, zerosInit } from "./scope.ts";

/** Root-mean-square norm: x · rsqrt(mean(x²) + ε) · w. No mean, no bias (Zhang & Sennrich 2019, arXiv 1910.07467). */
export function rmsNorm(scope: Scope, x: Tensor, epsilon: number, initial: Initial = onesInit): Tensor {
  return o.rmsNorm(x, scope.param("weight", [x.shape.at(-1) as number], initial), epsilon);
}

/** The same with x̂ · (1 + w), of weights that are stored around 0. */
export function shiftedRmsNorm(scope: Scope, x: Tensor, epsilon: number): Tensor {
  return o.rmsNorm(x, o.add(scope.param("weight", [x.shape.at(-1) as number], zerosInit), 1), epsilon);
}

/** Root-mean-square norm of every head of x [rows, length, heads · k] by itself; one weight [k] for all of them. */
export function headNorm(scope: Scope, x: Tensor, heads: number, epsilon: number, shifted = false): Tensor {
  const [rows, length, width] = x.shape as [Dim, Dim, number];
  const split = o.reshape(x, [rows, length, heads, width / heads]);
  return o.reshape((shifted ? shiftedRmsNorm : rmsNorm)(scope, split, epsilon), x.shape);
}

/** (x − mean) · rsqrt(variance + ε) · w + b (Ba et al. 2016, arXiv 1607.06450); some models leave b away. */
export function layerNorm(scope: Scope, x: Tensor, epsilon: number, { bias = true } = {}): Tensor {
  const width = x.shape.at(-1) as number;
  const shift = bias ? scope.param("bias", [width], zerosInit) : o.filled("float32", 0, [width]);
  return o.layerNorm(x, scope.param("weight", [width], onesInit), shift, epsilon);
}
