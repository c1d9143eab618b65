/** What quantising does with each tensor, told by how the network uses it. */
import type { OpNode } from "../../graph/tensor.ts";
import type { RoundedFormat } from "../../weights/weights.ts";
import type { Architecture } from "../family.ts";
import { wholeGraph } from "./whole.ts";

export interface Uses {
  /** Left of a product, right of one as it is, right of one transposed; looked up in by rows; anything else. */
  readonly product: boolean;
  readonly turned: boolean;
  readonly lookup: boolean;
  /** The windows of a convolution; as formats go, something else too. */
  readonly convolved: boolean;
  readonly other: boolean;
}

/** How every parameter of the network is read. */
export function usesOf(model: Architecture): Map<string, Uses> {
  const uses = new Map<string, Uses>();
  const g = wholeGraph(model);
  const none: Uses = { product: false, turned: false, lookup: false, convolved: false, other: false };
  for (const { name } of g.parameters) uses.set(name, none);
  for (const node of g.nodes) {
    if (node.kind !== "op") continue;
    node.inputs.forEach(({ node: source }, place) => {
      const mark = (parameter: string, name: keyof Uses) =>
        uses.set(parameter, { ...uses.get(parameter)!, [name]: true });
      // Windows that touch and do not overlap are a product with the windows as a matrix.
      if (node.op === "MatMul" && place === 1 && source.kind === "op" && source.op === "Reshape") {
        const windows = source.inputs[0]!.node;
        if (windows.kind === "parameter") mark(windows.name, "convolved");
      }
      if (source.kind !== "parameter") return;
      const use = (name: keyof Uses) => mark(source.name, name);
      if (node.op === "Gather" && place === 0 && (node as OpNode<"Gather">).attributes.axis === 0) use("lookup");
      else if (node.op === "MatMul" && place === 1) {
        const { transA, transB } = (node as OpNode<"MatMul">).attributes;
        use(transA ? "other" : transB ? "product" : "turned");
      } else {
        if (node.op === "Conv" && place === 1) use("convolved");
        use("other");
      }
    });
  }
  return uses;
}

/**
 * Products in `bits`. A table of words is looked up in by single rows, so it is in 8 bits, and by rows where it is
 * nothing but looked up in. Small tables (positions, kinds of text), vectors, convolutions, and what the family names
 * stay as they are; second names of a tensor and an output matrix that nothing asks for are dropped.
 */
export function formatsOf(model: Architecture, bits: 8 | 4) {
  const uses = usesOf(model);
  const aliases = new Map(
    Object.entries(model.names.aliases ?? {}).flatMap(([name, others]) =>
      others.map((other) => [other, name] as const),
    ),
  );
  return (name: string, shape: readonly number[]): RoundedFormat | "keep" | "drop" => {
    const use = uses.get(name);
    if (!use) return uses.has(aliases.get(name) ?? "") || name === "lm_head.weight" ? "drop" : "keep";
    if (shape.length !== 2 || use.other || model.unquantized?.test(name)) return "keep";
    if (use.lookup) {
      const words = "vocabulary" in model && shape[0] === model.vocabulary;
      return words && !use.turned ? (use.product ? "int8" : "int8_rows") : "keep";
    }
    if (use.turned) return use.product ? "keep" : bits === 4 ? "int4_turned" : "int8_turned";
    return bits === 4 ? "int4" : "int8";
  };
}
