/**
 * What a row of a data set holds, with the kinds of numbers that text shows apart: 1 is an integer and 1.0 is not, and
 * 64-bit integers are exact. Integers are `number` where that is exact and `bigint` beyond; a `number` that is no
 * integer is a float, and a float without a fraction is a {@link Float}.
 */
import { fail } from "../errors.ts";

/** A float whose value has no fraction: 1.0, 1e20. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

export type Value = null | boolean | number | bigint | Float | string | readonly Value[] | ReadonlyMap<string, Value>;

export type Row = ReadonlyMap<string, Value>;

const number = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const text = /"(?:[^"\\]|\\.)*"/y;
const space = /[ \t\r\n]*/y;

function numberOf(source: string, isFloat: boolean): Value {
  const value = Number(source);
  if (isFloat) return Number.isInteger(value) ? new Float(value) : value;
  return Number.isSafeInteger(value) ? value : BigInt(source);
}

/** JSON.parse has checked the text; this reads it again with its numbers as they are written. */
function exactly(source: string): Value {
  let at = 0;
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const found = pattern.exec(source)!;
    at += found[0].length;
    return found;
  };
  const read = (): Value => {
    take(space);
    const char = source[at]!;
    if (char === "{" || char === "[") {
      const close = char === "{" ? "}" : "]";
      const entries: [string, Value][] = [];
      at++;
      for (take(space); source[at] !== close; take(space)) {
        if (source[at] === ",") at++;
        take(space);
        let key = "";
        if (char === "{") {
          key = JSON.parse(take(text)[0]) as string;
          take(space);
          at++;
        }
        entries.push([key, read()]);
      }
      at++;
      return char === "{" ? new Map(entries) : entries.map(([, value]) => value);
    }
    if (char === '"') return JSON.parse(take(text)[0]) as string;
    for (const [word, value] of [
      ["true", true],
      ["false", false],
      ["null", null],
    ] as const) {
      if (!source.startsWith(word, at)) continue;
      at += word.length;
      return value;
    }
    const [digits, fraction, exponent] = take(number);
    return numberOf(digits, fraction !== undefined || exponent !== undefined);
  };
  return read();
}

function fromPlain(value: unknown): Value {
  if (Array.isArray(value)) return value.map(fromPlain);
  if (value instanceof Float || value instanceof Map) return value as Value;
  if (typeof value === "object" && value !== null) {
    return new Map(Object.entries(value).map(([key, inner]) => [key, fromPlain(inner)]));
  }
  return (value ?? null) as Value;
}

/** A row of one line of JSON. @throws bad_input when it is no JSON object */
export function rowFromJson(line: string): Row {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    return fail("bad_input", `no valid JSON (${(cause as Error).message.slice(0, 200)})`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return fail("bad_input", "expected a JSON object");
  }
  // Only a fraction, an exponent or many digits can be lost.
  return (/\d[.eE]|\d{16}/.test(line) ? exactly(line) : fromPlain(value)) as Row;
}

/** A row of a plain object; its numbers are integers where they have no fraction. */
export function rowFromObject(object: Readonly<Record<string, unknown>>): Row {
  return fromPlain(object) as Row;
}
