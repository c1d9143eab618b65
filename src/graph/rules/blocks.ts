/** Weights in blocks, taken apart in the graph. */
import * as o from "../operators.ts";
import type { Tensor } from "../tensor.ts";

/** Values [..., bytes] of 4 or 8 bits around zero as float32: [..., bytes · 8 / bits], of each byte the low half first. */
export function blockValues(w: Tensor, bits: 4 | 8): Tensor {
  if (bits === 8) return o.sub(o.cast(w, "float32"), 128);
  const halves = [o.mod(o.cast(w, "int32"), 16), o.shiftRight(w, 4)].map((half) =>
    o.reshape(o.cast(half, "float32"), [...w.shape, 1]),
  );
  const joined = o.concat(halves, w.shape.length);
  return o.sub(o.reshape(joined, [...w.shape.slice(0, -1), 2 * (w.shape.at(-1) as number)]), 8);
}
