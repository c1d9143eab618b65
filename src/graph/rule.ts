/** The shape of a gradient rule: what it is given and what it gives back. */
import type { Attributes, OpName, Tensor } from "./tensor.ts";

export interface Cotangent<K extends OpName> {
  /** The gradient of the loss with respect to the first output. */
  readonly g: Tensor;
  /** The same for every output, undefined where nothing depends on it. */
  readonly gs: readonly (Tensor | undefined)[];
  readonly x: readonly Tensor[];
  readonly y: readonly Tensor[];
  readonly attributes: Attributes[K];
}

export type Rule<K extends OpName> = (c: Cotangent<K>) => readonly (null | (() => Tensor))[];
