/** Values with gradients of their own: without them. */
import type { CustomCotangent } from "../../../src/graph/operators.ts";
import type { Draw, TestRows } from "./draw.ts";

const rows = {
  StopGradient: {
    draw: (draw) => ({ inputs: [draw.floats(draw.shape(0, 4))], attributes: {} }),
    reference: (inputs) => [...inputs],
  },
  CustomGradient: {
    draw: (draw: Draw) => {
      const outputs = draw.int(1, 2);
      const inputs = Array.from({ length: outputs + draw.int(0, 2) }, () => draw.floats(draw.shape(0, 3)));
      return { inputs, attributes: { outputs, rule: ({ x }: CustomCotangent) => x.map(() => null) } };
    },
    reference: (inputs, { outputs }) => inputs.slice(0, outputs),
  },
} satisfies TestRows;

export default rows;
