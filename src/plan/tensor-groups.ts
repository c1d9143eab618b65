/** Tensors of a model that differ in nothing but their layer, and what they are for. */

/**
 * Which work a tensor is part of. `memory`: keys and values of cross-attention, made once for each input token.
 * `embedding`: looked up in, one row a token. `head`: what makes the answer of a decoder's or encoder's output.
 */
export const parts = ["embedding", "encoder", "memory", "decoder", "head"] as const;
export type Part = (typeof parts)[number];

/**
 * How a tensor is used, which decides what quantising does with it. `tied`: an embedding that is the output matrix too.
 * `other`: vectors and tables of positions.
 */
export type Use = "product" | "lookup" | "tied" | "router" | "other";

/** Tensors that differ in nothing but their layer. */
export interface TensorGroup {
  /** With `*` for the layer and the expert. */
  readonly name: string;
  /** A matrix is [out, in]. */
  readonly shape: readonly number[];
  /** How many there are, experts included. */
  readonly times: number;
  readonly part: Part;
  readonly use: Use;
  /** Of so many in a layer a token passes one. */
  readonly experts?: number;
}
