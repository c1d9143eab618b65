/** What this machine computes exactly in 8 bits, found out once. */
import type { Levels } from "../graph/emit.ts";
import { graph } from "../graph/graph.ts";
import { lower } from "../graph/lower.ts";
import { encodeOnnx } from "../graph/onnx.ts";
import * as o from "../graph/operators.ts";
import { constant, input } from "../graph/tensor.ts";
import { isQuantized, layoutOf, type StoredTensor, type Weights } from "../weights/weights.ts";
import { engine } from "./engine-node.ts";

const [inner, outer, rows] = [64, 48, 3];

/**
 * A product in which every pair of terms is as large as can be: kernels that add pairs in 16 bits (processors with AVX2
 * and without VNNI) get it wrong silently.
 */
async function isExact(levels: Levels): Promise<boolean> {
  const w = constant({ dtype: "int8", shape: [inner, outer], data: new Int8Array(inner * outer).fill(-127) });
  const scale = constant({ dtype: "float32", shape: [outer], data: new Float32Array(outer).fill(1) });
  const x = input("x", "float32", ["rows", inner]);
  const { InferenceSession, Tensor } = engine();
  const model = lower(graph({ y: o.matmulInt8(x, w, scale) }), { target: "cpu", levels });
  const session = await InferenceSession.create(encodeOnnx(model), { intraOpNumThreads: 1, logSeverityLevel: 3 });
  try {
    const data = new Float32Array(rows * inner).fill(levels);
    const { y } = await session.run({ x: new Tensor("float32", data, [rows, inner]) });
    return (y!.data as Float32Array).every((value) => value === -127 * levels * inner);
  } finally {
    await session.release();
  }
}

let known: Promise<Levels> | undefined;

/** Levels that products in 8 bits can round rows to without overflow; asked of the machine only for such weights. */
export async function int8Levels(weights: Weights | undefined): Promise<Levels> {
  const inInt8 = (stored: StoredTensor) => isQuantized(stored) && layoutOf(stored.format).values === "int8";
  if (!weights || ![...weights.values()].some(inInt8)) return 127;
  known ??= isExact(127).then((exact) => (exact ? 127 : 63));
  return known;
}
