/** Rules of values with gradients of their own. They are taken out before a graph is lowered; see passes/simplify.ts. */
import { fail } from "../../errors.ts";
import { sameShape, showShape } from "../dims.ts";
import { none } from "./gradients.ts";
import { names } from "./onnx.ts";
import type { Cotangent, Rows } from "./row.ts";

/** A rule of one's own: nothing to the values it was given for, its results to the inputs after them. */
function customGradients({ g, gs, x, y, attributes: { outputs, rule } }: Cotangent<"CustomGradient">) {
  const inputs = x.slice(outputs);
  const parts = rule({ g, gs, x: inputs, y });
  if (parts.length !== inputs.length) {
    fail("wrong_use", `a gradient rule of one's own gives ${parts.length} gradients for ${inputs.length} inputs`);
  }
  const checked = parts.map((part, i) => {
    const like = inputs[i]!;
    if (part && (part.dtype !== like.dtype || !sameShape(part.shape, like.shape))) {
      const [got, wanted] = [part, like].map(({ dtype, shape }) => `${dtype}${showShape(shape)}`);
      fail("wrong_use", `a gradient rule of one's own gives ${got} for input ${i}: expected ${wanted}`);
    }
    return part && (() => part);
  });
  return [...x.slice(0, outputs).map(() => null), ...checked];
}

const rows = {
  StopGradient: { gradient: none, lower: names, read: null },
  CustomGradient: {
    gradient: customGradients,
    lower: (emit, node) => names(emit, node).slice(0, node.attributes.outputs),
    read: null,
  },
} satisfies Rows;

export default rows;
