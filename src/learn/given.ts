/** A gradient given from outside: of what is computed from a model's outputs elsewhere, or in another run. */
import { fail } from "../errors.ts";
import { isFloat } from "../graph/dtype.ts";
import * as o from "../graph/operators.ts";
import { input, type Tensor } from "../graph/tensor.ts";

/**
 * Σ x · given over all outputs, each with an input `given/NAME` of its type and shape: the loss whose gradient with
 * respect to each output is what is fed as given. Its gradients of the weights are therefore those of any loss whose
 * gradient of the outputs was fed; its own value means nothing.
 *
 * So a loss over more rows than fit in memory is trained in three stages (the gradient cache of Gao et al. 2021,
 * arXiv 2101.06983): compute the outputs of all rows in parts, without gradients; run
 * `graph({ loss, ...gradients(loss, outputs) })`, where the outputs are inputs; and step a trainer with
 * `loss: givenGradients({ … })`, one part and its share of those gradients a micro-batch.
 */
export function givenGradients(outputs: Readonly<Record<string, Tensor>>): Tensor {
  const terms = Object.entries(outputs).map(([name, x]) => {
    if (!isFloat(x.dtype)) fail("wrong_use", `"${name}" is ${x.dtype}: only floats have gradients`);
    return o.sum(o.mul(x, input(`given/${name}`, x.dtype, x.shape)));
  });
  return terms.length > 0 ? terms.reduce(o.add) : fail("wrong_use", "no outputs to give gradients of");
}
