/** A graph: named outputs and everything they need, in an order in which it can be computed. */
import { fail } from "../errors.ts";
import { showShape } from "./dims.ts";
import type { InputNode, Node, OpNode, ParameterNode, Tensor } from "./tensor.ts";

export interface Graph<O extends string = string> {
  readonly outputs: Readonly<Record<O, Tensor>>;
  readonly inputs: readonly InputNode[];
  readonly parameters: readonly ParameterNode[];
  /** All nodes the outputs depend on, each after its inputs. Nothing else is in the graph. */
  readonly nodes: readonly Node[];
}

/** Collect what the outputs need. Names of inputs, parameters and outputs must be unambiguous. */
export function graph<O extends string>(outputs: Readonly<Record<O, Tensor>>): Graph<O> {
  const seen = new Set<Node>();
  const stack: Node[] = Object.values<Tensor>(outputs).map(({ node }) => node);
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (seen.has(node)) continue;
    seen.add(node);
    if (node.kind === "op") for (const { node: source } of node.inputs) if (!seen.has(source)) stack.push(source);
  }
  const nodes = [...seen].sort((a, b) => a.id - b.id);
  const names = new Set<string>();
  for (const node of nodes) {
    if (node.kind !== "input" && node.kind !== "parameter") continue;
    if (names.has(node.name)) fail("wrong_use", `two different inputs or parameters are called "${node.name}"`);
    names.add(node.name);
  }
  for (const name of Object.keys(outputs)) {
    if (names.has(name)) fail("wrong_use", `an output and an input are both called "${name}"`);
  }
  return {
    outputs,
    nodes,
    inputs: nodes.filter((node) => node.kind === "input"),
    parameters: nodes.filter((node) => node.kind === "parameter"),
  };
}

const label = (value: Tensor): string => {
  const { node } = value;
  if (node.kind === "input" || node.kind === "parameter") return node.name;
  if (node.kind === "constant") {
    const { data } = node.value;
    return data.length === 1 ? String(data[0]) : `const${node.id}`;
  }
  return node.outputs.length > 1 ? `%${node.id}.${value.index}` : `%${node.id}`;
};

function showAttributes(node: OpNode): string {
  const shown = Object.entries(node.attributes).map(([key, value]) => {
    const text = typeof value === "function" ? value.name || "function" : String(value);
    return `${key}=${Array.isArray(value) ? `[${value.join(",")}]` : text}`;
  });
  return shown.length > 0 ? ` {${shown.join(" ")}}` : "";
}

/** A readable listing: one line a node, with dtype and shape. */
export function dump(g: Graph): string {
  const lines = g.nodes.flatMap((node): string[] => {
    const type = (value: Tensor) => `${value.dtype}${showShape(value.shape)}`;
    if (node.kind === "input" || node.kind === "parameter") {
      return [`${node.kind} ${node.name}: ${type(node.outputs[0]!)}`];
    }
    if (node.kind === "constant") {
      return node.value.data.length === 1 ? [] : [`const${node.id}: ${type(node.outputs[0]!)}`];
    }
    const results = node.outputs.map((value) => `${label(value)}: ${type(value)}`).join(", ");
    return [`${results} = ${node.op}(${node.inputs.map(label).join(", ")})${showAttributes(node)}`];
  });
  const outputs = Object.entries<Tensor>(g.outputs).map(([name, value]) => `output ${name} = ${label(value)}`);
  return [...lines, ...outputs].join("\n");
}
