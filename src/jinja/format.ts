/** Python's `"%s of %d" % values` and `"{} of {name}".format(…)`. */
import type { Budget } from "./budget.ts";
import { exponentialText, fixedText } from "./decimals.ts";
import {
  type CallArguments,
  Dict,
  getItem,
  isFloat,
  isInt,
  List,
  numberOf,
  type PyValue,
  Range,
  raise,
  Tuple,
  typeName,
  Undefined,
} from "./objects.ts";
import { floatText, refuseUndefined, repr, str } from "./python.ts";

function wholeOf(value: PyValue, kind: string): bigint {
  refuseUndefined(value);
  if (typeof value === "boolean" || isInt(value)) return BigInt(value);
  if (isFloat(value) && kind === "d") return BigInt(Math.trunc(numberOf(value)!));
  return raise(`%${kind} format: a real number is required, not ${typeName(value)}`);
}

function floatOf(value: PyValue): number {
  refuseUndefined(value);
  return numberOf(value) ?? raise(`must be real number, not ${typeName(value)}`);
}

const mostDigits = 70;
const exponentText = (exponent: number): string =>
  `e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;

/** %g: as many digits as asked, without trailing zeros, with an exponent where that is shorter. */
function general(value: number, precision: number): string {
  if (value === 0) return "0";
  const digits = Math.max(1, precision);
  const { mantissa, exponent } = exponentialText(value, digits - 1);
  const trim = (text: string) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (exponent < -4 || exponent >= digits) return trim(mantissa) + exponentText(exponent);
  return trim(fixedText(value, Math.max(0, digits - 1 - exponent)));
}

function floatFormat(value: number, kind: string, precision: number): string {
  if (!Number.isFinite(value)) return floatText(value);
  if (precision > mostDigits) return raise(`a precision of ${precision}, at most ${mostDigits} is understood`);
  const lower = kind.toLowerCase();
  if (lower === "g") return general(value, precision);
  if (lower === "f") {
    const whole = Math.abs(value) >= 1e21;
    return whole ? `${BigInt(value)}${precision > 0 ? `.${"0".repeat(precision)}` : ""}` : fixedText(value, precision);
  }
  const { mantissa, exponent } = exponentialText(value, precision);
  return mantissa + exponentText(exponent);
}

const directive = /%(?:\(([^)]*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+))?[hlL]?([a-zA-Z%])?/g;

/** `text % values`. */
export function formatPercent(text: string, values: PyValue, budget: Budget): string {
  const given = values instanceof Tuple ? [...values.items] : [values];
  let used = 0;
  let named = false;
  const next = (): PyValue => (used < given.length ? given[used++]! : raise("not enough arguments for format string"));
  const out = text.replace(
    directive,
    (all, name?: string, flags = "", width?: string, precision?: string, kind = "") => {
      if (kind === "%" && all === "%%") return "%";
      if (kind === "") return raise("incomplete format");
      const wide = width === "*" ? Number(wholeOf(next(), "d")) : Number(width ?? 0);
      const digits =
        precision === undefined ? undefined : precision === "*" ? Number(wholeOf(next(), "d")) : Number(precision);
      budget.text(Math.max(wide, digits ?? 0));
      let value: PyValue;
      if (name === undefined) value = next();
      else {
        named = true;
        if (!(values instanceof Dict)) return raise("format requires a mapping");
        const there = getItem(values, name);
        value = there === undefined ? raise(`KeyError: '${name}'`) : there;
      }
      let body: string;
      let numeric = true;
      if (kind === "s" || kind === "r" || kind === "a") {
        numeric = false;
        body = kind === "s" ? str(value, budget) : repr(value, budget);
        if (digits !== undefined) body = [...body].slice(0, digits).join("");
      } else if ("diu".includes(kind)) body = wholeOf(value, "d").toString();
      else if ("xXo".includes(kind)) {
        body = wholeOf(value, kind).toString(kind === "o" ? 8 : 16);
        if (kind === "X") body = body.toUpperCase();
      } else if ("fFeEgG".includes(kind)) {
        body = floatFormat(floatOf(value), kind, digits ?? 6);
        if (kind === "E" || kind === "G") body = body.toUpperCase();
      } else if (kind === "c") {
        numeric = false;
        body = typeof value === "string" ? value : String.fromCodePoint(Number(wholeOf(value, "c")));
      } else return raise(`unsupported format character '${kind}'`);
      if (numeric && "diu".includes(kind) && digits !== undefined) {
        body = body.startsWith("-") ? `-${body.slice(1).padStart(digits, "0")}` : body.padStart(digits, "0");
      }
      const sign = numeric && !body.startsWith("-") ? (flags.includes("+") ? "+" : flags.includes(" ") ? " " : "") : "";
      body = sign + body;
      const missing = Math.max(0, wide - [...body].length);
      if (flags.includes("-")) return body + " ".repeat(missing);
      if (!numeric || !flags.includes("0")) return " ".repeat(missing) + body;
      const [, lead = "", rest = ""] = /^([-+ ]?)([\s\S]*)$/.exec(body)!;
      return lead + "0".repeat(missing) + rest;
    },
  );
  // To Python, whatever has items by key may be a mapping, and of a mapping nothing needs to be used.
  const keyed =
    values instanceof Dict || values instanceof List || values instanceof Range || values instanceof Undefined;
  if (!named && used < given.length && !keyed) {
    raise("not all arguments converted during string formatting");
  }
  budget.text(out.length);
  return out;
}

/** `text.format(…)` with plain fields; conversions and specifications are refused. */
export function formatBraces(text: string, { positional, keywords }: CallArguments, budget: Budget): string {
  let used = 0;
  const out = text.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (all, field?: string) => {
    if (all === "{{" || all === "}}") return all[0]!;
    if (field === undefined) return raise(`single '${all}' encountered in format string`);
    if (!/^\w*$/.test(field)) return raise(`"{${field}}" in format(): only {}, {0} and {name} are understood`);
    const number = field === "" ? used++ : /^\d+$/.test(field) ? Number(field) : undefined;
    const value = number === undefined ? keywords.get(field) : positional[number];
    if (value === undefined) return raise(`format() has no argument for {${field}}`);
    return str(value, budget);
  });
  budget.text(out.length);
  return out;
}
