/**
 * Training any graph that ends in a loss. Weights and what the optimiser remembers live in arrays that the compiled
 * step reads and writes in place; one program does forward, backward, clipping and update. With accumulation there
 * are two: one adds up gradients, one updates.
 */
import { fail } from "../errors.ts";
import { type NdArray, zeros } from "../graph/array.ts";
import { type GradientOptions, gradients } from "../graph/differentiate.ts";
import { type Graph, graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { Program } from "../runtime/program.ts";
import type { Optimizer } from "./optimizers.ts";

/** A parameter to train: its tensor in the loss's graph. */
export interface Trainable {
  readonly name: string;
  readonly shape: readonly number[];
  readonly tensor: Tensor;
}

export interface ParameterGroup {
  readonly lrScale: number;
  readonly weightDecay: number;
}

export interface TrainerOptions {
  /** A scalar: the mean loss of the batch, or this micro-batch's share of it when accumulating. */
  loss: Tensor;
  parameters: readonly Trainable[];
  /** Starting values by name; they are updated in place. */
  values: ReadonlyMap<string, NdArray>;
  optimizer: Optimizer;
  /** What each parameter's learning rate and decay are; all alike by default. */
  group?: (name: string) => ParameterGroup;
  /** Greatest global norm of the gradients; 0 for no limit. */
  clip?: number;
  /** Micro-batches a step adds up. */
  accumulate?: number;
  recompute?: GradientOptions["recompute"];
  /** Compiles a graph whose trained parameters are inputs and whose other parameters are frozen weights. */
  compile: (graph: Graph) => Promise<Program>;
}

export interface StepReport {
  readonly loss: number;
  /** Global norm of the gradients before clipping. */
  readonly gradNorm: number;
}

export interface Trainer extends AsyncDisposable {
  /** Live values of the parameters by checkpoint name. */
  readonly values: ReadonlyMap<string, NdArray>;
  /** Live optimiser state, `slot/parameter` by name. */
  readonly state: ReadonlyMap<string, NdArray>;
  /** Steps done. */
  readonly steps: number;
  /** One update from the inputs of each micro-batch. */
  step(micro: readonly Readonly<Record<string, NdArray>>[], lr: number): Promise<StepReport>;
  /** Continue from saved state: the arrays of {@link state} and the number of steps. */
  restore(state: ReadonlyMap<string, NdArray>, steps: number): void;
}

const plainGroup: ParameterGroup = { lrScale: 1, weightDecay: 0 };

/** The update of all parameters: new values and slots by the names under which the inputs are fed. */
function updates(options: TrainerOptions, grads: readonly Tensor[]): Record<string, Tensor> {
  const { parameters, optimizer, clip = 0, group = () => plainGroup } = options;
  const squares = grads.map((g) => o.sum(o.square(g)));
  const norm = o.sqrt(squares.reduce((a, b) => o.add(a, b)));
  // Every update waits for the norm, and the norm for every gradient: no weight changes while it is still needed.
  const factor = clip > 0 ? o.minimum(o.div(clip, o.add(norm, 1e-6)), 1) : o.add(o.mul(norm, 0), 1);
  const scalars = Object.fromEntries(
    Object.keys(optimizer.scalars(1, 1)).map((name) => [name, input(`scalar.${name}`, "float32", [])]),
  );
  const outputs: Record<string, Tensor> = { "grad.norm": norm };
  parameters.forEach(({ name, shape, tensor }, i) => {
    const slots = Object.fromEntries(
      Object.entries(optimizer.slots(shape)).map(([slot, size]) => [slot, input(`${slot}/${name}`, "float32", size)]),
    );
    const u = { value: tensor, gradient: grads[i]!, clip: factor, slots, scalars, ...group(name) };
    const { value, slots: next } = optimizer.update(u);
    outputs[`next.${name}`] = value;
    for (const [slot, updated] of Object.entries(next)) outputs[`next.${slot}/${name}`] = updated;
  });
  return outputs;
}

/** Forward, backward and update in one graph. */
export function fusedStepGraph(options: TrainerOptions): Graph {
  const grads = gradients(
    options.loss,
    options.parameters.map(({ tensor }) => tensor),
    recomputing(options),
  );
  return graph({ loss: options.loss, ...updates(options, grads) });
}

/** Forward and backward: gradients added to what was there. */
export function accumulateGraph(options: TrainerOptions): Graph {
  const grads = gradients(
    options.loss,
    options.parameters.map(({ tensor }) => tensor),
    recomputing(options),
  );
  const sums = options.parameters.map(({ name, shape }, i) => [
    `next.grad/${name}`,
    o.add(input(`grad/${name}`, "float32", shape), grads[i]!),
  ]);
  return graph({ loss: options.loss, ...Object.fromEntries(sums) });
}

/** The update alone, from gradients given. */
export function updateGraph(options: TrainerOptions): Graph {
  const grads = options.parameters.map(({ name, shape }) => input(`grad/${name}`, "float32", shape));
  return graph(updates(options, grads));
}

const recomputing = ({ recompute }: TrainerOptions): GradientOptions => (recompute ? { recompute } : {});

const scalar = (value: number): NdArray => ({ dtype: "float32", shape: [], data: Float32Array.of(value) });

/** Compile what a step needs and hold its arrays. */
export async function createTrainer(options: TrainerOptions): Promise<Trainer> {
  const { parameters, values, optimizer, accumulate = 1, compile } = options;
  for (const { name, shape } of parameters) {
    const value = values.get(name) ?? fail("wrong_use", `there is no starting value for "${name}"`);
    if (value.dtype !== "float32" || value.shape.join() !== shape.join()) {
      fail("wrong_use", `"${name}" starts as ${value.dtype}[${value.shape}], the graph has float32[${shape}]`);
    }
  }
  const zeroed = (entries: (readonly [string, readonly number[]])[]): Map<string, NdArray> =>
    new Map(entries.map(([name, shape]) => [name, zeros("float32", shape)]));
  const state = zeroed(
    parameters.flatMap(({ name, shape }) =>
      Object.entries(optimizer.slots(shape)).map(([slot, size]) => [`${slot}/${name}`, size] as const),
    ),
  );
  const summed =
    accumulate > 1
      ? zeroed(parameters.map(({ name, shape }) => [`grad/${name}`, shape] as const))
      : new Map<string, NdArray>();
  const live = new Map([...[...parameters].map(({ name }) => [name, values.get(name)!] as const), ...state, ...summed]);
  const program = await compile(accumulate > 1 ? accumulateGraph(options) : fusedStepGraph(options));
  const updater = accumulate > 1 ? await compile(updateGraph(options)) : undefined;
  let steps = 0;

  /** Run with every live array the program knows, its `next.` outputs written back into the same arrays. */
  const run = async (target: Program, feeds: Readonly<Record<string, NdArray>>) => {
    const all: Record<string, NdArray> = { ...feeds };
    for (const name of target.inputs) if (live.has(name)) all[name] = live.get(name)!;
    // Every output has its array: a run that hands nothing back copies nothing.
    const into = Object.fromEntries(
      target.outputs.map((name) => [
        name,
        name.startsWith("next.") ? live.get(name.slice("next.".length))! : zeros("float32", []),
      ]),
    );
    return target.run(all, { into });
  };
  const first = (array: NdArray | undefined) => Number(array?.data[0]);

  return {
    values,
    state,
    get steps() {
      return steps;
    },
    async step(micro, lr) {
      if (micro.length !== accumulate)
        fail("wrong_use", `a step takes ${accumulate} micro-batches, got ${micro.length}`);
      // An update may not need every number (the plain rate only matters with weight decay).
      const needed = new Set((updater ?? program).inputs);
      const all = Object.entries(optimizer.scalars(steps + 1, lr));
      const scalars = Object.fromEntries(
        all.filter(([name]) => needed.has(`scalar.${name}`)).map(([name, value]) => [`scalar.${name}`, scalar(value)]),
      );
      let loss = 0;
      let result: Record<string, NdArray> = {};
      if (updater) {
        for (const { data } of summed.values()) data.fill(0 as never);
        for (const feeds of micro) loss += first((await run(program, feeds)).loss);
        result = await run(updater, scalars);
      } else {
        result = await run(program, { ...micro[0], ...scalars });
        loss = first(result.loss);
      }
      steps++;
      return { loss, gradNorm: first(result["grad.norm"]) };
    },
    restore(saved, done) {
      for (const [name, { data, shape }] of state) {
        const from = saved.get(name);
        if (!from || from.shape.join() !== shape.join()) {
          fail("corrupt_file", `the saved optimiser state has no "${name}" of shape [${shape}]`, {
            hint: "resume with the configuration the run was started with",
          });
        }
        (data as Float32Array).set(from.data as Float32Array);
      }
      steps = done;
    },
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      await updater?.[Symbol.asyncDispose]();
    },
  };
}
