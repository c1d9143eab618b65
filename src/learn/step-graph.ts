/**
 * The graphs of a step. One does all of it; with accumulation there are two, one that adds up gradients and one that
 * updates. What replaces an input is called `next.NAME` and is written into that input's memory.
 */
import { fail } from "../errors.ts";
import { type GradientOptions, gradients } from "../graph/differentiate.ts";
import { type Graph, graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import { mayOverwrite, never, nodesOf, onceKnown, readersOf, waitFor } from "./in-place.ts";
import type { Optimizer, Rate } from "./optimizers.ts";
import { nextAfterUpdate, type StateVariable, stateName } from "./state.ts";

/** A parameter to train: its tensor in the loss's graph. */
export interface Trainable {
  readonly name: string;
  readonly shape: readonly number[];
  readonly tensor: Tensor;
}

export interface ParameterRates {
  /** Multiplies the learning rate. */
  readonly lrScale: number;
  readonly weightDecay: number;
}

export interface ParameterGroup extends ParameterRates {
  /**
   * Parameters of one name share their rates, which are inputs of the step and may be given anew at each one. Without a
   * name they are numbers in the graph.
   */
  readonly name?: string;
}

export interface StepGraphOptions<O extends string = string> {
  /** A scalar: the mean loss of the batch, or this micro-batch's share of it when accumulating. */
  readonly loss: Tensor;
  /** What else a step computes and hands back, from the weights before it. */
  readonly outputs?: Readonly<Record<O, Tensor>>;
  readonly parameters: readonly Trainable[];
  readonly state?: readonly StateVariable[];
  readonly optimizer: Optimizer;
  /** What each parameter's learning rate and decay are; all alike, with rate 1 and no decay, by default. */
  readonly group?: (name: string) => ParameterGroup;
  /** Greatest global norm of the gradients; 0 for no limit. */
  readonly clip?: number;
  readonly recompute?: GradientOptions["recompute"];
}

/** How inputs and outputs of the step graphs are called, besides those of the loss and the weights. */
export const names = {
  norm: "grad.norm",
  next: "next.",
  output: (name: string) => `output.${name}`,
  sum: (parameter: string) => `grad/${parameter}`,
  slot: (slot: string, parameter: string) => `${slot}/${parameter}`,
  scalar: (name: string) => `scalar.${name}`,
  rate: (rate: keyof ParameterRates, group: string) => `rate.${rate}/${group}`,
} as const;

const plainGroup: ParameterGroup = { lrScale: 1, weightDecay: 0 };

const gradientsOf = ({ loss, parameters, recompute }: StepGraphOptions): Tensor[] =>
  gradients(
    loss,
    parameters.map(({ tensor }) => tensor),
    recompute ? { recompute } : {},
  );

const prefixed = (values: Readonly<Record<string, Tensor>> = {}): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [names.output(name), value]));

/** The named groups and the rates they start with. */
export function groupsOf({ parameters, group = () => plainGroup }: StepGraphOptions): Map<string, ParameterRates> {
  const groups = new Map<string, ParameterRates>();
  for (const parameter of parameters) {
    const { name, lrScale, weightDecay } = group(parameter.name);
    if (name === undefined) continue;
    const known = groups.get(name);
    if (known && (known.lrScale !== lrScale || known.weightDecay !== weightDecay)) {
      fail("wrong_use", `the group "${name}" has two different rates, the second for "${parameter.name}"`);
    }
    groups.set(name, { lrScale, weightDecay });
  }
  return groups;
}

interface Updates {
  readonly norm: Tensor;
  /** New values by the names of what they replace. */
  readonly next: Record<string, Tensor>;
  /** New values of the parameters by their names. */
  readonly values: ReadonlyMap<string, Tensor>;
}

/** The global norm of gradients. */
const normOf = (grads: readonly Tensor[]): Tensor => o.sqrt(grads.map((g) => o.sum(o.square(g))).reduce(o.add));

/** The update of all parameters, which waits for the norm, so for every gradient, and for `wait`. */
function updates(options: StepGraphOptions, grads: readonly Tensor[], norm: Tensor, wait?: Tensor): Updates {
  const { parameters, optimizer, clip = 0, group = () => plainGroup } = options;
  const factor = clip > 0 ? o.minimum(o.div(clip, o.add(norm, 1e-6)), 1) : o.add(o.cast(never(norm), "float32"), 1);
  const waited = wait ? onceKnown(wait, factor) : factor;
  const scalars = Object.fromEntries(
    Object.keys(optimizer.scalars(1, 1)).map((name) => [name, input(names.scalar(name), "float32", [])]),
  );
  const inputs = new Map(
    [...groupsOf(options).keys()].map((name): [string, Record<keyof ParameterRates, Rate>] => [
      name,
      {
        lrScale: input(names.rate("lrScale", name), "float32", []),
        weightDecay: input(names.rate("weightDecay", name), "float32", []),
      },
    ]),
  );
  const next: Record<string, Tensor> = {};
  const values = new Map<string, Tensor>();
  parameters.forEach(({ name, shape, tensor }, i) => {
    const slots = Object.fromEntries(
      Object.entries(optimizer.slots(shape)).map(([slot, size]) => [
        slot,
        input(names.slot(slot, name), "float32", size),
      ]),
    );
    const { name: groupName, ...fixed } = group(name);
    const rates = (groupName !== undefined && inputs.get(groupName)) || fixed;
    const update = optimizer.update({ value: tensor, gradient: grads[i]!, clip: waited, slots, scalars, ...rates });
    next[name] = update.value;
    values.set(name, update.value);
    for (const [slot, value] of Object.entries(update.slots)) next[names.slot(slot, name)] = value;
  });
  return { norm, next, values };
}

interface Next {
  readonly variable: StateVariable;
  readonly next: Tensor;
}

const forwardNext = ({ state = [] }: StepGraphOptions): Next[] =>
  state.flatMap((variable) => (typeof variable.next === "function" ? [] : [{ variable, next: variable.next }]));

/**
 * What is handed back and what replaces state, made values of their own where they are nothing but the memory of
 * another variable or weight, which may be written before they are read.
 */
function separate(
  { parameters, state = [] }: StepGraphOptions,
  outputs: Readonly<Record<string, Tensor>>,
  nexts: readonly Next[],
): { outputs: Record<string, Tensor>; nexts: Next[]; live: Tensor[] } {
  const live = [...parameters, ...state].map(({ tensor }) => tensor);
  const { memory } = readersOf(live, nodesOf([...Object.values(outputs), ...nexts.map(({ next }) => next)]));
  const own = (value: Tensor, replaced?: Tensor) => {
    const root = memory(value);
    return root === undefined || root === replaced ? value : onceKnown(never(value), value);
  };
  return {
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, own(value)])),
    nexts: nexts.map(({ variable, next }) => ({ variable, next: own(next, variable.tensor) })),
    live,
  };
}

/** The variables' outputs: each waits for every node of the graph that reads the old value. */
function nextState(nexts: readonly Next[], live: readonly Tensor[], all: readonly Tensor[], roots: readonly Tensor[]) {
  if (nexts.length === 0) return {};
  const readers = readersOf(live, nodesOf([...all, ...nexts.map(({ next }) => next)]));
  const others = [...roots, ...nexts.map(({ next }) => next)];
  return Object.fromEntries(
    nexts.map(({ variable, next }) => {
      const wait = waitFor(readers.of(variable.tensor), next, others);
      const copied = mayOverwrite(next, variable.tensor, readers) ? next : onceKnown(never(next), next);
      return [stateName(variable), wait ? onceKnown(wait, copied) : copied];
    }),
  );
}

const named = (next: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(next).map(([name, value]) => [names.next + name, value]));

/** Forward, backward and update in one graph. */
export function fusedStepGraph(options: StepGraphOptions): Graph {
  const { loss, parameters, state = [] } = options;
  const grads = gradientsOf(options);
  const norm = normOf(grads);
  const { outputs, nexts, live } = separate(options, { loss, ...prefixed(options.outputs) }, forwardNext(options));
  const roots = [...Object.values(outputs), ...nexts.map(({ next }) => next)];
  // The norm waits for all that the gradients read; a loss that is linear in a weight, and what is not differentiated,
  // may read weights besides.
  const readers = readersOf(live, nodesOf([norm, ...roots]));
  const reading = new Set(parameters.flatMap(({ tensor }) => [...readers.of(tensor)]));
  const wait = waitFor(reading, norm, roots);
  const update = updates(options, grads, norm, wait);
  const after = nextAfterUpdate(state, update.values);
  const all = [norm, ...roots, ...Object.values(update.next)];
  const states = nextState([...nexts, ...after], live, all, [norm, ...Object.values(outputs)]);
  return graph({ ...outputs, [names.norm]: norm, ...named(update.next), ...named(states) });
}

/** Forward and backward: gradients added to what was there. Weights stay as they are. */
export function accumulateGraph(options: StepGraphOptions): Graph {
  const { loss, parameters } = options;
  const grads = gradientsOf(options);
  const sums = Object.fromEntries(
    parameters.map(({ name, shape }, i) => [
      names.sum(name),
      o.add(input(names.sum(name), "float32", shape), grads[i]!),
    ]),
  );
  const { outputs, nexts, live } = separate(options, { loss, ...prefixed(options.outputs) }, forwardNext(options));
  const roots = Object.values(outputs);
  const states = nextState(nexts, live, [...roots, ...Object.values(sums)], roots);
  return graph({ ...outputs, ...named(sums), ...named(states) });
}

/** The update alone, from gradients given. */
export function updateGraph(options: StepGraphOptions): Graph {
  const { parameters, state = [] } = options;
  const grads = parameters.map(({ name, shape }) => input(names.sum(name), "float32", shape));
  const norm = normOf(grads);
  const update = updates(options, grads, norm);
  const live = state.map(({ tensor }) => tensor);
  const after = nextAfterUpdate(state, update.values);
  const states = nextState(after, live, [norm, ...Object.values(update.next)], [norm]);
  return graph({ [names.norm]: norm, ...named(update.next), ...named(states) });
}
