/** How many bytes weights take, tensor by tensor as they would be stored. */

import type { TensorGroup } from "./tensor-groups.ts";
import { elementsOf } from "./tensors.ts";

/**
 * fp32 and bf16: every tensor so. int8 and int4: what `zeroth quantize` writes, 8 bits with a scale for each output and
 * 4 bits with a scale for each 32 weights (5 bits in all); embeddings stay in 8 bits, routers in 16, vectors in fp32.
 * q8 and q4: blocks of 32 with a scale of 16 bits, 8.5 and 4.5 bits, as other programs write them.
 */
export const precisions = ["fp32", "bf16", "int8", "int4", "q8", "q4"] as const;
export type Precision = (typeof precisions)[number];

/** Those that this program runs, from the largest on. */
export const ownPrecisions = ["fp32", "bf16", "int8", "int4"] as const satisfies readonly Precision[];

const block = 32;
/** Matrices that are narrower stay as they are; see hub/quantize-node.ts. */
const narrowest = 2 * block;
/** Other tensors from so many elements on are stored in 16 bits beside quantised ones. */
const large = 1 << 16;

/** Bytes of one tensor of a group. */
function bytesOfOne({ shape, use }: TensorGroup, precision: Precision): number {
  const elements = elementsOf(shape);
  if (precision === "fp32") return 4 * elements;
  if (precision === "bf16") return 2 * elements;
  const [out = 1, width = 1] = shape;
  const quantised = shape.length === 2 && Math.min(out, width) >= narrowest && use !== "router" && use !== "other";
  if (!quantised) return elements * (elements >= large ? 2 : 4);
  if (precision === "q8") return elements * (1 + 2 / block);
  if (precision === "q4") return elements * (0.5 + 2 / block);
  if (precision === "int4" && use === "product" && width % block === 0) return elements * (0.5 + 4 / block);
  return elements + 4 * out;
}

/** Bytes of all tensors of a group. */
export const bytesOfGroup = (group: TensorGroup, precision: Precision): number =>
  bytesOfOne(group, precision) * group.times;

/** Bytes of the weights. */
export const weightBytes = (tensors: readonly TensorGroup[], precision: Precision): number =>
  tensors.reduce((sum, group) => sum + bytesOfGroup(group, precision), 0);
