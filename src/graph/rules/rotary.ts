/** Rules of rotary positions by tables. */
import type { Dim } from "../dims.ts";
import * as o from "../operators.ts";
import type { Tensor } from "../tensor.ts";
import { none } from "./gradients.ts";
import { int, microsoft, names } from "./onnx.ts";
import type { Decomposition, KernelLowering, Rows } from "./row.ts";

const rotate: Decomposition<"Rotate"> = ([x, positions, cos, sin], rotation) => {
  const [rows, length] = positions!.shape as [Dim, Dim];
  const at = (table: Tensor) => o.reshape(o.gather(table, positions!), [rows, length, 1, table.shape[1]!]);
  return [o.rotateInParts(x!, at(cos!), at(sin!), rotation)];
};

const lowerRotate: KernelLowering<"Rotate"> = (emit, node, options) => {
  const { heads, interleaved } = node.attributes;
  const [x, , cos] = node.inputs as [Tensor, Tensor, Tensor];
  const width = 2 * (cos.shape[1] as number);
  const isWhole = width === (x.shape[2] as number) / heads;
  const attributes = {
    interleaved: int(interleaved),
    // The kernel infers what it is not told from the tables.
    ...(!isWhole && { num_heads: int(heads), rotary_embedding_dim: int(width) }),
  };
  return emit.node("RotaryEmbedding", names(emit, node), attributes, { ...microsoft, ...options });
};

const rows = {
  Rotate: {
    gradient: none,
    fused: { on: ["cpu", "wasm"], lower: lowerRotate },
    decompose: rotate,
    read: null,
  },
} satisfies Rows;

export default rows;
