/** Compiling in the browser: WebAssembly or WebGPU, weights from memory. */
import type { InferenceSession } from "onnxruntime-common";
import { fail } from "../errors.ts";
import { ndarray } from "../graph/array.ts";
import { type DType, dtypes, isFloat } from "../graph/dtype.ts";
import type { Graph } from "../graph/graph.ts";
import { type BoundWeight, lower, type OnnxModel } from "../graph/lower.ts";
import { encodeOnnx } from "../graph/onnx.ts";
import { toFloat32 } from "../weights/convert.ts";
import { splitQuantized } from "../weights/quantize.ts";
import { unfold } from "../weights/unfold.ts";
import type { PlainTensor, Weights } from "../weights/weights.ts";
import { storedTensor } from "./binding.ts";
import type { Device, Program } from "./program.ts";
import { quantizedGraph } from "./quantized.ts";
import { engineError, sessionProgram, type TensorClass } from "./session.ts";
import { webThreads } from "./threads-web.ts";

export interface WebCompileOptions {
  /** wasm runs everywhere; webgpu where the browser and the machine offer it. */
  device?: Extract<Device, "wasm" | "webgpu">;
  /** Most threads of the wasm engine; the first compilation of a page decides. See {@link webThreads}. */
  threads?: number;
  /** Stored tensors of the frozen parameters, by checkpoint name, in memory. */
  weights?: Weights;
  /** Parameters that are inputs of the program instead of frozen weights. */
  trained?: (name: string) => boolean;
  /** Whether the engine rewrites the graph as it opens it; all it can by default. */
  optimize?: "all" | "disabled";
}

type Engine = typeof import("onnxruntime-web");

/** The engine is fetched when first needed: 14 MB for wasm, 27 MB for webgpu. */
const engines: Record<"wasm" | "webgpu", () => Promise<Engine>> = {
  wasm: () => import("onnxruntime-web/wasm"),
  webgpu: () => import("onnxruntime-web/webgpu"),
};

const opened = new Map<"wasm" | "webgpu", Promise<Engine>>();

function engine(device: "wasm" | "webgpu", threads: number | undefined): Promise<Engine> {
  let loading = opened.get(device);
  if (!loading) {
    loading = engines[device]().then((ort) => {
      ort.env.wasm.numThreads = webThreads(undefined, threads).threads;
      ort.env.logLevel = "error";
      return ort;
    });
    loading.catch(() => opened.delete(device));
    opened.set(device, loading);
  }
  return loading;
}

/** The webgpu engine has no kernel that widens bfloat16, and only some machines have one for float16. */
function widened(stored: PlainTensor & { readonly data: Uint8Array }): { dtype: DType; data: Uint8Array } {
  if (stored.dtype === "float32" || !isFloat(stored.dtype)) return stored;
  const { array, bytes } = dtypes[stored.dtype];
  const values = new array(stored.data.slice().buffer, 0, stored.data.length / bytes);
  const { data } = toFloat32(ndarray(stored.dtype, stored.shape, values));
  return { dtype: "float32", data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/**
 * Bind weights where they lie in memory: each buffer, a whole fetched file as a rule, is handed to the engine once
 * as an external data file, and the model points into it.
 */
function memoryBinding(weights: Weights | undefined, trained: (name: string) => boolean, device: "wasm" | "webgpu") {
  const parts = weights && splitQuantized(weights);
  const files = new Map<ArrayBufferLike, string>();
  return {
    weight(name: string, shape: readonly number[]): BoundWeight | undefined {
      if (trained(name)) return undefined;
      const stored = storedTensor(parts, name, shape);
      if (!("data" in stored)) return fail("wrong_use", `tensor "${name}" lies in a file; the browser has none`);
      const { dtype, data } = device === "webgpu" ? widened(stored) : stored;
      const { buffer, byteOffset, byteLength } = data;
      const location = files.get(buffer) ?? `weights.${files.size}`;
      files.set(buffer, location);
      return { dtype, data: { location, offset: byteOffset, length: byteLength } };
    },
    files: () => [...files].map(([buffer, path]) => ({ path, data: new Uint8Array(buffer) })),
  };
}

/** Let the page's own events in: a run of the wasm engine keeps the thread until it is done. */
function breathe(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** The engine merges equal nodes, which would undo a recomputation: where there is one, it must not. */
const extra = (model: OnnxModel) =>
  model.nodes.some((node) => node.recomputed)
    ? { extra: { optimization: { disable_specified_optimizers: "CommonSubexpressionElimination" } } }
    : {};

/** Turn a graph into a program in the browser. Between runs the page's events are handled. */
export async function compile<O extends string>(g: Graph<O>, options: WebCompileOptions = {}): Promise<Program<O>> {
  const { device = "wasm", threads, trained = () => false, optimize = "all" } = options;
  const frozen = g.parameters.map(({ name }) => name).filter((name) => !trained(name));
  const weights = options.weights && unfold(options.weights, frozen);
  const binding = memoryBinding(weights, trained, device);
  const small = weights ? quantizedGraph(g, weights, trained) : g;
  // The wasm kernels add products in 32 bits: all levels are exact.
  const model = lower(small, { target: device, weight: binding.weight, levels: 127 });
  let program: Program<O>;
  try {
    const ort = await engine(device, threads);
    const session: InferenceSession = await ort.InferenceSession.create(encodeOnnx(model), {
      executionProviders: [device],
      externalData: binding.files(),
      graphOptimizationLevel: optimize,
      // As in Node: memory that is taken here is never given back.
      enableMemPattern: false,
      logSeverityLevel: 3,
      ...extra(model),
    });
    program = sessionProgram<O>(session, model, ort.Tensor as unknown as TensorClass, false);
  } catch (error) {
    throw engineError(error, `opening a session on ${device}`);
  }
  return {
    ...program,
    async run(feeds, how) {
      await breathe();
      return program.run(feeds, how);
    },
  };
}
