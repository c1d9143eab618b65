/** The noise of training: what is dropped, and what is multiplied by random numbers. */
import { add, bitwiseXor, mul } from "../../graph/operators.ts";
import { dropout as drop, siteSeed, uniform } from "../../graph/random.ts";
import { full, input, type Tensor } from "../../graph/tensor.ts";
import type { LossOptions } from "./loss.ts";

/** Every place where something is random has its own seed, made of the step's, an input `seed`, and the place's number. */
export function siteNoise(rate: number): LossOptions {
  const seed = input("seed", "uint32", []);
  let site = 0;
  const next = () => bitwiseXor(seed, full("uint32", siteSeed(0, 0, ++site)));
  return {
    ...(rate > 0 ? { dropout: (x: Tensor) => drop(x, rate, next()) } : {}),
    jitter: (x, range) => mul(x, add(mul(uniform(next(), x.shape), 2 * range), 1 - range)),
  };
}
