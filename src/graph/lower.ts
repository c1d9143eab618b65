/** From a graph to an ONNX model: names, symbols, the rules of the operators, and nothing that no output needs. */
import { fail } from "../errors.ts";
import type { Shape } from "./dims.ts";
import type { DType } from "./dtype.ts";
import { dtypes } from "./dtype.ts";
import {
  createEmitter,
  type InitializerData,
  type Levels,
  type NodeOptions,
  type OnnxInitializer,
  type OnnxNode,
  type SymbolSources,
  type Target,
} from "./emit.ts";
import { type Graph, graph } from "./graph.ts";
import { schedule } from "./passes/schedule.ts";
import { simplify } from "./passes/simplify.ts";
import type { CompositeRow } from "./rules/row.ts";
import { rowOf } from "./rules/rules.ts";
import type { Node, OpName, OpNode, Tensor } from "./tensor.ts";

export interface OnnxValue {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface OnnxModel {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly OnnxInitializer[];
  readonly nodes: readonly OnnxNode[];
}

/** A frozen weight as stored; its dtype may differ from the graph's, a cast is then written. */
export interface BoundWeight {
  readonly dtype: DType;
  readonly data: InitializerData;
}

export interface LowerOptions {
  target: Target;
  /** The stored weight of a frozen parameter; undefined makes the parameter an input of the model. */
  weight?: (name: string, shape: readonly number[]) => BoundWeight | undefined;
  /** What the machine's products in 8 bits are exact with. Default 63, which every machine is. */
  levels?: Levels;
}

/** Which input and axis each symbol can be read from. */
function symbolSources(g: Graph): SymbolSources {
  const sources: SymbolSources = new Map();
  for (const { name, outputs } of g.inputs) {
    outputs[0]!.shape.forEach((dim, axis) => {
      if (typeof dim === "string" && /^\w+$/.test(dim) && !sources.has(dim)) sources.set(dim, { name, axis });
    });
  }
  return sources;
}

/** What counts each symbol that only values tell. Two counts under one name would be taken for one another. */
function counters(g: Graph): Map<string, Tensor> {
  const found = new Map<string, Tensor>();
  for (const node of g.nodes) {
    if (node.kind !== "op" || node.op !== "NonZero" || node.recomputed) continue;
    const { count } = (node as OpNode<"NonZero">).attributes;
    if (typeof count !== "string") continue;
    const other = found.get(count)?.node as OpNode | undefined;
    if (other && other.inputs[0] !== node.inputs[0]) fail("wrong_use", `two different counts are called "${count}"`);
    found.set(count, node.outputs[0]!);
  }
  return found;
}

/** Write the graph, simplified, as ONNX for a target. Equal nodes are merged; recomputed ones stay apart. */
export function lower(given: Graph, { target, weight, levels = 63 }: LowerOptions): OnnxModel {
  const g = simplify(given);
  const counted = counters(g);
  const emit = createEmitter({ target, levels }, symbolSources(g), (symbol) => {
    // A size may be asked for before what counts it has had its turn.
    const counter = counted.get(symbol);
    if (counter) for (const node of graph({ counter }).nodes) visit(node);
  });
  const inputs: OnnxValue[] = [];
  const done = new Set<Node>();

  const leaf = (node: Exclude<Node, OpNode>): void => {
    const value = node.outputs[0]!;
    if (node.kind === "constant") {
      emit.bind(value, emit.constant(node.value));
      return;
    }
    const bound = node.kind === "parameter" ? weight?.(node.name, value.shape as number[]) : undefined;
    emit.bind(value, node.name);
    if (!bound) {
      inputs.push({ name: node.name, dtype: value.dtype, shape: value.shape });
      return;
    }
    const cast = bound.dtype !== value.dtype;
    const name = cast ? `${node.name}.stored` : node.name;
    emit.initializers.push({ name, dtype: bound.dtype, shape: value.shape as number[], data: bound.data });
    if (cast) emit.bind(value, emit.node("Cast", [name], { to: { int: dtypes[value.dtype].onnx } })[0]!, name);
  };

  /** By the target's kernel, if it has one that takes the node, else in parts. */
  const fused = ({ fused: kernel, decompose }: CompositeRow<OpName>, node: OpNode, options: NodeOptions) => {
    const written = kernel?.on.includes(emit.target) ? kernel.lower(emit, node, options) : undefined;
    if (written) return written;
    const instead = decompose(node.inputs, node.attributes);
    for (const part of graph(Object.fromEntries(instead.map((value, i) => [`${i}`, value]))).nodes) {
      visit(part, options.fresh);
    }
    return instead.map((value) => emit.name(value));
  };

  const visit = (node: Node, fresh = false): void => {
    if (done.has(node)) return;
    done.add(node);
    if (node.kind !== "op") {
      leaf(node);
      return;
    }
    const again = fresh || node.recomputed === true;
    const options = again ? { fresh: true } : {};
    const row = rowOf(node.op);
    const written = "lower" in row ? row.lower(emit, node, options) : fused(row, node, options);
    written.forEach((name, i) => {
      if (node.outputs[i]) emit.bind(node.outputs[i], name);
    });
  };

  for (const node of g.nodes) visit(node);
  const outputs = Object.entries<Tensor>(g.outputs).map(([name, value]) => ({
    name,
    dtype: value.dtype,
    shape: value.shape,
    from: emit.name(value),
  }));
  return {
    inputs,
    outputs,
    initializers: emit.initializers,
    nodes: schedule(prune(nameOutputs(emit.nodes, outputs), outputs)),
  };
}

/** Give output tensors their public names; one that has several, or is an input, goes through Identity. */
function nameOutputs(nodes: readonly OnnxNode[], outputs: readonly { name: string; from: string }[]): OnnxNode[] {
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const renamed = new Map<string, string>();
  const copies: OnnxNode[] = [];
  for (const { name, from } of outputs) {
    if (made.has(from) && !renamed.has(from)) renamed.set(from, name);
    else copies.push({ op: "Identity", domain: "", inputs: [from], outputs: [name], attributes: {} });
  }
  const rename = (name: string) => renamed.get(name) ?? name;
  return [...nodes, ...copies].map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }));
}

/** Drop nodes whose results are not used: the runtime would compute them all the same. Unused outputs become "". */
function prune(nodes: readonly OnnxNode[], outputs: readonly { name: string }[]): OnnxNode[] {
  const needed = new Set(outputs.map(({ name }) => name));
  const kept: OnnxNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of node.inputs) needed.add(name);
    if (node.op === "Split") {
      // The number of its outputs is part of what it means: the engine refuses one that is cut short.
      kept.push(node);
      continue;
    }
    const last = node.outputs.findLastIndex((name) => needed.has(name));
    kept.push({ ...node, outputs: node.outputs.slice(0, last + 1).map((name) => (needed.has(name) ? name : "")) });
  }
  if (kept.length === 0 && nodes.length > 0) fail("internal", "no node computes an output");
  return kept.reverse();
}
