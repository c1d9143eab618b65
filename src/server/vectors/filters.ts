/** OpenAI's filters of attributes, read from what was sent: comparisons, and lists of them joined by `and` and `or`. */
import { isJsonObject } from "../../base/json.ts";
import { invalid } from "../errors.ts";
import type { Attributes } from "./schema.ts";

export type Fits = (attributes: Attributes) => boolean;

type Value = string | number | boolean;

const isValue = (value: unknown): value is Value => ["string", "number", "boolean"].includes(typeof value);

/** Numbers are compared with numbers, texts with texts; what is of another kind fits nothing. */
const ordered =
  (fits: (a: number | string, b: number | string) => boolean) =>
  (own: Value, wanted: Value): boolean =>
    typeof own === typeof wanted && typeof own !== "boolean" && fits(own, wanted as number | string);

const comparisons: Readonly<Record<string, (own: Value, wanted: Value) => boolean>> = {
  eq: (own, wanted) => own === wanted,
  ne: (own, wanted) => own !== wanted,
  gt: ordered((a, b) => a > b),
  gte: ordered((a, b) => a >= b),
  lt: ordered((a, b) => a < b),
  lte: ordered((a, b) => a <= b),
};

/** Deeper, or more, than anybody writes. */
const mostDepth = 10;
const mostParts = 200;

/**
 * Whether the attributes of a file fit. A file without the attribute fits `ne` and `nin`, and nothing else.
 * @throws ApiError 400 naming the part that is no filter
 */
export function readFilters(filters: unknown, param = "filters"): Fits {
  let parts = 0;
  const wrong = (at: string, message: string): never => invalid(at, `'${at}': ${message}`, "invalid_value");

  function read(value: unknown, at: string, depth: number): Fits {
    if (!isJsonObject(value)) return wrong(at, "expected an object with a 'type'");
    if (depth > mostDepth) return wrong(at, `nested more than ${mostDepth} deep`);
    if (++parts > mostParts) return wrong(param, `more than ${mostParts} comparisons`);
    const { type, key, value: wanted, filters: inner } = value;
    if (type === "and" || type === "or") {
      if (!Array.isArray(inner) || inner.length === 0) return wrong(`${at}.filters`, "expected a list of filters");
      const all = inner.map((one, i) => read(one, `${at}.filters[${i}]`, depth + 1));
      return type === "and"
        ? (attributes) => all.every((fits) => fits(attributes))
        : (attributes) => all.some((fits) => fits(attributes));
    }
    const isList = type === "in" || type === "nin";
    if (typeof type !== "string" || !(isList || Object.hasOwn(comparisons, type)))
      return wrong(`${at}.type`, "expected eq, ne, gt, gte, lt, lte, in, nin, and, or");
    if (typeof key !== "string") return wrong(`${at}.key`, "expected the name of an attribute");
    const of = (attributes: Attributes): Value | undefined =>
      Object.hasOwn(attributes, key) ? attributes[key] : undefined;
    if (isList) {
      if (!Array.isArray(wanted) || !wanted.every((one) => typeof one === "string" || typeof one === "number"))
        return wrong(`${at}.value`, "expected a list of texts or numbers");
      const list: readonly unknown[] = wanted;
      return (attributes) => list.includes(of(attributes)) === (type === "in");
    }
    if (!isValue(wanted)) return wrong(`${at}.value`, "expected a text, a number, true or false");
    const fits = comparisons[type]!;
    return (attributes) => {
      const own = of(attributes);
      return own === undefined ? type === "ne" : fits(own, wanted);
    };
  }
  return read(filters, param, 0);
}
