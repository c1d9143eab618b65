/** Scores of classes and what they should be: the loss of every model with a classifier, of texts or of images. */
import { fail } from "../../errors.ts";
import { float32, int64, type NdArray } from "../../graph/array.ts";
import type { Dim } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import type { Problem } from "../family.ts";
import { sheet, summedCrossEntropy } from "./loss.ts";

export interface Classes {
  /** Their names in their order. */
  readonly labels?: readonly string[] | undefined;
  readonly problem?: Problem | undefined;
}

/** The loss of scores [batch, classes], summed over the batch, with `labels` as an input of the graph. */
export function classesLoss(scores: Tensor, { problem = "single" }: Classes): Tensor {
  const [batch, classes] = scores.shape as [Dim, number];
  if (problem === "single") return summedCrossEntropy(scores, input("labels", "int64", [batch]));
  const labels = input("labels", "float32", [batch, classes]);
  if (problem === "regression") return o.div(o.sum(o.square(o.sub(scores, labels))), classes);
  // Binary cross-entropy of independent classes, their mean for each example: softplus(z) − z · y.
  return o.div(o.sum(o.sub(o.softplus(scores), o.mul(scores, labels))), classes);
}

/**
 * The array `labels` for the loss above. Of each example the class, the classes of which several may hold, or the numbers.
 * @throws bad_input for a class that there is not
 */
export function classLabels(targets: readonly (readonly number[])[], { problem, labels = [] }: Classes): NdArray {
  if (problem === "regression") return float32([targets.length, labels.length], targets.flat());
  for (const label of targets.flat()) {
    if (Number.isInteger(label) && label >= 0 && label < labels.length) continue;
    fail("bad_input", `class ${label} of ${labels.length}`, {
      hint: "classes are counted from 0, in the order of the model's labels",
    });
  }
  if (problem !== "multi") {
    return int64(
      [targets.length],
      targets.map(([label]) => label ?? fail("bad_input", "an example without a class")),
    );
  }
  const held = sheet(targets.length, labels.length, 0);
  targets.forEach((target, row) => {
    for (const label of target) held[row * labels.length + label] = 1;
  });
  return float32([targets.length, labels.length], held);
}
