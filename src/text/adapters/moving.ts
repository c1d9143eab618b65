/** Which numbers of a model read for a task move in training, and what they start as. */
import { float32, type NdArray } from "../../graph/array.ts";
import type { Base } from "../../models/adapters/peft.ts";
import { type AdapterSettings, isBeside } from "../../models/adapters/settings.ts";
import { initialValue } from "../../nn/initial.ts";
import type { ParameterSpec } from "../../nn/scope.ts";
import { toFloat32 } from "../../weights/convert.ts";
import type { StoredTensor, Weights } from "../../weights/weights.ts";

/** The output matrix and what else of a head is the task's own; a pooler is the checkpoint's. */
export const isPooler = (name: string): boolean => /(^|\.)pooler\./.test(name);

/** The pooler's parameter that a layer of a fresh head starts as: RoBERTa's `classifier.dense`, which does the same. */
export function poolerOf(name: string, weights: Weights): string | undefined {
  const part = /^classifier\.dense\.(weight|bias)$/.exec(name)?.[1];
  if (part === undefined || weights.has(name)) return undefined;
  return [...weights.keys()].find((known) => known.endsWith(`pooler.dense.${part}`));
}

/** Whether a parameter moves: what is beside the network, its head, or all of it. @param frozen names that never do */
export function movingIn(
  { head }: Pick<Base, "head">,
  weights: Weights,
  settings: AdapterSettings,
  frozen?: RegExp | undefined,
): (name: string) => boolean {
  const heads = new Set(head.map(({ name }) => name));
  return (name) => {
    if (frozen?.test(name)) return false;
    if (settings.method === "full" || isBeside(name)) return true;
    // A layer that starts as the checkpoint's pooler stays what that is.
    return heads.has(name) && !isPooler(name) && !poolerOf(name, weights);
  };
}

/** A stored tensor as float32 in memory of its own. */
export function copied(stored: StoredTensor, read: (stored: StoredTensor) => NdArray): NdArray {
  const array = toFloat32(read(stored));
  return float32(array.shape, (array.data as Float32Array).slice());
}

/** What a parameter starts as: the checkpoint's numbers where it has them in this shape, else its own start. */
export function startOf(
  spec: ParameterSpec,
  weights: Weights,
  read: (stored: StoredTensor) => NdArray,
  seed: number,
): NdArray {
  const stored = weights.get(spec.name);
  // Random numbers for all that a checkpoint has would take seconds of a large model.
  if (stored && stored.shape.join() === spec.shape.join()) return copied(stored, read);
  return initialValue(spec, seed);
}
