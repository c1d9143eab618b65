/** Which positions a slice takes. */
import { fail } from "../../errors.ts";
import { addDims, type Dim, subDims } from "../dims.ts";

export interface SliceRange {
  readonly start: number;
  /** ±Infinity for all that follow. */
  readonly end: number;
  readonly step: number;
}

/** Whether a slice turns the whole axis around. */
export const isFlip = ({ start, end, step }: SliceRange): boolean => step === -1 && start === -1 && end === -Infinity;

/** The first position of a slice and how many it takes, in an axis of known size; positions outside are clipped. */
export function sliceRange(dim: number, { start, end, step }: SliceRange): { first: number; count: number } {
  // Going backwards, the end may lie before the first element.
  const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
  const clip = (at: number) => Math.max(low, Math.min(high, at < 0 ? at + dim : at));
  const first = clip(start);
  return { first, count: Math.max(0, Math.ceil((clip(end) - first) / step)) };
}

/** Elements a slice keeps; end = ±Infinity for all that follow. */
export function sliced(dim: Dim, attributes: SliceRange): Dim {
  const { start, end, step } = attributes;
  if (!Number.isInteger(step) || step === 0) fail("wrong_use", `a step of ${step}`);
  if (typeof dim === "number") return sliceRange(dim, attributes).count;
  if (isFlip(attributes)) return dim;
  if (step !== 1) fail("unsupported", `a strided slice of the symbolic size ${dim}`);
  const at = (value: number): Dim => (value === Infinity ? dim : value < 0 ? addDims(dim, value) : value);
  return subDims(at(end), at(start));
}
