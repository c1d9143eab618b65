/** Small things that the stages of a training share. */
import type { NdArray } from "../../graph/array.ts";
import type { Metric } from "../dense/exact.ts";
import type { Learner } from "./models-node.ts";

/** A loss, and its gradients one behind the other, as the outputs lie. */
export function judgedBy(result: Record<string, NdArray>, names: readonly string[]) {
  const parts = names.map((name) => result[name]!.data as Float32Array);
  const gradient = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    gradient.set(part, at);
    at += part.length;
  }
  return { loss: Number(result.loss!.data[0]), gradient };
}

export const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
export const cosine = (a: Float32Array, b: Float32Array): number =>
  dot(a, b) / Math.max(1e-12, Math.sqrt(dot(a, a) * dot(b, b)));

export const metricOf = ({ embedding }: Learner): Metric => (embedding?.similarity === "dot" ? "dot" : "cosine");

export const promptsOf = ({ embedding }: Learner) => ({
  documentPrompt: embedding?.prompts.document ?? embedding?.prompts.passage ?? "",
  queryPrompt: embedding?.prompts.query ?? "",
});
