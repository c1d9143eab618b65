import { expect, test } from "vitest";
import { dump, graph } from "../graph.ts";
import * as o from "../operators.ts";
import { input, type Node, parameter, type Tensor } from "../tensor.ts";
import { rewrite } from "./rewrite.ts";

const x = input("x", "float32", ["n", 4]);
const w = parameter("w", [4]);
const ops = (nodes: readonly Node[]) => nodes.flatMap((node) => (node.kind === "op" ? [node.op] : []));

test("a graph in which nothing is replaced is given back itself", () => {
  const g = graph({ y: o.exp(x) });
  expect(rewrite(g, () => undefined)).toBe(g);
  expect(rewrite(g, (node) => node.outputs)).toBe(g);
});

test("what stands above a replaced node is made again, whatever is an output too", () => {
  const e = o.exp(o.mul(x, w));
  const g = graph({ e, y: o.add(o.tanh(e), x) });
  const told: [Tensor, Tensor][] = [];
  const made = rewrite(
    g,
    ({ op }, inputs) => (op === "Exp" ? [o.sigmoid(inputs[0]!)] : undefined),
    (...pair) => told.push(pair),
  );
  expect(ops(made.nodes)).toEqual(["Mul", "Sigmoid", "Tanh", "Add"]);
  expect(ops([made.outputs.e.node])).toEqual(["Sigmoid"]);
  expect(told.map(([old, now]) => ops([old.node, now.node]))).toEqual([
    ["Exp", "Sigmoid"],
    ["Tanh", "Tanh"],
    ["Add", "Add"],
  ]);
  expect(ops(g.nodes)).toEqual(["Mul", "Exp", "Tanh", "Add"]);
});

test("all outputs of a node are replaced; inputs nobody reads stay, parameters do not", () => {
  const [a, b] = o.split(o.mul(x, w), 1, [1, 3]);
  const g = graph({ a: a!, b: o.neg(b!) });
  const rest = input("rest", "float32", ["n", 3]);
  const made = rewrite(g, (node) => (node.op === "Split" ? [o.slice(x, 1, 0, 1), rest] : undefined));
  expect(ops(made.nodes)).toEqual(["Slice", "Neg"]);
  expect(made.parameters).toEqual([]);
  const none = rewrite(g, (node) => (node.op === "Split" ? [o.slice(rest, 1, 0, 1), rest] : undefined));
  expect(none.inputs.map(({ name }) => name)).toEqual(["x", "rest"]);
  expect(none.nodes).toContain(x.node);
});

test("copies made to compute a value again stay copies", () => {
  const [again] = o.apply("Tanh", [o.exp(x)], {}, true);
  const made = rewrite(graph({ y: again! }), ({ op }, inputs) => (op === "Exp" ? inputs : undefined));
  expect(made.outputs.y.node).toMatchObject({ op: "Tanh", recomputed: true });
  expect(dump(made)).toContain("Tanh(x)");
});
