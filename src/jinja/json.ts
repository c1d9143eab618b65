/** Jinja's `tojson`: Python's json.dumps with sorted keys, safe inside a page. */
import type { Budget } from "./budget.ts";
import { Dict, isFloat, isInt, List, numberOf, type PyValue, raise, Tuple, typeName } from "./objects.ts";
import { compare, floatText } from "./python.ts";

const ascii = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\uffff<>&']/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

function floatJson(value: number): string {
  if (Number.isFinite(value)) return floatText(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

/** @param indent spaces a level, or null for one line */
export function toJson(value: PyValue, indent: number | null, budget: Budget, level = 1): string {
  budget.step();
  if (value === null) return "null";
  if (typeof value === "boolean") return String(value);
  if (isInt(value)) return String(value);
  if (isFloat(value)) return floatJson(numberOf(value)!);
  if (typeof value === "string") {
    budget.text(value.length);
    return ascii(value);
  }
  const laid = (open: string, parts: string[], close: string): string => {
    if (parts.length === 0 || indent === null) return open + parts.join(", ") + close;
    const margin = (deep: number) => `\n${" ".repeat(indent * deep)}`;
    budget.text((parts.length + 1) * indent * level);
    return open + parts.map((part) => margin(level) + part).join(",") + margin(level - 1) + close;
  };
  if (value instanceof List || value instanceof Tuple) {
    return laid(
      "[",
      value.items.map((item) => toJson(item, indent, budget, level + 1)),
      "]",
    );
  }
  if (value instanceof Dict) {
    const entries = [...value.entries.values()].sort(([a], [b]) => compare(a, b, budget));
    const key = (name: PyValue) =>
      ascii(typeof name === "string" ? name : toJson(name, null, budget).replaceAll('"', ""));
    const part = ([name, item]: readonly [PyValue, PyValue]) =>
      `${key(name)}: ${toJson(item, indent, budget, level + 1)}`;
    return laid("{", entries.map(part), "}");
  }
  return raise(`Object of type ${typeName(value)} is not JSON serializable`);
}
