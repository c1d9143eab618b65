/** Running a graph once, through the whole path: lower for a target, write the file, open it, run, close. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { NdArray } from "../../src/graph/array.ts";
import type { Target } from "../../src/graph/emit.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { lower, type OnnxModel } from "../../src/graph/lower.ts";
import { encodeOnnx } from "../../src/graph/onnx.ts";
import { sessionProgram, type TensorClass } from "../../src/runtime/session.ts";

export interface RunOnce {
  target?: Target;
  threads?: number;
  optimize?: "disabled" | "basic" | "extended" | "all";
}

export type Feeds = Readonly<Record<string, NdArray>>;

/** Open a session on a lowered model. */
export async function open<O extends string>(model: OnnxModel, { threads = 1, optimize = "all" }: RunOnce = {}) {
  const session = await InferenceSession.create(encodeOnnx(model), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: optimize,
    logSeverityLevel: 3,
    extra: { session: { disable_prepacking: "1" } },
  });
  return sessionProgram<O>(session, model, Tensor as unknown as TensorClass);
}

export async function runModel<O extends string>(model: OnnxModel, feeds: Feeds, options: RunOnce = {}) {
  const program = await open<O>(model, options);
  try {
    const known = Object.entries(feeds).filter(([name]) => program.inputs.includes(name));
    return await program.run(Object.fromEntries(known));
  } finally {
    await program[Symbol.asyncDispose]();
  }
}

/** Outputs of a graph for these inputs; inputs the graph does not need are left out. */
export function runGraph<O extends string>(g: Graph<O>, feeds: Feeds, options: RunOnce = {}) {
  return runModel<O>(lower(g, { target: options.target ?? "cpu" }), feeds, options);
}
