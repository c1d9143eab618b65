/** Operators along axes. */
import type { Attributes } from "../../../src/graph/tensor.ts";
import { count, lines, offset, type Plain, place, sum } from "../plain.ts";
import { axisOf, type Draw, type TestRows } from "./draw.ts";

/** Extremes and means of nothing do not exist; sums do. */
const reducing = (empty: boolean) => (draw: Draw) => {
  const shape = draw.shape(1, 4, empty);
  const axes = draw.subset(shape.map((_, i) => i));
  return {
    inputs: [draw.floats(shape)],
    attributes: { axes: axes.length ? axes : [axisOf(draw, shape)], keepdims: draw.bool() },
  };
};

/** All elements that fall together when these axes are reduced. */
function reduced(
  x: Plain,
  axes: readonly number[],
  keepdims: boolean,
  f: (values: number[]) => number,
  dtype = x.dtype,
): Plain[] {
  const kept = x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  const groups: number[][] = Array.from({ length: count(kept) }, () => []);
  x.data.forEach((value, n) => {
    const to = place(x.shape, n).map((p, i) => (axes.includes(i) ? 0 : p));
    groups[offset(kept, to)]!.push(value);
  });
  const shape = keepdims ? kept : x.shape.filter((_, i) => !axes.includes(i));
  return [{ dtype, shape, data: groups.map(f) }];
}

const reduction =
  (f: (values: number[]) => number) =>
  ([x]: readonly Plain[], { axes, keepdims }: Attributes["ReduceSum"]) =>
    reduced(x!, axes, keepdims, f);

const cumulative = (line: number[], { reverse, exclusive }: Attributes["CumSum"]) =>
  line.map((_, i) => sum(reverse ? line.slice(exclusive ? i + 1 : i) : line.slice(0, exclusive ? i : i + 1)));

const descending = (line: number[]) => line.map((value, i) => [value, i] as const).sort((a, b) => b[0] - a[0]);

const rows = {
  ReduceSum: { draw: reducing(true), reference: reduction(sum) },
  ReduceMean: { draw: reducing(false), reference: reduction((values) => sum(values) / values.length) },
  ReduceMax: { draw: reducing(false), reference: reduction((values) => Math.max(...values)) },
  ReduceMin: { draw: reducing(false), reference: reduction((values) => Math.min(...values)) },
  ArgMax: {
    draw: (draw) => {
      const shape = draw.shape(1, 3, false);
      return { inputs: [draw.floats(shape)], attributes: { axis: axisOf(draw, shape), keepdims: draw.bool() } };
    },
    reference: ([x], { axis, keepdims }) =>
      reduced(x!, [axis], keepdims, (values) => values.indexOf(Math.max(...values)), "int64"),
  },
  TopK: {
    draw: (draw) => {
      const shape = draw.shape(1, 3, false);
      const axis = axisOf(draw, shape);
      return { inputs: [draw.floats(shape)], attributes: { axis, k: draw.int(1, shape[axis]!) } };
    },
    reference: ([x], { axis, k }) => [
      lines(x!, axis, (line) => descending(line).map(([value]) => value), x!.dtype, k),
      lines(x!, axis, (line) => descending(line).map(([, i]) => i), "int64", k),
    ],
  },
  CumSum: {
    draw: (draw) => {
      const shape = draw.shape(1, 3);
      const attributes = { axis: axisOf(draw, shape), reverse: draw.bool(), exclusive: draw.bool() };
      return { inputs: [draw.floats(shape)], attributes };
    },
    reference: ([x], attributes) => [lines(x!, attributes.axis, (line) => cumulative(line, attributes))],
  },
} satisfies TestRows;

export default rows;
