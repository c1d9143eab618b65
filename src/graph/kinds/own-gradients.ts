/** Values with gradients of their own. Nothing of these operators is left when a graph is lowered. */
import { fail } from "../../errors.ts";
import { sameShape, showShape } from "../dims.ts";
import type { Tensor } from "../tensor.ts";
import { makers, type ShapeRules, same } from "./kind.ts";

/** What a rule of one's own is given: gradients of the outputs, and the values it belongs to. */
export interface CustomCotangent {
  /** The gradient of the first output. */
  readonly g: Tensor;
  /** The same for every output, undefined where the loss does not depend on it. */
  readonly gs: readonly (Tensor | undefined)[];
  /** The inputs the rule was given with. */
  readonly x: readonly Tensor[];
  readonly y: readonly Tensor[];
}

/** The gradient of each input, of its type and shape, written in operators; null where there is none. */
export type CustomRule = (c: CustomCotangent) => readonly (Tensor | null)[];

declare module "../tensor.ts" {
  interface Attributes {
    /** x, through which no gradient flows. */
    StopGradient: None;
    /** The first `outputs` of the inputs as they are. Gradients go to the other inputs, by the rule, and not to these. */
    CustomGradient: { readonly outputs: number; readonly rule: CustomRule };
  }
}

const shapes = {
  StopGradient: same,
  CustomGradient: (inputs, { outputs }) => inputs.slice(0, outputs).flatMap((y) => same([y])),
} satisfies ShapeRules;

export default shapes;

const { one, all } = makers(shapes);

/** x, through which no gradient flows. It costs nothing when run. */
export const stopGradient = (x: Tensor) => one("StopGradient", [x], {});

/**
 * The same values with a gradient of their own: whatever they are made of, their gradient goes to `inputs` by the rule
 * and nowhere else. The rule is written in operators, so that it has gradients too: of `x` and of `y`, which are the
 * results here. It costs nothing when run.
 */
export function withGradients(
  values: readonly Tensor[],
  inputs: readonly Tensor[],
  rule: CustomRule,
): readonly Tensor[] {
  return all("CustomGradient", [...values, ...inputs], { outputs: values.length, rule });
}

/** {@link withGradients} for one value. */
export const withGradient = (y: Tensor, inputs: readonly Tensor[], rule: CustomRule): Tensor =>
  withGradients([y], inputs, rule)[0]!;

/** The value of `hard` with the gradient of `soft`, which has its type and shape (Bengio et al. 2013). */
export function straightThrough(hard: Tensor, soft: Tensor): Tensor {
  if (hard.dtype !== soft.dtype || !sameShape(hard.shape, soft.shape)) {
    const [a, b] = [hard, soft].map(({ dtype, shape }) => `${dtype}${showShape(shape)}`);
    fail("wrong_use", `straight through from ${a} to ${b}: expected one type and shape`);
  }
  return withGradient(hard, [soft], ({ g }) => [g]);
}
