/** Python's arithmetic: whole numbers of any size, division towards minus infinity, rounding to even. */
import { float, int } from "../data/values.ts";
import type { Budget } from "./budget.ts";
import { fixedText } from "./decimals.ts";
import { formatPercent } from "./format.ts";
import { isFloat, isInt, List, numberOf, type PyValue, raise, Tuple, typeName } from "./objects.ts";
import { index, lengthOf, refuseUndefined } from "./python.ts";
import type { BinaryOperator } from "./syntax/syntax.ts";

/** Bits of the largest whole number that is computed with. */
const mostBits = 8192;

const big = (value: PyValue): bigint => BigInt(value as number | bigint | boolean);
const whole = (value: PyValue): boolean => isInt(value) || typeof value === "boolean";

/** Python's int(float): towards zero. */
export function truncated(value: number): number | bigint {
  if (!Number.isFinite(value)) raise(`cannot convert float ${Number.isNaN(value) ? "NaN" : "infinity"} to integer`);
  return int(BigInt(Math.trunc(value)));
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

const floatModulo = (a: number, b: number): number => {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
};

const divisor = (b: number, what: string): number => (b === 0 ? raise(what) : b);

function bounded(value: bigint): number | bigint {
  if (typeof int(value) === "bigint" && value.toString(16).length * 4 > mostBits) {
    raise(`a whole number of more than ${mostBits} bits`);
  }
  return int(value);
}

function powerOf(a: bigint, b: bigint): PyValue {
  if (b < 0n) return a === 0n ? raise("0.0 cannot be raised to a negative power") : float(Number(a) ** Number(b));
  const bits = (a < 0n ? -a : a).toString(2).length;
  if (bits > 1 && b * BigInt(bits) > mostBits) raise(`a whole number of more than ${mostBits} bits`);
  return bounded(a ** b);
}

const wholeNumbers: Readonly<Record<BinaryOperator, (a: bigint, b: bigint) => PyValue>> = {
  "+": (a, b) => bounded(a + b),
  "-": (a, b) => bounded(a - b),
  "*": (a, b) => bounded(a * b),
  "/": (a, b) => float(Number(a) / divisor(Number(b), "division by zero")),
  "//": (a, b) => int(floorDivide(a, b === 0n ? raise("integer division or modulo by zero") : b)),
  "%": (a, b) => int(a - b * floorDivide(a, b === 0n ? raise("integer modulo by zero") : b)),
  "**": powerOf,
};

const floats: Readonly<Record<BinaryOperator, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / divisor(b, "float division by zero"),
  "//": (a, b) => Math.floor(a / divisor(b, "float floor division by zero")),
  "%": (a, b) => floatModulo(a, divisor(b, "float modulo")),
  "**": (a, b) => {
    if (a === 0 && b < 0) raise("0.0 cannot be raised to a negative power");
    return a < 0 && !Number.isInteger(b) ? raise("a negative number has no real root") : a ** b;
  },
};

function repeated(value: string | List | Tuple, times: PyValue, budget: Budget): PyValue {
  const count = Math.max(0, index(times, "sequence repetitions"));
  if (typeof value === "string") {
    budget.text(value.length * count);
    return value.repeat(count);
  }
  budget.step(value.items.length * count);
  const items = Array.from({ length: count }, () => value.items).flat();
  return value instanceof List ? new List(items) : new Tuple(items);
}

const isSequence = (value: PyValue): value is string | List | Tuple =>
  typeof value === "string" || value instanceof List || value instanceof Tuple;

/** `a operator b` as Python computes it. */
export function binary(operator: BinaryOperator, a: PyValue, b: PyValue, budget: Budget): PyValue {
  refuseUndefined(a);
  if (operator === "%" && typeof a === "string") return formatPercent(a, b, budget);
  refuseUndefined(b);
  if (whole(a) && whole(b)) {
    const [x, y] = [Number(a), Number(b)];
    // Small numbers without the detour over big ones.
    if (operator === "+" && Number.isSafeInteger(x + y) && typeof a !== "bigint") return x + y;
    if (operator === "-" && Number.isSafeInteger(x - y) && typeof a !== "bigint") return x - y;
    return wholeNumbers[operator](big(a), big(b));
  }
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) return float(floats[operator](x, y));
  if (operator === "+") {
    if (typeof a === "string" && typeof b === "string") {
      budget.text(a.length + b.length);
      return a + b;
    }
    if (a instanceof List ? b instanceof List : a instanceof Tuple && b instanceof Tuple) {
      const [left, right] = [(a as List).items, (b as List).items];
      budget.step(left.length + right.length);
      return a instanceof List ? new List([...left, ...right]) : new Tuple([...left, ...right]);
    }
    if (isSequence(a)) raise(`can only concatenate ${typeName(a)} (not "${typeName(b)}") to ${typeName(a)}`);
  }
  if (operator === "*" && isSequence(a) && whole(b)) return repeated(a, b, budget);
  if (operator === "*" && isSequence(b) && whole(a)) return repeated(b, a, budget);
  const shown = operator === "**" ? "** or pow()" : operator;
  return raise(`unsupported operand type(s) for ${shown}: '${typeName(a)}' and '${typeName(b)}'`);
}

/** `-a` and `+a`. */
export function signed(operator: "+" | "-", a: PyValue): PyValue {
  refuseUndefined(a);
  if (whole(a)) return int(operator === "-" ? -big(a) : big(a));
  if (isFloat(a)) return float(operator === "-" ? -numberOf(a)! : numberOf(a)!);
  return raise(`bad operand type for unary ${operator}: '${typeName(a)}'`);
}

/** The double nearest to `value` rounded to `digits` decimals; a value exactly between two goes to the even one. */
function roundedFloat(value: number, digits: number): number {
  if (!Number.isFinite(value) || digits > 22 || Math.abs(value) >= 1e21) return value;
  if (digits < 0) {
    const scale = 10 ** -digits;
    return roundedFloat(value / scale, 0) * scale;
  }
  return Number(fixedText(value, digits));
}

/** Python's round(value, digits): ints stay ints. */
export function rounded(value: PyValue, digits: number): PyValue {
  refuseUndefined(value);
  if (whole(value)) {
    if (digits >= 0) return int(big(value));
    const scale = 10n ** BigInt(Math.min(-digits, 1000));
    const down = floorDivide(big(value), scale);
    const twice = 2n * (big(value) - down * scale);
    return int((twice > scale || (twice === scale && down % 2n !== 0n) ? down + 1n : down) * scale);
  }
  if (isFloat(value)) return float(roundedFloat(numberOf(value)!, digits));
  return raise(`type ${typeName(value)} doesn't define __round__ method`);
}

const wholeText = /^[+-]?\d+(?:_\d+)*$/;

/** Python's int(text, base); undefined where that fails. */
export function parseInteger(text: string, base: number): number | bigint | undefined {
  const plain = text.trim();
  if (plain.length > 4300) return undefined;
  if (base === 10) return wholeText.test(plain) ? int(BigInt(plain.replace(/[+_]/g, ""))) : undefined;
  const [, sign, body = ""] = /^([+-]?)(?:0[xXoObB])?([\da-zA-Z]+)$/.exec(plain) ?? [];
  const digits = [...body.toLowerCase()].map((digit) => Number.parseInt(digit, 36));
  if (digits.length === 0 || digits.some((digit) => digit >= base)) return undefined;
  const value = digits.reduce((sum, digit) => sum * BigInt(base) + BigInt(digit), 0n);
  return int(sign === "-" ? -value : value);
}

/** Python's float(text); undefined where that fails. */
export function parseFloatText(text: string): number | undefined {
  const plain = text.trim().replace(/(?<=\d)_(?=\d)/g, "");
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(plain)) return Number(plain);
  const named = /^([+-]?)(?:(inf|infinity)|(nan))$/i.exec(plain);
  if (!named) return undefined;
  return named[3] ? Number.NaN : named[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** Length for `center` and its like, by code points. */
export function padded(text: string, width: number, fill: string, side: "left" | "right" | "both", budget: Budget) {
  const missing = Math.max(0, width - lengthOf(text));
  budget.text(text.length + missing);
  if (side === "left") return fill.repeat(missing) + text;
  if (side === "right") return text + fill.repeat(missing);
  // CPython puts the odd one on the left when the width is odd.
  const left = Math.floor(missing / 2) + (missing & width & 1);
  return fill.repeat(left) + text + fill.repeat(missing - left);
}
