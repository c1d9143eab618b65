/** The rules of every operator: a total table of all kinds, and readers by what they read. */
import type { Reader } from "../onnx/node-reader.ts";
import type { OpName } from "../tensor.ts";
import attention from "./attention.ts";
import constants from "./constants.ts";
import elementwise from "./elementwise.ts";
import indexing from "./indexing.ts";
import norms from "./norms.ts";
import ownGradients from "./own-gradients.ts";
import products from "./products.ts";
import quantized from "./quantized.ts";
import reductions from "./reductions.ts";
import rotary from "./rotary.ts";
import type { Row, Rows } from "./row.ts";
import shapes from "./shapes.ts";
import windows from "./windows.ts";

export const rules: Required<Rows> = {
  ...elementwise,
  ...reductions,
  ...shapes,
  ...indexing,
  ...constants,
  ...products,
  ...quantized,
  ...windows,
  ...norms,
  ...attention,
  ...rotary,
  ...ownGradients,
};

/** The row of an operator whose name is only known when running. */
export const rowOf = (op: OpName): Row<OpName> => rules[op] as unknown as Row<OpName>;

const named = (op: string, { read }: Pick<Row<OpName>, "read">): Readonly<Record<string, Reader>> =>
  typeof read === "function" ? { [op]: read } : (read ?? {});

/** Readers by "domain:name"; a map, since the names come from files. */
export const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  [":Identity", (node) => [node.tensor(0)]],
  ...Object.keys(rules).flatMap((op) =>
    Object.entries(named(op, rowOf(op as OpName))).map(([name, read]): [string, Reader] => [
      name.includes(":") ? name : `:${name}`,
      read,
    ]),
  ),
]);
