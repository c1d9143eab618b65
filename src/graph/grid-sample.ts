/** Values of an image at places between its pixels. */
import { fail } from "../errors.ts";
import type { Dim } from "./dims.ts";
import * as o from "./operators.ts";
import type { Tensor } from "./tensor.ts";

export interface GridSampleOptions {
  /** −1 and 1 are the middles of the first and last pixels; else their outer edges. */
  readonly alignCorners?: boolean;
  /** What lies outside: zeros, or the nearest pixel of the edge. */
  readonly outside?: "zeros" | "border";
}

/**
 * Bilinear values of images [batch, channels, height, width] at a grid [batch, rows, columns, 2] of places (x, y) from −1
 * to 1: [batch, channels, rows, columns], as `torch.nn.functional.grid_sample` has it. Gradients flow to both.
 */
export function gridSample(images: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  const { alignCorners = false, outside = "zeros" } = options;
  const [batch, channels, height, width] = images.shape as [Dim, Dim, number, number];
  const [, rows, columns, both] = grid.shape as [Dim, number, number, number];
  if (both !== 2 || typeof height !== "number" || typeof width !== "number") {
    fail("wrong_use", `a grid [${grid.shape}] over images [${images.shape}]: expected [batch, rows, columns, 2]`);
  }
  const places = rows * columns;
  const flat = o.reshape(images, [batch, channels, height * width]);

  /** The place along an axis in pixels, the pixel before it, and how far behind that it lies. */
  const along = (axis: number, size: number) => {
    const g = o.reshape(o.slice(grid, 3, axis, axis + 1), [batch, places]);
    const pixels = alignCorners ? o.mul(o.add(g, 1), (size - 1) / 2) : o.sub(o.mul(o.add(g, 1), size / 2), 0.5);
    const at = outside === "border" ? o.minimum(o.maximum(pixels, 0), size - 1) : pixels;
    const before = o.floor(o.stopGradient(at));
    return { before, share: o.sub(at, before), size };
  };
  const [x, y] = [along(0, width), along(1, height)];

  /** One of four neighbours, by its share. */
  const corner = (right: boolean, below: boolean): Tensor => {
    const side = ({ before, share, size }: typeof x, next: boolean) => {
      const place = next ? o.add(before, 1) : before;
      const there = o.and(o.greaterOrEqual(place, 0), o.lessOrEqual(place, size - 1));
      const weight = next ? share : o.sub(1, share);
      return { place: o.minimum(o.maximum(place, 0), size - 1), weight: o.mul(weight, o.cast(there, grid.dtype)) };
    };
    const [h, v] = [side(x, right), side(y, below)];
    const index = o.cast(o.add(o.mul(v.place, width), h.place), "int64");
    const spread = o.expand(o.reshape(index, [batch, 1, places]), [batch, channels, places]);
    return o.mul(o.gatherElements(flat, spread, 2), o.reshape(o.mul(h.weight, v.weight), [batch, 1, places]));
  };
  const corners = [corner(false, false), corner(true, false), corner(false, true), corner(true, true)];
  return o.reshape(corners.reduce(o.add), [batch, channels, rows, columns]);
}
