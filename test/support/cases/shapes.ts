/** Operators that move elements. */
import type { Attributes } from "../../../src/graph/tensor.ts";
import { at, atBroadcast, broadcastSizes, build, count, type Plain, replace, sum } from "../plain.ts";
import { axisOf, type TestRow, type TestRows } from "./draw.ts";

const drawReshape: TestRow<"Reshape">["draw"] = (draw) => {
  const shape = draw.shape(0, 4);
  const flat = draw.bool() ? [count(shape)] : [shape.slice(0, 2), shape.slice(2)].map(count);
  return {
    inputs: [draw.floats(shape)],
    attributes: { shape: draw.pick([flat, [...shape, 1], [1, ...shape], [...shape].reverse()]) },
  };
};

const drawConcat: TestRow<"Concat">["draw"] = (draw) => {
  const shape = draw.shape(1, 3);
  const axis = axisOf(draw, shape);
  const parts = Array.from({ length: draw.int(2, 4) }, () => draw.floats(replace(shape, axis, draw.size(3))));
  return { inputs: parts, attributes: { axis } };
};

const drawSlice: TestRow<"Slice">["draw"] = (draw) => {
  const shape = draw.shape(1, 3);
  const axis = axisOf(draw, shape);
  const step = draw.pick([1, 1, 1, 2, 3, -1, -2]);
  const dim = shape[axis]!;
  if (step < 0) {
    const attributes = draw.pick([
      { axis, start: -1, end: -Infinity, step: -1 },
      { axis, start: draw.int(-dim, dim), end: draw.pick([-Infinity, draw.int(-dim, dim)]), step },
    ]);
    return { inputs: [draw.floats(shape)], attributes };
  }
  const start = draw.pick([0, draw.int(0, dim), -draw.int(1, dim + 1), dim + 2]);
  const end = draw.pick([Infinity, draw.int(0, dim + 1), -draw.int(1, dim + 1), dim]);
  return { inputs: [draw.floats(shape)], attributes: { axis, start, end, step } };
};

const drawPad: TestRow<"Pad">["draw"] = (draw) => {
  const shape = draw.shape(1, 3);
  const amounts = () => shape.map(() => draw.int(0, 2));
  return { inputs: [draw.floats(shape)], attributes: { begin: amounts(), end: amounts() } };
};

const drawSplit: TestRow<"Split">["draw"] = (draw) => {
  const sizes = Array.from({ length: draw.int(2, 3) }, () => draw.size(3));
  const shape = draw.shape(1, 3);
  const axis = axisOf(draw, shape);
  const total = sizes.reduce((a, b) => a + b, 0);
  return { inputs: [draw.floats(replace(shape, axis, total))], attributes: { axis, sizes } };
};

function slice([x]: readonly Plain[], { axis, start, end, step }: Attributes["Slice"]): Plain[] {
  const dim = x!.shape[axis]!;
  const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
  const clip = (v: number) => Math.max(low, Math.min(high, v < 0 ? v + dim : v));
  const picked: number[] = [];
  for (let i = clip(start); step > 0 ? i < clip(end) : i > clip(end); i += step) picked.push(i);
  return [build(x!.dtype, replace(x!.shape, axis, picked.length), (p) => at(x!, replace(p, axis, picked[p[axis]!]!)))];
}

function pad([x]: readonly Plain[], { begin, end }: Attributes["Pad"]): Plain[] {
  const shape = x!.shape.map((dim, i) => dim + begin[i]! + end[i]!);
  return [
    build(x!.dtype, shape, (p) => {
      const from = p.map((v, i) => v - begin[i]!);
      return from.every((v, i) => v >= 0 && v < x!.shape[i]!) ? at(x!, from) : 0;
    }),
  ];
}

function split([x]: readonly Plain[], { axis, sizes }: Attributes["Split"]): Plain[] {
  let start = 0;
  return (sizes as readonly number[]).map((size) => {
    const from = start;
    start += size;
    return build(x!.dtype, replace(x!.shape, axis, size), (p) => at(x!, replace(p, axis, p[axis]! + from)));
  });
}

function concat(inputs: readonly Plain[], { axis }: Attributes["Concat"]): Plain[] {
  const first = inputs[0]!;
  const total = sum(inputs.map(({ shape }) => shape[axis]!));
  return [
    build(first.dtype, replace(first.shape, axis, total), (p) => {
      let rest = p[axis]!;
      const part = inputs.find(({ shape }) => {
        if (rest < shape[axis]!) return true;
        rest -= shape[axis]!;
        return false;
      })!;
      return at(part, replace(p, axis, rest));
    }),
  ];
}

const rows = {
  Reshape: { draw: drawReshape, reference: ([x], { shape }) => [{ ...x!, shape: shape as number[] }] },
  Transpose: {
    draw: (draw) => {
      const shape = draw.shape(1, 4);
      return { inputs: [draw.floats(shape)], attributes: { perm: draw.shuffled(shape.map((_, i) => i)) } };
    },
    reference: ([x], { perm }) => [
      build(
        x!.dtype,
        perm.map((axis) => x!.shape[axis]!),
        (p) =>
          at(
            x!,
            perm.map((_, axis) => p[perm.indexOf(axis)]!),
          ),
      ),
    ],
  },
  Expand: {
    draw: (draw) => {
      const shape = draw.shape(0, 4);
      const from = shape.slice(draw.int(0, shape.length)).map((dim) => (draw.bool() ? dim : 1));
      return { inputs: [draw.floats(from)], attributes: { shape } };
    },
    reference: ([x], { shape }) => [
      build(x!.dtype, broadcastSizes(x!.shape, shape as number[]), (p) => atBroadcast(x!, p)),
    ],
  },
  Concat: { draw: drawConcat, reference: concat },
  Slice: { draw: drawSlice, reference: slice },
  Pad: { draw: drawPad, reference: pad },
  Split: { draw: drawSplit, reference: split },
} satisfies TestRows;

export default rows;
