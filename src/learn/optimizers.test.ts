import { expect, test } from "vitest";
import { float32, type NdArray } from "../graph/array.ts";
import { graph } from "../graph/graph.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import { compile } from "../runtime/compile-node.ts";
import { adafactor } from "./optimizers.ts";

/** Three updates of numbers in a shape, by gradients that follow from the step. */
async function moved(shape: readonly number[], factored: boolean): Promise<Float32Array> {
  const optimizer = adafactor({ scale_parameter: false, relative_step: false, factored });
  const slots = optimizer.slots(shape);
  const size = shape.reduce((a, b) => a * b, 1);
  const at = (name: string, of: readonly number[]) => input(name, "float32", of);
  const scalars = Object.fromEntries(Object.keys(optimizer.scalars(1, 1)).map((name) => [name, at(name, [])]));
  const update = optimizer.update({
    ...{ value: at("value", shape), gradient: at("gradient", shape), clip: at("clip", []), scalars },
    slots: Object.fromEntries(Object.entries(slots).map(([name, of]) => [name, at(name, of)])),
    ...{ weightDecay: 0.1, lrScale: 1 },
  });
  const next = { value: update.value, ...update.slots };
  const outputs: Record<string, Tensor> = Object.fromEntries(
    Object.entries(next).map(([name, tensor]) => [`next.${name}`, tensor]),
  );
  const g = graph(outputs);
  await using program = await compile(g, { threads: 1 });
  let value: NdArray = float32(
    shape,
    Array.from({ length: size }, (_, i) => Math.sin(i)),
  );
  let state: Record<string, NdArray> = Object.fromEntries(
    Object.entries(slots).map(([name, of]) => [name, float32(of, new Array(of.reduce((a, b) => a * b, 1)).fill(0))]),
  );
  for (let step = 1; step <= 3; step++) {
    const numbers = Object.entries(optimizer.scalars(step, 0.3)).map(([name, n]): [string, NdArray] => [
      name,
      float32([], [n]),
    ]);
    const gradient = float32(
      shape,
      Array.from({ length: size }, (_, i) => Math.cos(3 * i + step)),
    );
    const feeds: Record<string, NdArray> = {
      value,
      gradient,
      clip: float32([], [1]),
      ...state,
      ...Object.fromEntries(numbers),
    };
    const wanted = Object.fromEntries(Object.entries(feeds).filter(([name]) => program.inputs.includes(name)));
    const result = await program.run(wanted);
    value = result["next.value"]!;
    state = Object.fromEntries(Object.keys(slots).map((name) => [name, result[`next.${name}`]!]));
  }
  return value.data as Float32Array;
}

test("Adafactor that is not factored moves a matrix as it moves as many numbers in a row", async () => {
  // Of vectors, test/training-parity.test.ts compares with what transformers computes.
  const [matrix, vector, factored] = [await moved([3, 4], false), await moved([12], true), await moved([3, 4], true)];
  for (const [i, value] of vector.entries()) expect(matrix[i]).toBeCloseTo(value, 6);
  expect(Array.from(factored).some((value, i) => Math.abs(value - vector[i]!) > 1e-3)).toBe(true);
});
