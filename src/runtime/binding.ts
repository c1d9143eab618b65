/** Finding the stored tensor of a frozen parameter, wherever it lies. */
import { fail } from "../errors.ts";
import type { PlainTensor } from "../weights/weights.ts";

/** The stored tensor of this name; one that is missing or of another shape is a `corrupt_file` error. */
export function storedTensor(
  weights: ReadonlyMap<string, PlainTensor> | undefined,
  name: string,
  shape: readonly number[],
): PlainTensor {
  const stored = weights?.get(name);
  if (!stored) {
    return fail("corrupt_file", `there is no tensor "${name}" of shape [${shape.join(", ")}] among the weights`, {
      hint: "the weights and config.json are of different models, or the file is incomplete",
    });
  }
  if (stored.shape.length !== shape.length || stored.shape.some((dim, i) => dim !== shape[i])) {
    fail("corrupt_file", `tensor "${name}" is [${stored.shape.join(", ")}], config.json needs [${shape.join(", ")}]`, {
      hint: "the two files are from different models",
      ...("file" in stored ? { where: stored.file } : {}),
    });
  }
  return stored;
}
