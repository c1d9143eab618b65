/** Compiling in Node: lower, bind the weights, open a session. */
import { fail } from "../errors.ts";
import type { Levels } from "../graph/emit.ts";
import type { Graph } from "../graph/graph.ts";
import { lower, type OnnxModel } from "../graph/lower.ts";
import { encodeOnnx } from "../graph/onnx.ts";
import type { Weights } from "../weights/weights.ts";
import { bindWeights } from "./binding-node.ts";
import { engine } from "./engine-node.ts";
import { int8Levels } from "./int8-node.ts";
import type { Prepared } from "./prepared.ts";
import type { Device, Program } from "./program.ts";
import { quantizedGraph } from "./quantized.ts";
import { engineError, sessionProgram, type TensorClass } from "./session.ts";
import { nothing, openSession } from "./sessions-node.ts";
import { defaultThreads } from "./threads-node.ts";

export interface CompileOptions {
  device?: Device;
  /** Threads of the engine; by default what the machine and its limits allow. */
  threads?: number;
  /** Stored tensors of the frozen parameters, by checkpoint name. */
  weights?: Weights;
  /** Parameters that are inputs of the program instead of frozen weights. */
  trained?: (name: string) => boolean;
  /**
   * Repack frozen weights for the engine's product kernels when the session opens. Costs 3-4 ms per MB and doubles
   * the memory; measured to pay only for middle-sized batches.
   */
  prepack?: boolean;
  /** How much the engine may rewrite the graph; ours is already fused, so less opens faster. */
  optimize?: "disabled" | "basic" | "extended" | "all";
  /**
   * Let idle threads of the engine wait in a loop for the next piece of work. Faster on a quiet machine; where other
   * programs want the cores too, two spinning threads are slower than two that sleep (measured: 8.9 and 12.0 thousand
   * tokens/s in a training run), so long jobs turn it off.
   */
  spin?: boolean;
}

/** The engine merges equal nodes, which would undo a recomputation: where there is one, it must not. */
const optimization = (model: OnnxModel) =>
  model.nodes.some((node) => node.recomputed)
    ? { optimization: { disable_specified_optimizers: "CommonSubexpressionElimination" } }
    : {};

export interface PrepareOptions extends CompileOptions {
  /** What products in 8 bits are exact with on this machine; 63 by default. */
  levels?: Levels;
}

/** Lower a graph and bind its weights; nothing is opened. Frozen weights stay in their files. */
export function prepare(g: Graph, options: PrepareOptions = {}): Prepared {
  const { device = "cpu", threads = defaultThreads(), weights, trained = () => false } = options;
  if (device === "wasm") fail("unsupported", "the wasm device is for browsers", { hint: "use cpu" });
  const binding = bindWeights(weights, trained);
  const small = weights ? quantizedGraph(g, weights, trained) : g;
  const model = lower(small, {
    target: device,
    weight: (name, shape) => binding.weight(name, shape),
    levels: options.levels ?? 63,
  });
  const folder = binding.folder();
  const session = {
    // The kernels for quantised weights are up to sixty times slower on weights that are not packed.
    ...(options.prepack || small !== g ? {} : { disable_prepacking: "1" }),
    ...(options.spin === false ? { intra_op: { allow_spinning: "0" } } : {}),
    ...(folder ? { model_external_initializers_file_folder_path: folder } : {}),
  };
  return {
    model: encodeOnnx(model, nothing),
    files: binding.files(),
    folder,
    signature: {
      inputs: model.inputs,
      outputs: model.outputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    },
    options: {
      executionProviders: [device],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: options.optimize ?? "all",
      // A block planned for all values of a run comes on top of what the first run took piece by piece, and is never
      // given back: without, a tuning step of BERT-base's shape takes 1.55 instead of 2.56 GiB and no longer.
      enableMemPattern: false,
      logSeverityLevel: 3,
      extra: { session, ...optimization(model) },
    },
  };
}

/** Turn a graph into a program. Frozen weights stay in their files; nothing is copied. */
export async function compile<O extends string>(g: Graph<O>, options: CompileOptions = {}): Promise<Program<O>> {
  const prepared = prepare(g, { ...options, levels: await int8Levels(options.weights) });
  try {
    return sessionProgram<O>(
      await openSession(prepared),
      prepared.signature,
      engine().Tensor as unknown as TensorClass,
    );
  } catch (error) {
    throw engineError(error, "opening a session");
  }
}
