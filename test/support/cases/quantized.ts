/** Products with weights stored in 8 or 4 bits. */
import { at, build, type Plain, sum } from "../plain.ts";
import type { Draw, TestRows } from "./draw.ts";

/** Whole numbers of which every `group` in a row has the `most` there can be: rounding to 8 bits leaves them as they are. */
function wholeRows(draw: Draw, shape: readonly number[], group: number, most: number): Plain {
  const { data } = draw.integers("int32", shape, 1 - most, most - 1);
  return { dtype: "float32", shape, data: data.map((v, i) => (i % group === 0 ? most : v)) };
}

const rows = {
  MatMulInt8: {
    draw: (draw) => {
      const [inner, out] = [draw.int(1, 9), draw.int(1, 5)];
      const inputs = [
        wholeRows(draw, [...draw.shape(1, 2, false), inner], inner, 63),
        draw.integers("int8", [inner, out], -127, 127),
        draw.floats([out], (v) => v / 100),
      ];
      return { inputs, attributes: {} };
    },
    reference: ([x, w, scale]) => [
      build("float32", [...x!.shape.slice(0, -1), scale!.data.length], (p) => {
        const [row, n] = [p.slice(0, -1), p.at(-1)!];
        return (
          sum(w!.data.flatMap((_, i) => (i < w!.shape[0]! ? [at(x!, [...row, i]) * at(w!, [i, n])] : []))) *
          at(scale!, [n])
        );
      }),
    ],
  },
  MatMulBlocks: {
    draw: (draw) => {
      const [blocks, out, block] = [draw.int(1, 2), draw.int(1, 5), draw.pick([16, 32])];
      const bits = draw.pick([4, 8] as const);
      const inputs = [
        wholeRows(draw, [...draw.shape(1, 2, false), blocks * block], block, 127),
        draw.integers("uint8", [out, blocks, (block * bits) / 8], 0, 255),
        draw.floats([out, blocks], (v) => v / 100),
      ];
      return { inputs, attributes: { bits, block, exact: draw.pick([true, false]) } };
    },
    reference: ([x, w, scale], { bits, block }) => [
      build("float32", [...x!.shape.slice(0, -1), scale!.shape[0]!], (p) => {
        const [row, n] = [p.slice(0, -1), p.at(-1)!];
        const term = (i: number) => {
          const byte = at(w!, [n, Math.floor(i / block), ((i % block) * bits) >> 3]);
          const value = bits === 8 ? byte - 128 : (i % 2 === 0 ? byte & 15 : byte >> 4) - 8;
          return at(x!, [...row, i]) * value * at(scale!, [n, Math.floor(i / block)]);
        };
        return sum(Array.from({ length: x!.shape.at(-1)! }, (_, i) => term(i)));
      }),
    ],
  },
} satisfies TestRows;

export default rows;
