/** Making the node of any operator by its name. */
import { infer } from "./infer.ts";
import { make, type ShapeRule } from "./kinds/kind.ts";
import type { Attributes, OpName, Tensor } from "./tensor.ts";

/** The outputs of a new node; the functions of the operators are the pleasant way. */
export function apply<K extends OpName>(
  op: K,
  inputs: readonly Tensor[],
  attributes: Attributes[K],
  recomputed = false,
): readonly Tensor[] {
  return make(op, infer[op] as unknown as ShapeRule<K>, inputs, attributes, recomputed);
}
