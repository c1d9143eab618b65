/** Tests: what may follow `is`. */
import { bind, type Parameters } from "./arguments.ts";
import { binary } from "./arithmetic.ts";
import { filterNames } from "./filters.ts";
import {
  Attributes,
  type CallArguments,
  Callable,
  Dict,
  isFloat,
  isInt,
  List,
  numberOf,
  PythonError,
  type PyValue,
  Range,
  Tuple,
  Undefined,
} from "./objects.ts";
import { compare, contains, equals, isIterable, str } from "./python.ts";
import type { Tools } from "./tools.ts";

type Test = (input: PyValue, args: CallArguments, tools: Tools) => boolean;

function test<const P extends Parameters>(
  names: string,
  parameters: P,
  run: (input: PyValue, bound: { readonly [K in keyof P]: PyValue }, tools: Tools) => boolean,
): (readonly [string, Test])[] {
  return names
    .split(" ")
    .map((name) => [name, (input, args, tools) => run(input, bind(`the test "${name}"`, parameters, args), tools)]);
}

const other = { other: undefined } as const;
const ordered = (names: string, operator: string, holds: (order: number) => boolean) =>
  test(names, other, (input, bound, { budget }) => holds(compare(input, bound.other, budget, operator)));
const modulo = (input: PyValue, by: PyValue, { budget }: Tools) => numberOf(binary("%", input, by, budget));

const tests: ReadonlyMap<string, Test> = new Map([
  ...test("boolean", {}, (input) => typeof input === "boolean"),
  ...test(
    "callable",
    {},
    // Python's Undefined can be called, to fail with its own message.
    (input) =>
      input instanceof Callable ||
      input instanceof Undefined ||
      (input instanceof Attributes && input.call !== undefined),
  ),
  ...test("defined", {}, (input) => !(input instanceof Undefined)),
  ...test("undefined", {}, (input) => input instanceof Undefined),
  ...test("divisibleby", { num: undefined }, (input, { num }, tools) => modulo(input, num, tools) === 0),
  ...test("even", {}, (input, _, tools) => modulo(input, 2, tools) === 0),
  ...test("odd", {}, (input, _, tools) => modulo(input, 2, tools) === 1),
  ...test("eq equalto ==", other, (input, bound, { budget }) => equals(input, bound.other, budget)),
  ...test("ne !=", other, (input, bound, { budget }) => !equals(input, bound.other, budget)),
  ...ordered("lt lessthan <", "<", (order) => order < 0),
  ...ordered("le <=", "<=", (order) => order <= 0),
  ...ordered("gt greaterthan >", ">", (order) => order > 0),
  ...ordered("ge >=", ">=", (order) => order >= 0),
  ...test("in", { seq: undefined }, (input, { seq }, { budget }) => contains(seq, input, budget)),
  ...test("true", {}, (input) => input === true),
  ...test("false", {}, (input) => input === false),
  ...test("none", {}, (input) => input === null),
  ...test("integer", {}, (input) => isInt(input)),
  ...test("float", {}, (input) => isFloat(input)),
  ...test("number", {}, (input) => numberOf(input) !== undefined),
  ...test("string", {}, (input) => typeof input === "string"),
  ...test("mapping", {}, (input) => input instanceof Dict),
  ...test("iterable", {}, (input) => isIterable(input)),
  ...test(
    "sequence",
    {},
    (input) => typeof input === "string" || [List, Tuple, Dict, Range, Undefined].some((type) => input instanceof type),
  ),
  ...test("lower", {}, (input, _, { budget }) => {
    const text = budget.rules.plain(str(input, budget));
    return text === text.toLowerCase() && text !== text.toUpperCase();
  }),
  ...test("upper", {}, (input, _, { budget }) => {
    const text = budget.rules.plain(str(input, budget));
    return text === text.toUpperCase() && text !== text.toLowerCase();
  }),
  ...test("sameas", other, (input, bound) => input === bound.other),
  ...test("filter", {}, (input) => typeof input === "string" && filterNames.has(input)),
  ...test("test", {}, (input) => typeof input === "string" && testNames.has(input)),
]);

export const testNames: ReadonlySet<string> = new Set(tests.keys());

/** Run a test by its name. */
export function applyTest(name: string, input: PyValue, args: CallArguments, tools: Tools): boolean {
  const run = tests.get(name);
  if (run) return run(input, args, tools);
  throw new PythonError(`there is no test "${name}" (there are ${[...testNames].join(", ")})`);
}
