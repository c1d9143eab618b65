/** Every operator under test: a total table, so an operator without a test row does not compile. */
import fc from "fast-check";
import type { OpName } from "../../src/graph/tensor.ts";
import attention from "./cases/attention.ts";
import constants from "./cases/constants.ts";
import { type Case, drawing, type TestRow, type TestRows } from "./cases/draw.ts";
import elementwise from "./cases/elementwise.ts";
import indexing from "./cases/indexing.ts";
import norms from "./cases/norms.ts";
import ownGradients from "./cases/own-gradients.ts";
import products from "./cases/products.ts";
import quantized from "./cases/quantized.ts";
import reductions from "./cases/reductions.ts";
import rotary from "./cases/rotary.ts";
import shapes from "./cases/shapes.ts";
import windows from "./cases/windows.ts";

const rows: Required<TestRows> = {
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

const rowOf = <K extends OpName>(op: K): TestRow<K> => rows[op] as unknown as TestRow<K>;

/** Random cases of one operator. */
export const caseOf = <K extends OpName>(op: K): fc.Arbitrary<Case<K>> =>
  fc.gen().map((g) => rowOf(op).draw(drawing(g)));

/** What an operator gives, in plain numbers. */
export const referenceOf = <K extends OpName>(op: K): TestRow<K>["reference"] => rowOf(op).reference;
