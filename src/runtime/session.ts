/** A program around one ONNX Runtime session; the same code for the native and the web runtime. */
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import { evaluateDim, showShape } from "../graph/dims.ts";
import type { DType, TypedArray } from "../graph/dtype.ts";
import type { OnnxValue } from "../graph/lower.ts";
import type { Signature } from "./prepared.ts";
import type { Program, RunOptions } from "./program.ts";

/** Tell a person what the engine's message means; the message itself stays as the cause. */
export function engineError(error: unknown, doing: string): ZerothError {
  if (error instanceof ZerothError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (/alloc|out of memory/i.test(message)) {
    return new ZerothError("out_of_memory", `${doing} needs more memory than there is`, {
      hint: "use a smaller model, a smaller batch or another --dtype",
      cause: error,
    });
  }
  return new ZerothError("engine_failed", `${doing} failed in the compute engine: ${message}`, { cause: error });
}

/** Values of the symbols: a bare one takes its size from the first input that has it. */
export function bindSymbols(
  feeds: Readonly<Record<string, NdArray>>,
  declared: readonly Pick<OnnxValue, "name" | "shape">[],
): Map<string, number> {
  const symbols = new Map<string, number>();
  for (const { name, shape } of declared) {
    shape.forEach((dim, axis) => {
      const size = feeds[name]?.shape[axis];
      if (typeof dim === "string" && !symbols.has(dim) && /^\w+$/.test(dim) && size !== undefined)
        symbols.set(dim, size);
    });
  }
  return symbols;
}

function check(value: NdArray, { name, dtype, shape }: OnnxValue, symbols: ReadonlyMap<string, number>): void {
  const fits =
    value.dtype === dtype &&
    value.shape.length === shape.length &&
    shape.every((dim, axis) => evaluateDim(dim, symbols) === value.shape[axis]);
  if (fits) return;
  const bound = [...symbols].map(([symbol, size]) => `${symbol} = ${size}`).join(", ");
  fail(
    "wrong_use",
    `input "${name}" is ${value.dtype}${showShape(value.shape)}, the graph takes ${dtype}${showShape(shape)}${bound && ` with ${bound}`}`,
  );
}

/** Copy a result into the array that was given for it. */
export function copyInto(target: NdArray, shape: readonly number[], data: TypedArray): NdArray {
  if (target.shape.join() !== shape.join()) {
    fail("wrong_use", `the result is ${showShape(shape)}, the array given for it ${showShape(target.shape)}`);
  }
  (target.data as Float32Array).set(data as Float32Array);
  return target;
}

/**
 * The engine's own tensor class. Each package of the engine has a copy and looks at `instanceof`: a tensor of
 * another copy given as an output would be ignored without an error, so the class is given by the code that opened the session.
 */
export type TensorClass = new (type: DType, data: TypedArray, dims: readonly number[]) => OrtTensor;

/** The little of a session that a program uses. */
export type OpenSession = Pick<InferenceSession, "run" | "release"> & {
  /** Run and write every output into the tensor given for it, handing nothing back; where the engine can. */
  fill?(feeds: Readonly<Record<string, OrtTensor>>, targets: Readonly<Record<string, OrtTensor>>): Promise<void>;
};

/**
 * Wrap a session. Disposal waits for running calls and frees it; later calls are errors. `writesInto` tells whether
 * the engine writes into arrays given as outputs: the web runtime and other processes compute in memory of their own
 * and leave them as they were, results are copied then.
 */
export function sessionProgram<O extends string>(
  session: OpenSession,
  model: Signature,
  Tensor: TensorClass,
  writesInto = true,
): Program<O> {
  const ort = (value: NdArray) => new Tensor(value.dtype, value.data, value.shape);
  let open = true;
  const pending = new Set<Promise<unknown>>();
  const declared = new Map(model.inputs.map((value) => [value.name, value]));
  const names = model.outputs.map(({ name }) => name) as O[];
  const types = new Map(model.outputs.map(({ name, dtype }) => [name, dtype]));
  return {
    inputs: [...declared.keys()],
    outputs: names,
    async run(feeds: Readonly<Record<string, NdArray>>, { outputs = names, into = {}, signal }: RunOptions<O> = {}) {
      throwIfAborted(signal);
      if (!open) fail("wrong_use", "the program has been disposed");
      const symbols = bindSymbols(feeds, model.inputs);
      const tensors: Record<string, OrtTensor> = {};
      for (const [name, value] of declared) {
        const given =
          feeds[name] ??
          fail("wrong_use", `input "${name}" is missing; the graph takes ${[...declared.keys()].join(", ")}`);
        check(given, value, symbols);
        tensors[name] = ort(given);
      }
      for (const name of Object.keys(feeds)) {
        if (!declared.has(name))
          fail("wrong_use", `there is no input "${name}"; the graph takes ${[...declared.keys()].join(", ")}`);
      }
      const fetches: Record<string, OrtTensor | null> = {};
      for (const name of outputs) {
        const target = (into as Partial<Record<string, NdArray>>)[name];
        fetches[name] = target && writesInto ? ort(target) : null;
      }
      const allGiven = Object.values(fetches).every((target) => target !== null);
      let results: InferenceSession.OnnxValueMapType;
      // A run that hands results back copies them, also those that it wrote into arrays of the caller.
      const running =
        session.fill && allGiven
          ? session.fill(tensors, fetches as Record<string, OrtTensor>).then(() => fetches as Record<string, OrtTensor>)
          : session.run(tensors, fetches);
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
        const target = writesInto ? undefined : (into as Partial<Record<string, NdArray>>)[name];
        if (target) return [name, copyInto(target, tensor.dims, tensor.data as TypedArray)];
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
