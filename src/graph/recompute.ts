/**
 * Which values of a forward pass are computed again for its gradients instead of being kept until then
 * (Chen et al. 2016, "Training deep nets with sublinear memory cost", section 3, for whose operators it costs least).
 */
import { isDropoutMask } from "./random.ts";
import type { OpName, Tensor } from "./tensor.ts";

/**
 * Operators of an element or a row at a time whose inputs are kept for their own gradients anyway: an activation's, a
 * norm's. Not sums, the first of which is the residual stream, so that nothing is computed again from further back than
 * a block; not products with weights and what moves numbers about, whose result takes the place of what it is made of.
 */
const cheap: ReadonlySet<OpName> = new Set<OpName>([
  ...(["Neg", "Abs", "Sign", "Exp", "Log", "Sqrt", "Reciprocal", "Erf", "Tanh", "Sigmoid", "Sin", "Cos"] as const),
  ...(["Relu", "Softplus", "Elu", "LeakyRelu", "Gelu", "Sub", "Mul", "Div", "Pow", "Min", "Max"] as const),
  ...(["Not", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Where", "Cast"] as const),
  ...(["RmsNorm", "LayerNorm"] as const),
]);

/**
 * Products of two values of the run, and what attention makes of them: as many numbers as there are pairs of places, from
 * queries and keys that are kept anyway, for a few hundredths of a step's work. A product with a weight is not one.
 */
function ofPairs({ node }: Tensor): boolean {
  if (node.kind !== "op") return false;
  if (node.op === "MatMul") {
    return node.inputs.every(({ shape, node: { kind } }) => shape.length > 2 && kind !== "parameter");
  }
  return (node.op === "Softmax" || node.op === "Add" || node.op === "Reshape") && ofPairs(node.inputs[0]!);
}

/** Given as `recompute` to `gradients`: less memory, the same numbers, one more pass of what is cheap. */
export const isCheap = (value: Tensor): boolean =>
  isDropoutMask(value) || (value.node.kind === "op" && cheap.has(value.node.op)) || ofPairs(value);
