import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { type Feeds, runGraph } from "../../../test/support/run-graph.ts";
import { sessionProgram, type TensorClass } from "../../runtime/session.ts";
import { float32 } from "../array.ts";
import { gradients } from "../differentiate.ts";
import { graph } from "../graph.ts";
import { lower, type OnnxModel } from "../lower.ts";
import { encodeOnnx } from "../onnx.ts";
import * as o from "../operators.ts";
import { input, type Tensor as Value } from "../tensor.ts";
import { schedule } from "./schedule.ts";

/** A stack of residual layers; only what flows between layers is kept when `again`. */
function stack(layers: number, rows: number, width: number, again: boolean) {
  const x = input("x", "float32", [rows, width]);
  const weights = Array.from({ length: layers }, (_, i) => input(`w${i}`, "float32", [width, width]));
  const kept = new Set<Value>();
  let h = x;
  for (const w of weights) {
    h = o.add(h, o.gelu(o.matmul(o.tanh(h), w, { transB: true })));
    kept.add(h);
  }
  const loss = o.mean(o.square(h));
  const d = gradients(loss, weights, again ? { recompute: (value) => !kept.has(value) } : {});
  return graph({ loss, ...Object.fromEntries(d.map((value, i) => [`d${i}`, value])) });
}

/** Numbers of the model's nodes in the order in which the engine ran them, from its own profile. */
async function engineOrder(model: OnnxModel, feeds: Feeds, disable: string): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), "zeroth-"));
  const session = await InferenceSession.create(encodeOnnx(model), {
    enableProfiling: true,
    profileFilePrefix: join(folder, "profile"),
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: { session: { disable_prepacking: "1" }, optimization: { disable_specified_optimizers: disable } },
  });
  const program = sessionProgram(session, model, Tensor as unknown as TensorClass);
  await program.run(feeds);
  session.endProfiling();
  await program[Symbol.asyncDispose]();
  const [file] = readdirSync(folder);
  const events = JSON.parse(readFileSync(join(folder, file!), "utf8")) as { cat: string; name: string }[];
  rmSync(folder, { recursive: true });
  // Nodes are written with their number in their name.
  return events.flatMap(({ cat, name }) => {
    const found = cat === "Node" && /_(\d+)_kernel_time$/.exec(name);
    return found ? [Number(found[1])] : [];
  });
}

/** Most values alive at once when the nodes run in this order. */
function peak(model: OnnxModel, order: readonly number[]): number {
  const nodes = order.map((i) => model.nodes[i]!);
  const last = new Map<string, number>();
  nodes.forEach((node, i) => {
    for (const name of node.inputs) last.set(name, i);
  });
  for (const { name } of model.outputs) last.set(name, nodes.length);
  const made = new Set<string>();
  let alive = 0;
  let most = 0;
  nodes.forEach((node, i) => {
    alive += node.outputs.filter((name) => last.has(name)).length;
    most = Math.max(most, alive);
    for (const name of new Set(node.inputs)) if (last.get(name) === i && made.has(name)) alive--;
    for (const name of node.outputs) made.add(name);
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

  const layers = 16;
  const values = (salt: number) =>
    float32(
      [8, 8],
      Array.from({ length: 64 }, (_, i) => Math.sin(i + salt) / 4),
    );
  const deep = { x: values(0), ...Object.fromEntries(Array.from({ length: layers }, (_, i) => [`w${i}`, values(i)])) };
  const run = async (recomputed: boolean, disable: string) => {
    const model = lower(stack(layers, 8, 8, recomputed), { target: "cpu" });
    const order = await engineOrder(model, deep, disable);
    return { peak: peak(model, order), tanh: order.filter((i) => model.nodes[i]!.op === "Tanh").length };
  };
  const ordered = await run(true, "CommonSubexpressionElimination");
  const merged = await run(true, "");
  const plain = await run(false, "");
  expect(ordered.tanh).toBe(2 * layers);
  expect(merged.tanh).toBe(layers);
  expect(ordered.peak).toBeLessThan(0.7 * plain.peak);
});
