/** What an expression can be while a template runs: Python's objects, none of which can reach into JavaScript's. */
import { Float, Pair, type Row, Scalar, type Value } from "../data/values.ts";

export class List {
  items: PyValue[];
  constructor(items: PyValue[]) {
    this.items = items;
  }
}

export class Tuple {
  readonly items: readonly PyValue[];
  constructor(items: readonly PyValue[]) {
    this.items = items;
  }
}

/** What groupby gives: a pair whose halves also have names. */
export class Group extends Tuple {}

/** A dictionary: by the text of {@link hashKey}, so that 1, 1.0 and True are one key. */
export class Dict {
  readonly entries = new Map<string, [PyValue, PyValue]>();
}

/** keys(), values() and items() of a dictionary: they follow its changes. */
export class View {
  readonly dict: Dict;
  readonly kind: "keys" | "values" | "items";
  constructor(dict: Dict, kind: View["kind"]) {
    this.dict = dict;
    this.kind = kind;
  }
}

export class Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
  readonly length: number;
  constructor(start: number, stop: number, step: number) {
    this.start = start;
    this.stop = stop;
    this.step = step;
    this.length = Math.max(0, Math.ceil((stop - start) / step));
  }
}

/** Something that can be gone through once: a generator, zip(). */
export class Once {
  readonly type: string;
  readonly values: Iterator<PyValue>;
  constructor(type: string, values: Iterable<PyValue>) {
    this.type = type;
    this.values = values[Symbol.iterator]();
  }
}

/** A name, attribute or item that is not there. Prints as nothing; anything else done with it fails with `why`. */
export class Undefined {
  readonly why: string;
  constructor(why: string) {
    this.why = why;
  }
}

export class Namespace {
  readonly values = new Map<string, PyValue>();
}

export interface CallArguments {
  readonly positional: readonly PyValue[];
  readonly keywords: ReadonlyMap<string, PyValue>;
}

/** A function, method or macro. */
export class Callable {
  readonly name: string;
  readonly call: (args: CallArguments) => PyValue;
  constructor(name: string, call: (args: CallArguments) => PyValue) {
    this.name = name;
    this.call = call;
  }
}

/** An object with attributes of its own, read only: `loop`, `cycler`. */
export class Attributes {
  readonly type: string;
  readonly get: (name: string) => PyValue | undefined;
  /** When it is called: recursive loops. */
  readonly call: ((args: CallArguments) => PyValue) | undefined;
  constructor(type: string, get: Attributes["get"], call?: Attributes["call"]) {
    this.type = type;
    this.get = get;
    this.call = call;
  }
}

export type PyValue =
  | null
  | boolean
  | number
  | bigint
  | Float
  | Scalar
  | string
  | List
  | Tuple
  | Dict
  | View
  | Range
  | Once
  | Undefined
  | Namespace
  | Callable
  | Attributes;

/** A mistake an expression makes, not yet with its place; what evaluates the expression adds that. */
export class PythonError extends Error {
  /** "too_long" for what exceeds a limit, else "bad_input". */
  readonly code: "bad_input" | "too_long";
  constructor(message: string, code: "bad_input" | "too_long" = "bad_input") {
    super(message);
    this.name = "PythonError";
    this.code = code;
  }
}

export function raise(message: string): never {
  throw new PythonError(message);
}

export const isFloat = (value: PyValue): value is number | Float =>
  value instanceof Float || (typeof value === "number" && !Number.isInteger(value));

export const isInt = (value: PyValue): value is number | bigint =>
  typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value));

/** Python's name of a value's type. */
export function typeName(value: PyValue): string {
  if (value === null) return "NoneType";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "str";
  if (isInt(value)) return "int";
  if (isFloat(value)) return "float";
  if (value instanceof List) return "list";
  if (value instanceof Tuple) return "tuple";
  if (value instanceof Dict) return "dict";
  if (value instanceof View) return `dict_${value.kind}`;
  if (value instanceof Range) return "range";
  if (value instanceof Once || value instanceof Attributes || value instanceof Scalar) return value.type;
  if (value instanceof Undefined) return "Undefined";
  return value instanceof Namespace ? "Namespace" : "function";
}

/** A number of any of Python's three types that count as numbers, as a double. */
export function numberOf(value: PyValue): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "boolean" || typeof value === "bigint") return Number(value);
  return value instanceof Float ? value.value : undefined;
}

/** What is compared as a number: also a Decimal, with which nothing is computed here. */
export const comparable = (value: PyValue): number | undefined =>
  value instanceof Scalar && value.type === "decimal.Decimal" ? Number(value.text) : numberOf(value);

const longestKey = 100_000;

/** What makes two keys the same key, as text. */
export function hashKey(value: PyValue): string {
  if (value === null) return "none";
  if (typeof value === "string") return `s${value}`;
  const number = numberOf(value);
  if (typeof value === "bigint") return `n${value}`;
  if (number !== undefined) return `n${Object.is(number, -0) ? 0 : Number.isInteger(number) ? BigInt(number) : number}`;
  if (value instanceof Tuple) {
    let text = "t";
    for (const item of value.items) {
      const part = hashKey(item);
      text += `${part.length}:${part}`;
      // Tuples of the same tuples grow without end; no key of data comes near.
      if (text.length > longestKey) throw new PythonError("a key that is too large", "too_long");
    }
    return text;
  }
  if (value instanceof Undefined) return "undefined";
  if (value instanceof Scalar) return `o${value.repr}`;
  return raise(`unhashable type: '${typeName(value)}'`);
}

export function dictOf(entries: Iterable<readonly [PyValue, PyValue]>): Dict {
  const dict = new Dict();
  for (const [key, value] of entries) setItem(dict, key, value);
  return dict;
}

/** A key that is there keeps its place and its first spelling. */
export function setItem(dict: Dict, key: PyValue, value: PyValue): void {
  const hash = hashKey(key);
  const entry = dict.entries.get(hash);
  if (entry) entry[1] = value;
  else dict.entries.set(hash, [key, value]);
}

export const getItem = (dict: Dict, key: PyValue): PyValue | undefined => dict.entries.get(hashKey(key))?.[1];

/** Data as the evaluator's own objects, copied: a template that appends to a list changes no row. */
export function fromValue(value: Value): PyValue {
  if (Array.isArray(value)) return new List(value.map(fromValue));
  if (value instanceof Map) return dictOf([...(value as Row)].map(([key, item]) => [key, fromValue(item)]));
  if (value instanceof Pair) return new Tuple(value.items.map(fromValue));
  return value as Exclude<Value, Pair | readonly Value[] | Row>;
}
