/**
 * Ends with 0 where the device named on its command line computes. A process of its own: the engine's libraries write
 * to the screen about drivers that are missing, past everything that could hold them back.
 */
import { float32 } from "../graph/array.ts";
import { graph } from "../graph/graph.ts";
import { add } from "../graph/operators.ts";
import { input } from "../graph/tensor.ts";
import { compile } from "../runtime/compile-node.ts";
import type { Device } from "../runtime/program.ts";

const device: Device | undefined = (["webgpu", "cuda"] as const).find((known) => known === process.argv[2]);
try {
  await using program = await compile(graph({ y: add(input("x", "float32", [1]), 1) }), { device: device ?? "cpu" });
  const { y } = await program.run({ x: float32([1], [1]) });
  process.exitCode = y.data[0] === 2 ? 0 : 1;
} catch {
  process.exitCode = 1;
}
