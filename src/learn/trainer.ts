/**
 * Training any graph that ends in a loss. Weights, state and what the optimiser remembers live in arrays that the
 * compiled step reads and writes in place; one program does forward, backward, clipping and update. With accumulation
 * there are two: one adds up gradients, one updates.
 */
import { fail } from "../errors.ts";
import { type NdArray, zeros } from "../graph/array.ts";
import { evaluateDim, type Shape, terms } from "../graph/dims.ts";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Program } from "../runtime/program.ts";
import { bindSymbols } from "../runtime/session.ts";
import { checkState, stateName } from "./state.ts";
import {
  accumulateGraph,
  fusedStepGraph,
  groupsOf,
  names,
  type ParameterRates,
  type StepGraphOptions,
  updateGraph,
} from "./step-graph.ts";

export type { ParameterGroup, ParameterRates } from "./step-graph.ts";

export interface TrainerOptions<O extends string = string> extends StepGraphOptions<O> {
  /** Starting values by name, also of state variables that are parameters; they are updated in place. */
  readonly values: ReadonlyMap<string, NdArray>;
  /** Micro-batches a step adds up. */
  readonly accumulate?: number;
  /**
   * Compiles a graph whose trained parameters, and parameters that are state, are inputs and whose other parameters are
   * frozen weights.
   */
  readonly compile: (graph: Graph) => Promise<Program>;
}

export interface StepReport<O extends string = string> {
  /** The loss, summed over micro-batches. */
  readonly loss: number;
  /** Global norm of the gradients before clipping. */
  readonly gradNorm: number;
  /**
   * The further outputs, an array for each micro-batch, in order: whether they are to be added, averaged or joined
   * only their maker knows.
   */
  readonly outputs: Readonly<Record<O, readonly NdArray[]>>;
}

/** Rates of named groups that are other than those they started with, for one step. */
export type StepRates = Readonly<Record<string, Partial<ParameterRates>>>;

export interface Trainer<O extends string = string> extends AsyncDisposable {
  /** Live values of the parameters by checkpoint name. */
  readonly values: ReadonlyMap<string, NdArray>;
  /** Live state: the optimiser's, `slot/parameter` by name, and the state variables by theirs. */
  readonly state: ReadonlyMap<string, NdArray>;
  /** Steps done. */
  readonly steps: number;
  /** One update from the inputs of each micro-batch. */
  step(micro: readonly Readonly<Record<string, NdArray>>[], lr: number, rates?: StepRates): Promise<StepReport<O>>;
  /** Continue from saved state: the arrays of {@link state} and the number of steps. */
  restore(state: ReadonlyMap<string, NdArray>, steps: number): void;
}

const scalar = (value: number): NdArray => ({ dtype: "float32", shape: [], data: Float32Array.of(value) });

/** The arrays a step reads and writes, all zero or as they start. */
function liveArrays({ parameters, values, optimizer, state = [], accumulate = 1 }: TrainerOptions) {
  for (const { name, shape } of parameters) {
    const value = values.get(name) ?? fail("wrong_use", `there is no starting value for "${name}"`);
    if (value.dtype !== "float32" || value.shape.join() !== shape.join()) {
      fail("wrong_use", `"${name}" starts as ${value.dtype}[${value.shape}], the graph has float32[${shape}]`);
    }
  }
  checkState(state, new Set(parameters.map(({ name }) => name)));
  const kept = new Map<string, NdArray>();
  const sums = new Map<string, NdArray>();
  for (const { name, shape } of parameters) {
    for (const [slot, size] of Object.entries(optimizer.slots(shape))) {
      kept.set(names.slot(slot, name), zeros("float32", size));
    }
    if (accumulate > 1) sums.set(names.sum(name), zeros("float32", shape));
  }
  for (const variable of state) {
    const { tensor, initial } = variable;
    const name = stateName(variable);
    if (kept.has(name)) fail("wrong_use", `the optimiser's state has a "${name}" already: call the variable otherwise`);
    if (tensor.node.kind === "input") {
      const array = zeros(tensor.dtype, tensor.shape as readonly number[]);
      if (initial) (array.data as Float32Array).set(initial.data as Float32Array);
      kept.set(name, array);
      continue;
    }
    if (initial) fail("wrong_use", `"${name}" is a parameter: it starts as the trainer's values say`);
    const value = values.get(name) ?? fail("wrong_use", `there is no starting value for "${name}"`);
    if (value.dtype !== tensor.dtype || value.shape.join() !== tensor.shape.join()) {
      fail("wrong_use", `"${name}" starts as ${value.dtype}[${value.shape}], the graph has another type or shape`);
    }
    kept.set(name, value);
  }
  const trained = parameters.map(({ name }): [string, NdArray] => [name, values.get(name)!]);
  return { kept, sums, live: new Map([...trained, ...kept, ...sums]) };
}

/** Arrays for the results of a run, so that nothing is copied; none for one whose size only the values tell. */
function resultArrays(g: Graph, feeds: Readonly<Record<string, NdArray>>): Record<string, NdArray> {
  const inputs = g.inputs.map(({ name, outputs }) => ({ name, shape: outputs[0]!.shape }));
  const symbols = bindSymbols(feeds, inputs);
  const known = (shape: Shape) =>
    shape.every((dim) => terms(dim).every(([, factors]) => factors.every((name) => symbols.has(name))));
  const arrays = Object.entries<Tensor>(g.outputs).flatMap(([name, { dtype, shape }]): [string, NdArray][] => {
    if (name.startsWith(names.next) || !known(shape)) return [];
    return [
      [
        name,
        zeros(
          dtype,
          shape.map((dim) => evaluateDim(dim, symbols)),
        ),
      ],
    ];
  });
  return Object.fromEntries(arrays);
}

/** The rates of a step as inputs. */
function rateFeeds(groups: ReadonlyMap<string, ParameterRates>, rates: StepRates): Record<string, NdArray> {
  for (const name of Object.keys(rates)) {
    if (!groups.has(name)) {
      fail(
        "wrong_use",
        `there is no group "${name}" of parameters; there are ${[...groups.keys()].join(", ") || "none"}`,
      );
    }
  }
  return Object.fromEntries(
    [...groups].flatMap(([name, start]) =>
      Object.entries({ ...start, ...rates[name] }).map(([rate, value]) => [
        names.rate(rate as keyof ParameterRates, name),
        scalar(value),
      ]),
    ),
  );
}

/** Compile what a step needs and hold its arrays. */
export async function createTrainer<O extends string = never>(options: TrainerOptions<O>): Promise<Trainer<O>> {
  const { parameters, values, optimizer, accumulate = 1, outputs, compile } = options;
  if (parameters.length === 0) fail("wrong_use", "there are no parameters to train");
  const { kept, sums, live } = liveArrays(options);
  const groups = groupsOf(options);
  const [first, second] =
    accumulate > 1 ? [accumulateGraph(options), updateGraph(options)] : [fusedStepGraph(options), undefined];
  const program = await compile(first);
  const updater = second && (await compile(second));
  const outputNames = Object.keys(outputs ?? {}) as O[];
  let steps = 0;

  /** Run with every live array the program knows, its `next.` outputs written back into the same arrays. */
  const run = async (target: Program, g: Graph, feeds: Readonly<Record<string, NdArray>>) => {
    const all: Record<string, NdArray> = { ...feeds };
    for (const name of target.inputs) if (live.has(name)) all[name] = live.get(name)!;
    // Every output has its array: a run that hands nothing back copies nothing.
    const into = resultArrays(g, all);
    for (const name of target.outputs) {
      if (name.startsWith(names.next)) into[name] = live.get(name.slice(names.next.length))!;
    }
    return target.run(all, { into });
  };
  const number = (array: NdArray | undefined) => Number(array?.data[0]);

  return {
    values,
    state: kept,
    get steps() {
      return steps;
    },
    async step(micro, lr, rates = {}) {
      if (micro.length !== accumulate)
        fail("wrong_use", `a step takes ${accumulate} micro-batches, got ${micro.length}`);
      // An update may not need every number (the plain rate only matters with weight decay).
      const needed = new Set((updater ?? program).inputs);
      const given = Object.entries(optimizer.scalars(steps + 1, lr)).map(([name, value]) => [
        names.scalar(name),
        scalar(value),
      ]);
      const all = { ...(Object.fromEntries(given) as Record<string, NdArray>), ...rateFeeds(groups, rates) };
      const scalars = Object.fromEntries(Object.entries(all).filter(([name]) => needed.has(name)));
      const results: Record<string, NdArray>[] = [];
      let last: Record<string, NdArray> | undefined;
      if (updater) {
        for (const { data } of sums.values()) data.fill(0 as never);
        for (const feeds of micro) results.push(await run(program, first, feeds));
        last = await run(updater, second, scalars);
      } else {
        results.push(await run(program, first, { ...micro[0], ...scalars }));
      }
      steps++;
      return {
        loss: results.reduce((sum, { loss }) => sum + number(loss), 0),
        gradNorm: number((last ?? results[0])?.[names.norm]),
        outputs: Object.fromEntries(
          outputNames.map((name) => [name, results.map((result) => result[names.output(name)]!)]),
        ) as Record<O, NdArray[]>,
      };
    },
    restore(saved, done) {
      for (const [name, { dtype, data, shape }] of kept) {
        const from = saved.get(name);
        if (!from || from.dtype !== dtype || from.shape.join() !== shape.join()) {
          fail("corrupt_file", `the saved state of the trainer has no "${name}" of ${dtype}[${shape}]`, {
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
