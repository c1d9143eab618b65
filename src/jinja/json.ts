/** Python's json.dumps, as Jinja's `tojson` calls it and as chat templates do. */
import type { Budget } from "./budget.ts";
import { Dict, isFloat, isInt, List, numberOf, type PyValue, raise, Tuple, typeName } from "./objects.ts";
import { compare, floatText } from "./python.ts";
import type { Rules } from "./rules.ts";

export interface JsonStyle {
  /** What a level is moved in by, on lines of their own; null for one line. */
  readonly indent: string | null;
  /** Escape what is beyond ASCII. */
  readonly ascii: boolean;
  /** Escape what means something in a page. */
  readonly page: boolean;
  readonly sorted: boolean;
  /** What stands between items, and after keys; null for Python's own. */
  readonly separators: readonly [item: string, key: string] | null;
}

/** Jinja's own `tojson`: sorted keys, safe inside a page. */
export const pageJson: JsonStyle = { indent: null, ascii: true, page: true, sorted: true, separators: null };

const short: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\f": "\\f",
  "\b": "\\b",
};
const unicode = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

function quoted(text: string, { ascii, page }: JsonStyle, { plain }: Rules): string {
  const escaped = (unit: string): boolean => unit < " " || (ascii && unit > "~") || (page && "<>&'".includes(unit));
  let out = "";
  for (let i = 0; i < text.length; i++) {
    // A pair of surrogates is no marked character.
    const pair = text.codePointAt(i)! > 0xffff;
    const units = text.slice(i, i + (pair ? 2 : 1));
    const unit = pair ? units : plain(units);
    if (unit === '"' || unit === "\\") out += `\\${units}`;
    else if (short[unit] !== undefined) out += short[unit];
    else out += escaped(unit) ? unit.split("").map(unicode).join("") : units;
    if (pair) i++;
  }
  return `"${out}"`;
}

function floatJson(value: number): string {
  if (Number.isFinite(value)) return floatText(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

/** A value as JSON. @throws a PythonError for what JSON does not have */
export function toJson(value: PyValue, style: JsonStyle, budget: Budget, level = 1): string {
  budget.step();
  if (value === null) return "null";
  if (typeof value === "boolean") return String(value);
  if (isInt(value)) return String(value);
  if (isFloat(value)) return floatJson(numberOf(value)!);
  if (typeof value === "string") {
    budget.text(value.length);
    return quoted(value, style, budget.rules);
  }
  const { indent, separators } = style;
  const [between, after] = separators ?? [indent === null ? ", " : ",", ": "];
  const laid = (open: string, parts: string[], close: string): string => {
    if (parts.length === 0 || indent === null) return open + parts.join(between) + close;
    const margin = (deep: number) => `\n${indent.repeat(deep)}`;
    budget.text((parts.length + 1) * indent.length * level);
    return open + parts.map((part) => margin(level) + part).join(between) + margin(level - 1) + close;
  };
  if (value instanceof List || value instanceof Tuple) {
    return laid(
      "[",
      value.items.map((item) => toJson(item, style, budget, level + 1)),
      "]",
    );
  }
  if (value instanceof Dict) {
    const entries = [...value.entries.values()];
    if (style.sorted) entries.sort(([a], [b]) => compare(a, b, budget));
    const key = (name: PyValue) =>
      quoted(typeof name === "string" ? name : toJson(name, style, budget).replaceAll('"', ""), style, budget.rules);
    const part = ([name, item]: readonly [PyValue, PyValue]) =>
      `${key(name)}${after}${toJson(item, style, budget, level + 1)}`;
    return laid("{", entries.map(part), "}");
  }
  return raise(`Object of type ${typeName(value)} is not JSON serializable`);
}
