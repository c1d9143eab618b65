/** Rules of rotary positions by tables. */
import { fail } from "../../errors.ts";
import type { Dim } from "../dims.ts";
import type { NodeReader } from "../onnx/node-reader.ts";
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

/** As written by our own lowering. */
function readRotate(node: NodeReader): Tensor[] {
  const [x, positions, cos, sin] = [node.tensor(0), node.tensor(1), node.tensor(2), node.tensor(3)];
  const [channels, half] = [x.shape[2], cos.shape[1]];
  if (typeof channels !== "number" || typeof half !== "number") fail("unsupported", "RotaryEmbedding of unknown sizes");
  const width = node.int("rotary_embedding_dim", 0) || 2 * half;
  const heads = node.int("num_heads", 0) || channels / width;
  const interleaved = node.int("interleaved", 0) === 1;
  return [o.rotateBy(x, positions, { cos, sin }, { heads, interleaved })];
}

const rows = {
  Rotate: {
    gradient: none,
    fused: { on: ["cpu", "wasm"], lower: lowerRotate },
    decompose: rotate,
    read: { "com.microsoft:RotaryEmbedding": readRotate },
  },
} satisfies Rows;

export default rows;
