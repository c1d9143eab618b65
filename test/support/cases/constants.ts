/** Values that come from sizes alone. */
import { build } from "../plain.ts";
import type { TestRows } from "./draw.ts";

const rows = {
  Iota: {
    draw: (draw) => ({
      inputs: [],
      attributes: { size: draw.int(0, 9), dtype: draw.pick(["int64", "int32", "uint32", "float32"] as const) },
    }),
    reference: (_, { size, dtype }) => [build(dtype, [size as number], ([i]) => i!)],
  },
  SizeValue: {
    draw: (draw) => ({
      inputs: [],
      attributes: { size: draw.int(0, 9), dtype: draw.pick(["int64", "float32"] as const) },
    }),
    reference: (_, { size, dtype }) => [{ dtype, shape: [], data: [size as number] }],
  },
} satisfies TestRows;

export default rows;
