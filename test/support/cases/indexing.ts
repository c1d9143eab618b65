/** Look-ups and adding back. */
import type { Attributes } from "../../../src/graph/tensor.ts";
import { at, build, offset, type Plain, place, replace } from "../plain.ts";
import { axisOf, type TestRow, type TestRows } from "./draw.ts";

const drawGather: TestRow<"Gather">["draw"] = (draw) => {
  const shape = draw.shape(1, 3, false);
  const axis = axisOf(draw, shape);
  const dim = shape[axis]!;
  const dtype = draw.pick(["int64", "int32"] as const);
  return {
    inputs: [draw.floats(shape), draw.integers(dtype, draw.shape(0, 2), draw.bool() ? 0 : -dim, dim - 1)],
    attributes: { axis },
  };
};

const drawGatherElements: TestRow<"GatherElements">["draw"] = (draw) => {
  const shape = draw.shape(1, 3, false);
  const axis = axisOf(draw, shape);
  const indices = shape.map((dim, i) => (i === axis ? draw.size(5) : draw.int(1, dim)));
  return {
    inputs: [draw.floats(shape), draw.integers("int64", indices, draw.bool() ? 0 : -shape[axis]!, shape[axis]! - 1)],
    attributes: { axis },
  };
};

const drawScatterAdd: TestRow<"ScatterAdd">["draw"] = (draw) => {
  const { inputs, attributes } = drawGatherElements(draw);
  return { inputs: [...inputs, draw.floats(inputs[1]!.shape)], attributes };
};

const wrap = (index: number, dim: number) => (index < 0 ? index + dim : index);

function gather([x, indices]: readonly Plain[], { axis }: Attributes["Gather"]): Plain[] {
  const rank = indices!.shape.length;
  const shape = [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)];
  return [
    build(x!.dtype, shape, (p) => {
      const index = at(indices!, p.slice(axis, axis + rank));
      const row = index < 0 ? index + x!.shape[axis]! : index;
      return at(x!, [...p.slice(0, axis), row, ...p.slice(axis + rank)]);
    }),
  ];
}

function scatterAdd([data, indices, updates]: readonly Plain[], { axis }: Attributes["ScatterAdd"]): Plain[] {
  const result = [...data!.data];
  updates!.data.forEach((value, n) => {
    const to = replace(place(updates!.shape, n), axis, wrap(indices!.data[n]!, data!.shape[axis]!));
    result[offset(data!.shape, to)]! += value;
  });
  return [{ ...data!, data: result }];
}

const rows = {
  Gather: { draw: drawGather, reference: gather },
  GatherElements: {
    draw: drawGatherElements,
    reference: ([x, indices], { axis }) => [
      build(x!.dtype, indices!.shape, (p, n) => at(x!, replace(p, axis, wrap(indices!.data[n]!, x!.shape[axis]!)))),
    ],
  },
  ScatterAdd: { draw: drawScatterAdd, reference: scatterAdd },
  NonZero: {
    draw: (draw) => {
      const shape = draw.shape(1, 3);
      const x = draw.bool() ? draw.integers("bool", shape, 0, 1) : draw.integers("int64", shape, -1, 1);
      return { inputs: [x], attributes: { count: x.data.filter((v) => v !== 0).length } };
    },
    reference: ([x]) => {
      const places = x!.data.flatMap((value, n) => (value === 0 ? [] : [place(x!.shape, n)]));
      return [build("int64", [x!.shape.length, places.length], ([axis, i]) => places[i!]![axis!]!)];
    },
  },
  OneHot: {
    draw: (draw) => {
      const depth = draw.int(1, 5);
      const indices = draw.integers("int64", draw.shape(0, 3), 0, depth - 1);
      return { inputs: [indices], attributes: { depth, dtype: draw.pick(["float32", "int64"] as const) } };
    },
    reference: ([x], { depth, dtype }) => [
      build(dtype, [...x!.shape, depth], (p) => Number(at(x!, p.slice(0, -1)) === p.at(-1))),
    ],
  },
} satisfies TestRows;

export default rows;
