/** Operators that bring the values along an axis to a common scale, and the loss that is taken of such values. */
import { fail } from "../../errors.ts";
import { normalAxis, sameShape, showShape } from "../dims.ts";
import type { Tensor } from "../tensor.ts";
import { float, makers, type Output, type ShapeRules, sameDType } from "./kind.ts";

declare module "../tensor.ts" {
  interface Attributes {
    Softmax: { readonly axis: number };
    LogSoftmax: { readonly axis: number };
    /** w · x / sqrt(mean(x²) + ε) over the last axis (Zhang & Sennrich 2019). */
    RmsNorm: { readonly epsilon: number };
    /** w · (x − mean) / sqrt(var + ε) + b over the last axis (Ba et al. 2016). */
    LayerNorm: { readonly epsilon: number };
    /** logsumexp(logits) − logits[label] for each row, 0 where label = ignore; second output: log-probabilities. */
    SoftmaxCrossEntropy: { readonly ignore: number };
  }
}

/** Weights of a norm are vectors as long as the last axis. */
const norm = (inputs: readonly Tensor[]): Output[] => {
  const [x, ...weights] = inputs;
  for (const { shape } of weights) {
    if (!sameShape(shape, x!.shape.slice(-1))) {
      fail("wrong_use", `a norm's weight ${showShape(shape)} for values ${showShape(x!.shape)}`);
    }
  }
  sameDType(inputs);
  return float(inputs);
};

const shapes = {
  Softmax: float,
  LogSoftmax: float,
  RmsNorm: norm,
  LayerNorm: norm,
  SoftmaxCrossEntropy: ([logits, labels]) => {
    if (!sameShape(logits!.shape.slice(0, -1), labels!.shape)) {
      fail(
        "wrong_use",
        `logits ${showShape(logits!.shape)} and labels ${showShape(labels!.shape)} do not belong together`,
      );
    }
    return [{ dtype: logits!.dtype, shape: labels!.shape }, ...float([logits!])];
  },
} satisfies ShapeRules;

export default shapes;

const { one } = makers(shapes);

export function softmax(x: Tensor, axis = -1): Tensor {
  return one("Softmax", [x], { axis: normalAxis(axis, x.shape.length) });
}

export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return one("LogSoftmax", [x], { axis: normalAxis(axis, x.shape.length) });
}

export const rmsNorm = (x: Tensor, weight: Tensor, epsilon: number) => one("RmsNorm", [x, weight], { epsilon });

export const layerNorm = (x: Tensor, weight: Tensor, bias: Tensor, epsilon: number) =>
  one("LayerNorm", [x, weight, bias], { epsilon });

/** Cross-entropy of each row against its label, 0 where the label is `ignore` (-100 by custom). */
export function softmaxCrossEntropy(logits: Tensor, labels: Tensor, ignore = -100): Tensor {
  return one("SoftmaxCrossEntropy", [logits, labels], { ignore });
}
