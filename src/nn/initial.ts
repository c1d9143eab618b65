/** Starting values of a model trained from scratch: they follow from the seed and each parameter's name. */
import { type NdArray, zeros } from "../graph/array.ts";
import { siteSeed } from "../graph/random.ts";
import type { ParameterSpec } from "./scope.ts";

const hashName = (name: string) => {
  let hash = 2166136261;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 16777619) >>> 0;
  return hash;
};

/** Draw a parameter: normal numbers by Box and Muller, or one value everywhere. */
export function initialValue({ name, shape, initial }: ParameterSpec, seed: number): NdArray<"float32"> {
  const array = zeros("float32", shape);
  const data = array.data as Float32Array;
  if (initial.kind === "fill") {
    data.fill(initial.value);
    return array;
  }
  const key = siteSeed(seed, hashName(name), 0);
  // The lowest draw is half a step above zero, where the logarithm is finite.
  const draw = (i: number) => (siteSeed(key, i, 0) + 0.5) / 2 ** 32;
  for (let i = 0; i < data.length; i += 2) {
    const radius = initial.std * Math.sqrt(-2 * Math.log(draw(i)));
    const angle = 2 * Math.PI * draw(i + 1);
    data[i] = radius * Math.cos(angle);
    if (i + 1 < data.length) data[i + 1] = radius * Math.sin(angle);
  }
  return array;
}
