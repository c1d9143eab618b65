/** Rotary positions by tables. */
import type { Attributes } from "../../../src/graph/tensor.ts";
import { at, build, type Plain, replace } from "../plain.ts";
import type { TestRow, TestRows } from "./draw.ts";

const draw: TestRow<"Rotate">["draw"] = (draw) => {
  const [rows, length, heads, half] = [draw.int(1, 3), draw.int(1, 3), draw.int(1, 3), draw.pick([1, 2, 4])];
  const width = 2 * half + draw.pick([0, 2]);
  const most = draw.int(3, 5);
  const table = () => draw.floats([most, half]);
  return {
    inputs: [
      draw.floats([rows, length, heads * width]),
      draw.integers("int64", [rows, length], 0, most - 1),
      table(),
      table(),
    ],
    attributes: { heads, interleaved: draw.bool() },
  };
};

export function rotate(inputs: readonly Plain[], { heads, interleaved }: Attributes["Rotate"]): Plain[] {
  const [x, positions, cos, sin] = inputs as [Plain, Plain, Plain, Plain];
  const [width, half] = [x.shape[2]! / heads, cos.shape[1]!];
  return [
    build(x.dtype, x.shape, (p) => {
      const [r, i, c] = p as [number, number, number];
      const channel = c % width;
      if (channel >= 2 * half) return at(x, p);
      const pair = interleaved ? channel >> 1 : channel % half;
      const isSecond = interleaved ? channel % 2 === 1 : channel >= half;
      const apart = (interleaved ? 1 : half) * (isSecond ? -1 : 1);
      const place = [at(positions, [r, i]), pair];
      const other = at(x, replace(p, 2, c + apart));
      return at(x, p) * at(cos, place) + (isSecond ? 1 : -1) * other * at(sin, place);
    }),
  ];
}

const rows = { Rotate: { draw, reference: rotate } } satisfies TestRows;

export default rows;
