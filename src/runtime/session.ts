/** A program around one ONNX Runtime session; the same code for the native and the web runtime. */
import { type InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";
import { fail, ZerothError } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import { evaluateDim, showShape } from "../graph/dims.ts";
import type { DType, TypedArray } from "../graph/dtype.ts";
import type { OnnxModel, OnnxValue } from "../graph/lower.ts";
import type { Program, RunOptions } from "./program.ts";

/** Tell a person what the engine's message means; the message itself stays as the cause. */
export function engineError(error: unknown, doing: string): ZerothError {
  const message = error instanceof Error ? error.message : String(error);
  if (/alloc|out of memory/i.test(message)) {
    return new ZerothError("out_of_memory", `${doing} needs more memory than there is`, {
      hint: "use a smaller model, a smaller batch or another --dtype",
      cause: error,
    });
  }
  return new ZerothError("engine_failed", `${doing} failed in the compute engine: ${message}`, { cause: error });
}

function toOrt(name: string, value: NdArray, declared: OnnxValue, symbols: Map<string, number>): OrtTensor {
  const { dtype, shape } = declared;
  const misfit = () =>
    fail(
      "wrong_use",
      `input "${name}" is ${value.dtype}${showShape(value.shape)}, the graph takes ${dtype}${showShape(shape)}`,
    );
  if (value.dtype !== dtype || value.shape.length !== shape.length) misfit();
  shape.forEach((dim, axis) => {
    const size = value.shape[axis]!;
    // A bare symbol takes its value from the first input that has it; anything else must agree.
    if (typeof dim === "string" && !symbols.has(dim) && /^\w+$/.test(dim)) symbols.set(dim, size);
    if (evaluateDim(dim, symbols) !== size) misfit();
  });
  return ort(value);
}

function ort(value: NdArray): OrtTensor {
  const Tensor = OrtTensor as unknown as new (type: string, data: TypedArray, dims: readonly number[]) => OrtTensor;
  return new Tensor(value.dtype, value.data, value.shape);
}

/** Wrap a session. Disposal waits for running calls and frees it; later calls are errors. */
export function sessionProgram<O extends string>(session: InferenceSession, model: OnnxModel): Program<O> {
  let open = true;
  const pending = new Set<Promise<unknown>>();
  const declared = new Map(model.inputs.map((value) => [value.name, value]));
  const names = model.outputs.map(({ name }) => name) as O[];
  const types = new Map(model.outputs.map(({ name, dtype }) => [name, dtype]));
  return {
    inputs: [...declared.keys()],
    outputs: names,
    async run(feeds: Readonly<Record<string, NdArray>>, { outputs = names, into = {} }: RunOptions<O> = {}) {
      if (!open) fail("wrong_use", "the program has been disposed");
      const symbols = new Map<string, number>();
      const tensors: Record<string, OrtTensor> = {};
      for (const [name, value] of declared) {
        const given =
          feeds[name] ??
          fail("wrong_use", `input "${name}" is missing; the graph takes ${[...declared.keys()].join(", ")}`);
        tensors[name] = toOrt(name, given, value, symbols);
      }
      for (const name of Object.keys(feeds)) {
        if (!declared.has(name))
          fail("wrong_use", `there is no input "${name}"; the graph takes ${[...declared.keys()].join(", ")}`);
      }
      const fetches: Record<string, OrtTensor | null> = {};
      for (const name of outputs) {
        const target = (into as Partial<Record<string, NdArray>>)[name];
        fetches[name] = target ? ort(target) : null;
      }
      let results: InferenceSession.OnnxValueMapType;
      const running = session.run(tensors, fetches);
      pending.add(running);
      try {
        results = await running;
      } catch (error) {
        throw engineError(error, "a run");
      } finally {
        pending.delete(running);
      }
      const arrays = Object.entries(results).map(([name, value]) => {
        const tensor = value as OrtTensor;
        return [name, { dtype: types.get(name) as DType, shape: tensor.dims, data: tensor.data as TypedArray }];
      });
      return Object.fromEntries(arrays) as Record<O, NdArray>;
    },
    async [Symbol.asyncDispose]() {
      if (!open) return;
      open = false;
      await Promise.allSettled(pending);
      await session.release();
    },
  };
}
