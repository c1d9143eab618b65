/** Rules of values that come from sizes alone. */
import { fail } from "../../errors.ts";
import { iota } from "../operators.ts";
import { none } from "./gradients.ts";
import { onnxType } from "./onnx.ts";
import type { Rows } from "./row.ts";

const rows = {
  Iota: {
    gradient: none,
    lower: (emit, node, options) => {
      const { size, dtype } = node.attributes;
      const range = emit.node("Range", [emit.scalar(0), emit.scalar(size), emit.scalar(1)], {}, options);
      return dtype === "int64" ? range : emit.node("Cast", range, { to: onnxType(dtype) }, options);
    },
    read: {
      Range: (node) => {
        const [start] = node.dims(0);
        const [step] = node.dims(2);
        const [limit] = node.dims(1);
        if (start !== 0 || step !== 1) fail("unsupported", `a Range from ${start} by ${step}`);
        return [iota(limit!)];
      },
    },
  },
  SizeValue: {
    gradient: none,
    lower: (emit, node, options) => {
      const { size, dtype } = node.attributes;
      return emit.node("Cast", [emit.scalar(size)], { to: onnxType(dtype) }, options);
    },
    // Sizes in a file are followed as sizes, see onnx/sizes.ts.
    read: null,
  },
} satisfies Rows;

export default rows;
