/** What Python does with values: truth, equality, order, membership, iteration, str() and repr(). */
import { Scalar } from "../data/values.ts";
import type { Budget } from "./budget.ts";
import {
  Attributes,
  Callable,
  comparable,
  Dict,
  getItem,
  isFloat,
  isInt,
  List,
  Namespace,
  numberOf,
  Once,
  type PyValue,
  Range,
  raise,
  Tuple,
  typeName,
  Undefined,
  View,
} from "./objects.ts";
import type { Rules } from "./rules.ts";

/** Whether the text holds characters that JavaScript counts as two. */
const wide = (text: string): boolean => /[\ud800-\udfff]/.test(text);
/** A text's code points, each a text. */
export const characters = (text: string): string[] => (wide(text) ? [...text] : text.split(""));
export const lengthOf = (text: string): number => (wide(text) ? [...text].length : text.length);

export function truthy(value: PyValue): boolean {
  if (value === null || value instanceof Undefined) return false;
  if (typeof value === "boolean") return value;
  if (typeof value === "string") return value !== "";
  const number = comparable(value);
  if (number !== undefined) return number !== 0;
  if (value instanceof Scalar) return !/^b(''|"")$/.test(value.repr);
  if (value instanceof List || value instanceof Tuple) return value.items.length > 0;
  if (value instanceof Dict) return value.entries.size > 0;
  if (value instanceof View) return value.dict.entries.size > 0;
  return value instanceof Range ? value.length > 0 : true;
}

function numbersEqual(a: PyValue, b: PyValue): boolean | undefined {
  const [x, y] = [comparable(a), comparable(b)];
  if (x === undefined || y === undefined) return undefined;
  if (typeof a === "bigint" && typeof b === "bigint") return a === b;
  // JavaScript compares a whole number of any size with a double exactly.
  // biome-ignore lint/suspicious/noDoubleEquals: bigint == number is the exact comparison
  return (typeof a === "bigint" ? a : x) == (typeof b === "bigint" ? b : y);
}

export function equals(a: PyValue, b: PyValue, budget: Budget): boolean {
  budget.step();
  if (typeof a === "string" && typeof b === "string") {
    if (a.length === b.length) budget.text(a.length);
    return budget.rules.plain(a) === budget.rules.plain(b);
  }
  if (a instanceof Scalar && b instanceof Scalar && a.repr === b.repr) return true;
  const numbers = numbersEqual(a, b);
  if (numbers !== undefined) return numbers;
  if (a instanceof List ? b instanceof List : a instanceof Tuple && b instanceof Tuple) {
    const [left, right] = [(a as List).items, (b as List).items];
    return left.length === right.length && left.every((item, i) => equals(item, right[i]!, budget));
  }
  if (a instanceof Dict && b instanceof Dict) {
    if (a.entries.size !== b.entries.size) return false;
    return [...a.entries].every(([hash, [, item]]) => {
      const other = b.entries.get(hash);
      return other !== undefined && equals(item, other[1], budget);
    });
  }
  if (a instanceof Range && b instanceof Range) {
    if (a.length !== b.length || a.length === 0) return a.length === b.length;
    return a.start === b.start && (a.length === 1 || a.step === b.step);
  }
  if (a instanceof View && b instanceof View && a.kind !== "values" && b.kind === a.kind) {
    const [left, right] = [list(a, budget), list(b, budget)];
    return left.length === right.length && left.every((item) => right.some((other) => equals(item, other, budget)));
  }
  if (a instanceof Undefined) return b instanceof Undefined;
  return a === b;
}

/** Texts by code point: JavaScript alone compares UTF-16 units, which differs beyond U+FFFF. */
function compareText(a: string, b: string): number {
  if (!wide(a) && !wide(b)) return a < b ? -1 : a > b ? 1 : 0;
  const [left, right] = [[...a], [...b]];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Below 0, 0 or above 0; NaN where neither is smaller. `operator` is for the message. */
export function compare(a: PyValue, b: PyValue, budget: Budget, operator = "<"): number {
  budget.step();
  const [x, y] = [comparable(a), comparable(b)];
  if (x !== undefined && y !== undefined) {
    const [left, right] = [typeof a === "bigint" ? a : x, typeof b === "bigint" ? b : y];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
    return left < right ? -1 : left > right ? 1 : 0;
  }
  // Dates and times of one column: the order of what is printed.
  if (a instanceof Scalar && b instanceof Scalar && a.type === b.type && a.type.startsWith("datetime.")) {
    return compareText(a.text, b.text);
  }
  if (typeof a === "string" && typeof b === "string") {
    budget.text(Math.max(a.length, b.length));
    return compareText(budget.rules.plain(a), budget.rules.plain(b));
  }
  if ((a instanceof List && b instanceof List) || (a instanceof Tuple && b instanceof Tuple)) {
    const length = Math.min(a.items.length, b.items.length);
    for (let i = 0; i < length; i++) {
      if (!equals(a.items[i]!, b.items[i]!, budget)) return compare(a.items[i]!, b.items[i]!, budget, operator);
    }
    return a.items.length - b.items.length;
  }
  refuseUndefined(a, b);
  return raise(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

/** A value that is not there can be printed and tested, and nothing else. */
export function refuseUndefined(...values: readonly PyValue[]): void {
  for (const value of values) if (value instanceof Undefined) raise(value.why);
}

function* listItems(items: { readonly items: readonly PyValue[] }): Generator<PyValue> {
  // By index, so that what a loop appends is gone through too, as in Python.
  for (let i = 0; i < items.items.length; i++) yield items.items[i]!;
}

function* dictItems(dict: Dict, kind: View["kind"]): Generator<PyValue> {
  const size = dict.entries.size;
  for (const [key, value] of dict.entries.values()) {
    if (dict.entries.size !== size) raise("dictionary changed size during iteration");
    yield kind === "keys" ? key : kind === "values" ? value : new Tuple([key, value]);
  }
}

function* rangeItems({ start, step, length }: Range): Generator<PyValue> {
  for (let i = 0; i < length; i++) yield start + i * step;
}

function iterator(value: PyValue): Iterable<PyValue> {
  if (typeof value === "string") return characters(value);
  if (value instanceof List || value instanceof Tuple) return listItems(value);
  if (value instanceof Dict) return dictItems(value, "keys");
  if (value instanceof View) return dictItems(value.dict, value.kind);
  if (value instanceof Range) return rangeItems(value);
  if (value instanceof Once) return { [Symbol.iterator]: () => ({ next: () => value.values.next() }) };
  if (value instanceof Undefined) return [];
  return raise(`'${typeName(value)}' object is not iterable`);
}

/** Go through a value, a step an item. */
export function* iterate(value: PyValue, budget: Budget): Generator<PyValue> {
  for (const item of iterator(value)) {
    budget.step();
    yield item;
  }
}

/** Python's list(). */
export const list = (value: PyValue, budget: Budget): PyValue[] => [...iterate(value, budget)];

/** Whether Python can go through it. */
export const isIterable = (value: PyValue): boolean =>
  typeof value === "string" || [List, Tuple, Dict, View, Range, Once, Undefined].some((type) => value instanceof type);

/** Python's len(). */
export function size(value: PyValue): number {
  if (typeof value === "string") return lengthOf(value);
  if (value instanceof List || value instanceof Tuple) return value.items.length;
  if (value instanceof Dict) return value.entries.size;
  if (value instanceof View) return value.dict.entries.size;
  if (value instanceof Range) return value.length;
  if (value instanceof Undefined) return 0;
  return raise(`object of type '${typeName(value)}' has no len()`);
}

/** Python's `item in container`. */
export function contains(container: PyValue, item: PyValue, budget: Budget): boolean {
  if (typeof container === "string") {
    refuseUndefined(item);
    if (typeof item !== "string") {
      return raise(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    }
    budget.text(container.length);
    return budget.rules.plain(container).includes(budget.rules.plain(item));
  }
  if (typeof item === "string") budget.text(item.length);
  const key = typeof item === "string" ? budget.rules.plain(item) : item;
  if (container instanceof Dict) return getItem(container, key) !== undefined;
  if (container instanceof View && container.kind === "keys") return getItem(container.dict, key) !== undefined;
  if (!isIterable(container)) raise(`argument of type '${typeName(container)}' is not iterable`);
  for (const other of iterate(container, budget)) if (equals(item, other, budget)) return true;
  return false;
}

/** A float as Python prints it: the shortest digits that read back, with an exponent below 1e-4 and from 1e16. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [mantissa = "", power = ""] = value.toExponential().split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const sign = value < 0 ? "-" : "";
  const digits = mantissa.replace(/[-.]/g, "");
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}

const unprintable = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

function quoted(text: string, { plain }: Rules): string {
  const whole = plain(text);
  const quote = whole.includes("'") && !whole.includes('"') ? '"' : "'";
  let out = "";
  for (const given of text) {
    const char = plain(given);
    const code = char.codePointAt(0)!;
    if (char === quote || char === "\\") out += `\\${given}`;
    else if (char === "\n") out += "\\n";
    else if (char === "\r") out += "\\r";
    else if (char === "\t") out += "\\t";
    else if (!unprintable.test(char)) out += given;
    else if (code < 0x100) out += `\\x${code.toString(16).padStart(2, "0")}`;
    else if (code < 0x10000) out += `\\u${code.toString(16).padStart(4, "0")}`;
    else out += `\\U${code.toString(16).padStart(8, "0")}`;
  }
  return quote + out + quote;
}

/** Python's repr(). What prints an address in Python is refused: no two runs would agree on it. */
export function repr(value: PyValue, budget: Budget, around: readonly PyValue[] = []): string {
  budget.step();
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (isInt(value)) return String(value);
  if (isFloat(value)) return floatText(numberOf(value)!);
  if (typeof value === "string") {
    budget.text(value.length);
    return quoted(value, budget.rules);
  }
  if (value instanceof Scalar) {
    budget.text(value.repr.length);
    return value.repr;
  }
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof Range) {
    const { start, stop, step } = value;
    return `range(${start}, ${stop}${step === 1 ? "" : `, ${step}`})`;
  }
  if (value instanceof Once || value instanceof Callable || value instanceof Attributes) {
    return raise(`a ${typeName(value)} cannot be printed; "| list" makes a list of a generator`);
  }
  const inner = [...around, value];
  const item = (other: PyValue): string => repr(other, budget, inner);
  const again = around.includes(value);
  if (value instanceof List) return again ? "[...]" : `[${value.items.map(item).join(", ")}]`;
  if (value instanceof Tuple) {
    return again ? "(...)" : `(${value.items.map(item).join(", ")}${value.items.length === 1 ? "," : ""})`;
  }
  if (value instanceof View) return `dict_${value.kind}([${list(value, budget).map(item).join(", ")}])`;
  const entries: (readonly [PyValue, PyValue])[] =
    value instanceof Dict ? [...value.entries.values()] : [...(value as Namespace).values];
  const body = again ? "{...}" : `{${entries.map(([key, other]) => `${item(key)}: ${item(other)}`).join(", ")}}`;
  return value instanceof Namespace ? `<Namespace ${body}>` : body;
}

/** Python's str(). */
export function str(value: PyValue, budget: Budget): string {
  if (typeof value === "string") return value;
  if (value instanceof Undefined) return "";
  if (value instanceof Scalar) {
    budget.text(value.text.length);
    return value.text;
  }
  return repr(value, budget);
}

/** A whole number for an index or a count. */
export function index(value: PyValue, what = "indices"): number {
  refuseUndefined(value);
  if (typeof value === "boolean") return Number(value);
  if (isInt(value)) return Number(value);
  return raise(`${what} must be integers, not '${typeName(value)}'`);
}

/** Where a slice begins, ends and steps, for a sequence of this length: Python's slice.indices(). */
export function sliceIndices(
  length: number,
  bounds: readonly [PyValue, PyValue, PyValue],
): { start: number; step: number; count: number } {
  const given = bounds.map((bound) => {
    if (bound === null) return null;
    refuseUndefined(bound);
    if (typeof bound !== "boolean" && !isInt(bound)) {
      return raise("slice indices must be integers or None or have an __index__ method");
    }
    return Number(bound);
  });
  const step = given[2] ?? 1;
  if (step === 0) raise("slice step cannot be zero");
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const clamp = (bound: number | null | undefined, missing: number) =>
    bound == null ? missing : Math.min(Math.max(bound < 0 ? bound + length : bound, low), high);
  const start = clamp(given[0], step > 0 ? low : high);
  const stop = clamp(given[1], step > 0 ? high : low);
  return { start, step, count: Math.max(0, Math.ceil((stop - start) / step)) };
}

/** Python's `value[start:stop:step]`. */
export function slice(value: PyValue, bounds: readonly [PyValue, PyValue, PyValue], budget: Budget): PyValue {
  refuseUndefined(value);
  const items =
    typeof value === "string"
      ? characters(value)
      : value instanceof List || value instanceof Tuple
        ? value.items
        : undefined;
  if (value instanceof Range) {
    const { start, step, count } = sliceIndices(value.length, bounds);
    const first = value.start + start * value.step;
    return new Range(first, first + count * step * value.step, step * value.step);
  }
  if (!items) {
    return raise(
      value instanceof Dict ? "unhashable type: 'slice'" : `'${typeName(value)}' object is not subscriptable`,
    );
  }
  const { start, step, count } = sliceIndices(items.length, bounds);
  if (typeof value === "string") budget.text(value.length);
  else budget.step(count);
  const picked = Array.from({ length: count }, (_, i) => items[start + i * step]!);
  if (typeof value === "string") return picked.join("");
  return value instanceof List ? new List(picked) : new Tuple(picked);
}

/** The item an index names, counted from the end when negative; undefined when there is none. */
export function at(value: PyValue, given: PyValue): PyValue | undefined {
  if (value instanceof Dict) return getItem(value, given);
  if (typeof given !== "boolean" && !isInt(given)) return undefined;
  const n = Number(given);
  if (value instanceof Range) {
    const place = n < 0 ? n + value.length : n;
    return place >= 0 && place < value.length ? value.start + place * value.step : undefined;
  }
  if (typeof value === "string") return characters(value).at(n);
  return value instanceof List || value instanceof Tuple ? value.items.at(n) : undefined;
}
