import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { InferenceSession } from "onnxruntime-node";
import { expect, test } from "vitest";
import { runGraph } from "../../test/support/run-graph.ts";
import { float32 } from "./array.ts";
import { gradients } from "./differentiate.ts";
import { graph } from "./graph.ts";
import { lower } from "./lower.ts";
import { encodeOnnx } from "./onnx.ts";
import * as o from "./operators.ts";
import { schedule } from "./schedule.ts";
import { input, type Tensor } from "./tensor.ts";

/** A stack of residual layers; only what flows between layers is kept when `again`. */
function stack(layers: number, rows: number, width: number, again: boolean) {
  const x = input("x", "float32", [rows, width]);
  const weights = Array.from({ length: layers }, (_, i) => input(`w${i}`, "float32", [width, width]));
  const kept = new Set<Tensor>();
  let h = x;
  for (const w of weights) {
    h = o.add(h, o.gelu(o.matmul(o.tanh(h), w, { transB: true })));
    kept.add(h);
  }
  const loss = o.mean(o.square(h));
  const d = gradients(loss, weights, again ? { recompute: (value) => !kept.has(value) } : {});
  return graph({ loss, ...Object.fromEntries(d.map((value, i) => [`d${i}`, value])) });
}

/** The operators in the order in which the engine runs them, which is the order it writes its own graph in. */
async function engineOrder(g: ReturnType<typeof stack>, disable: string) {
  const folder = mkdtempSync(join(tmpdir(), "zeroth-"));
  const path = join(folder, "optimised.onnx");
  const session = await InferenceSession.create(encodeOnnx(lower(g, { target: "cpu" })), {
    optimizedModelFilePath: path,
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: { session: { disable_prepacking: "1" }, optimization: { disable_specified_optimizers: disable } },
  });
  await session.release();
  const model = fromBinary(ModelProtoSchema, readFileSync(path));
  rmSync(folder, { recursive: true });
  return model.graph!.node;
}

/** Most values alive at once when these nodes run in this order. */
function peak(nodes: Awaited<ReturnType<typeof engineOrder>>, outputs: readonly string[]): number {
  const last = new Map<string, number>();
  nodes.forEach((node, i) => {
    for (const name of node.input) last.set(name, i);
  });
  for (const name of outputs) last.set(name, nodes.length);
  const made = new Set<string>();
  let alive = 0;
  let most = 0;
  nodes.forEach((node, i) => {
    alive += node.output.filter((name) => last.has(name)).length;
    most = Math.max(most, alive);
    for (const name of new Set(node.input)) if (last.get(name) === i && made.has(name)) alive--;
    for (const name of node.output) made.add(name);
  });
  return most;
}

test("the order stays topological, and weights' gradients come last, the first computable at the end", () => {
  const model = lower(stack(3, 4, 4, false), { target: "cpu" });
  const known = new Set([...model.inputs, ...model.initializers].map(({ name }) => name));
  for (const node of model.nodes) {
    for (const name of node.inputs) expect(known.has(name), name).toBe(true);
    for (const name of node.outputs) known.add(name);
  }
  expect(model.nodes.slice(-4).map((node) => node.outputs[0])).toEqual(["d0", "d1", "d2", "loss"]);
  expect(schedule(model.nodes)).toEqual(model.nodes);
});

test("recomputing gives the same gradients, and the engine neither merges nor hurries the copies", async () => {
  const feeds = {
    x: float32(
      [4, 4],
      Array.from({ length: 16 }, (_, i) => Math.sin(i)),
    ),
    ...Object.fromEntries(
      [0, 1, 2].map((n) => [
        `w${n}`,
        float32(
          [4, 4],
          Array.from({ length: 16 }, (_, i) => Math.cos(i + n)),
        ),
      ]),
    ),
  };
  const [keep, again] = [stack(3, 4, 4, false), stack(3, 4, 4, true)];
  const [first, second] = [await runGraph(keep, feeds), await runGraph(again, feeds)];
  expect(second).toEqual(first);

  const count = (nodes: { opType: string }[], op: string) => nodes.filter(({ opType }) => opType === op).length;
  const ordered = await engineOrder(stack(16, 8, 8, true), "CommonSubexpressionElimination");
  const merged = await engineOrder(stack(16, 8, 8, true), "");
  expect(count(ordered, "Tanh")).toBe(32);
  expect(count(merged, "Tanh")).toBe(16);
  const outputs = ["loss", ...Array.from({ length: 16 }, (_, i) => `d${i}`)];
  const plain = await engineOrder(stack(16, 8, 8, false), "");
  expect(peak(ordered, outputs)).toBeLessThan(0.65 * peak(plain, outputs));
});
