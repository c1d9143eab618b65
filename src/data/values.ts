/**
 * What a data row holds, as Python would hold it. Templates print values, so 1 and 1.0 must stay apart, 64-bit whole
 * numbers must stay exact, and a dictionary is a Map: no key of a row can reach into an object.
 */
import { fail } from "../errors.ts";

/** A number of Python's float type whose value is whole: prints as `1.0`. Other floats are plain numbers. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/**
 * A value of one of Python's types that have no counterpart here: dates and times, Decimal, bytes, UUID. It is held as
 * Python prints it, `text` by itself and `repr` within a list, and equals whatever has the same type and repr.
 */
export class Scalar {
  readonly type: string;
  readonly text: string;
  readonly repr: string;
  constructor(type: string, text: string, repr: string) {
    this.type = type;
    this.text = text;
    this.repr = repr;
  }
  toJSON(): string {
    return this.text;
  }
}

/** One entry of a map column: Python has a tuple of key and value there. */
export class Pair {
  readonly items: readonly [Value, Value];
  constructor(items: readonly [Value, Value]) {
    this.items = items;
  }
}

/** A whole `number` or a `bigint` is Python's int; any other `number`, or a {@link Float}, its float. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | Float
  | string
  | Scalar
  | Pair
  | readonly Value[]
  | ReadonlyMap<string, Value>;
export type Row = ReadonlyMap<string, Value>;

/** A Python float of this value. */
export const float = (value: number): number | Float => (Number.isInteger(value) ? new Float(value) : value);

/** A Python int of this value: a plain number where that is exact. */
export function int(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const deepest = 200;
const space = /[ \t\n\r]*/y;
const numberText = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;

/** Where the text that begins with a quotation mark at `at` ends; -1 for none. A pattern would overflow its stack in a long one. */
function endOfText(text: string, at: number): number {
  if (text[at] !== '"') return -1;
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
  return -1;
}

const constants: readonly (readonly [string, Value])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
];

interface Parsed {
  readonly value: Value;
  /** Text of the member `id` of an object, as written. */
  readonly id: string | undefined;
}

/**
 * One JSON value as Python's json module reads it: `1.0` and `1e3` are floats, whole numbers are exact at any size,
 * NaN and the infinities are accepted, of a repeated key the last value counts.
 * @param where file and line, for messages
 * @throws bad_input with the place in the text
 */
export function valueFromJson(text: string, where = "the row"): Value {
  return parsed(text, where).value;
}

function parsed(text: string, where: string): Parsed {
  let at = 0;
  let id: string | undefined;
  const wrong = (what: string): never => fail("bad_input", `not valid JSON: ${what} at character ${at + 1}`, { where });
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at += found[0].length;
    return found;
  };
  const take = (char: string): boolean => {
    match(space);
    if (text[at] !== char) return false;
    at++;
    return true;
  };
  const string = (): string => {
    const end = endOfText(text, at);
    if (end < 0) return wrong("a text is expected, or it is never closed,");
    try {
      const read = JSON.parse(text.slice(at, end)) as string;
      at = end;
      return read;
    } catch {
      return wrong("a text with an unknown escape or a control character begins");
    }
  };
  const value = (depth: number): Value => {
    if (depth > deepest) wrong(`more than ${deepest} levels of nesting`);
    match(space);
    if (text[at] === '"') return string();
    if (take("{")) {
      const map = new Map<string, Value>();
      if (take("}")) return map;
      do {
        match(space);
        const key = string();
        if (!take(":")) wrong('":" is expected');
        match(space);
        const from = at;
        map.set(key, value(depth + 1));
        if (depth === 0 && key === "id") id = text.slice(from, at);
      } while (take(","));
      if (!take("}")) wrong('"," or "}" is expected');
      return map;
    }
    if (take("[")) {
      const list: Value[] = [];
      if (take("]")) return list;
      do list.push(value(depth + 1));
      while (take(","));
      if (!take("]")) wrong('"," or "]" is expected');
      return list;
    }
    for (const [name, meant] of constants) {
      if (!text.startsWith(name, at)) continue;
      at += name.length;
      return meant;
    }
    const number = match(numberText);
    if (!number) return wrong(at >= text.length ? "the text ends" : "a value is expected");
    if (number[1] !== undefined || number[2] !== undefined) return float(Number(number[0]));
    // Python's own limit: reading many more digits takes quadratic time.
    if (number[0].length > 4300) return wrong("a whole number of more than 4300 digits ends");
    const whole = Number(number[0]);
    return Number.isSafeInteger(whole) ? whole + 0 : BigInt(number[0]);
  };
  const result = value(0);
  match(space);
  if (at < text.length) wrong("something follows the value");
  return { value: result, id };
}

/** How the `id` of a row was written, where it was JSON: numbers have more spellings than values. */
const idTexts = new WeakMap<Row, string>();
export const idTextOf = (row: Row): string | undefined => idTexts.get(row);

/** A row from one line of JSON Lines; see {@link valueFromJson}. */
export function rowFromJson(text: string, where = "the row"): Row {
  const { value, id } = parsed(text, where);
  if (value instanceof Map) {
    if (id !== undefined) idTexts.set(value as Row, id);
    return value as Row;
  }
  const got = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
  return fail("bad_input", `expected an object, got ${got}`, { where });
}

/** A value from plain JavaScript: whole numbers are ints, `undefined` is None, objects become Maps of their own keys. */
export function valueFrom(value: unknown, depth = 0): Value {
  if (depth > deepest) fail("bad_input", `more than ${deepest} levels of nesting`, { where: "the row" });
  if (value === undefined || value === null) return null;
  if (typeof value === "boolean" || typeof value === "number" || typeof value === "string") return value;
  if (typeof value === "bigint") return int(value);
  if (value instanceof Float || value instanceof Scalar) return value;
  if (value instanceof Pair)
    return new Pair([valueFrom(value.items[0], depth + 1), valueFrom(value.items[1], depth + 1)]);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((item) => valueFrom(item, depth + 1));
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>, (item) => valueFrom(item));
  if (value instanceof Map) {
    return new Map([...value].map(([key, item]) => [String(key), valueFrom(item, depth + 1)]));
  }
  if (typeof value !== "object") return fail("bad_input", `a ${typeof value} is no data`, { where: "the row" });
  return new Map(Object.entries(value).map(([key, item]) => [key, valueFrom(item, depth + 1)]));
}

export function rowFromObject(object: Readonly<Record<string, unknown>>): Row {
  return valueFrom(object) as Row;
}

/** Columns named as a template can name them: `a-b` becomes `a_b`, as T0's code renames them. */
export function renamedColumns(row: Row): Row {
  if (![...row.keys()].some((key) => key.includes("-"))) return row;
  const renamed: Row = new Map([...row].map(([key, value]) => [key.replaceAll("-", "_"), value]));
  const id = idTexts.get(row);
  if (id !== undefined) idTexts.set(renamed, id);
  return renamed;
}

/** Rows and lists as plain objects and arrays; every other value as it is. */
export function plain(value: Value): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, inner]) => [key, plain(inner)]));
  return Array.isArray(value) ? value.map(plain) : value;
}
