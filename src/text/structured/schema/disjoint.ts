/** Whether two flat schemas can hold together: oneOf is done where its cases cannot. */
import { isJsonObject } from "../../../base/json.ts";
import type { Both, Flat, Type } from "./shape.ts";

/** Equal texts for values that JSON schemas hold for equal: names of an object have no order. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    isJsonObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );

/** Makes schemas flat, where it may be asked. */
type Flatten = ((parts: Both) => readonly Flat[]) | undefined;

const typeOf = (value: unknown): Type => {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : (typeof value as Type);
};

/** Whether a value fits; undefined where that is not looked at. */
export function fits(value: unknown, flat: Flat): boolean | undefined {
  const type = typeOf(value);
  if (!flat.types.has(type)) return false;
  if (typeof value === "number") {
    const { min, max, minOpen, maxOpen } = flat.bounds;
    if (flat.whole && !Number.isInteger(value)) return false;
    if (min !== undefined && (value < min || (minOpen && value === min))) return false;
    return !(max !== undefined && (value > max || (maxOpen && value === max)));
  }
  if (typeof value === "string") {
    if (flat.pattern !== undefined || flat.format !== undefined) return undefined;
    const length = Array.from(value).length;
    return length >= flat.minLength && length <= flat.maxLength;
  }
  if (type === "array") {
    const free = flat.prefix.length === 0 && flat.items.length === 0;
    const length = (value as unknown[]).length;
    if (length < flat.minItems || length > flat.maxItems) return false;
    return free ? true : undefined;
  }
  if (type === "object") {
    const names = Object.keys(value as object);
    if (flat.required.some((name) => !names.includes(name))) return false;
    if (names.length < flat.minProperties || names.length > flat.maxProperties) return false;
    return flat.properties.size === 0 && flat.additional === undefined ? true : undefined;
  }
  return true;
}

const never = (parts: Both | undefined): boolean => parts?.some(({ schema }) => schema === false) ?? false;

/** Types in which they are certainly apart. */
const apart: Readonly<Record<Type, (a: Flat, b: Flat, flat: Flatten) => boolean>> = {
  null: () => false,
  boolean: () => false,
  array: (a, b) => a.minItems > b.maxItems || b.minItems > a.maxItems,
  string: (a, b) => a.minLength > b.maxLength || b.minLength > a.maxLength,
  number({ bounds: a }, { bounds: b }) {
    const under = (max: number | undefined, maxOpen = false, min: number | undefined, minOpen = false) =>
      max !== undefined && min !== undefined && (max < min || (max === min && (maxOpen || minOpen)));
    return under(a.max, a.maxOpen, b.min, b.minOpen) || under(b.max, b.maxOpen, a.min, a.minOpen);
  },
  object(a, b, flat) {
    const of = (one: Flat, name: string): Both => one.properties.get(name) ?? one.additional ?? [];
    return [...new Set([...a.required, ...b.required])].some((name) => {
      const [mine, other] = [of(a, name), of(b, name)];
      if (never(mine) || never(other)) return true;
      if (!flat || !a.required.includes(name) || !b.required.includes(name)) return false;
      // One step down only: a name by which cases are told apart is a constant.
      const [x, y] = [flat(mine), flat(other)];
      return x.every((one) => y.every((two) => disjoint(one, two, undefined)));
    });
  },
};

export function disjoint(a: Flat, b: Flat, flat: Flatten): boolean {
  if (a.values || b.values) {
    const [listed, other] = a.values ? [a, b] : [b, a];
    const possible = listed.values!.filter((value) => fits(value, listed) !== false && fits(value, other) !== false);
    const others = other.values && new Set(other.values.map((value) => canonical(value)));
    return possible.every((value) => others && !others.has(canonical(value)));
  }
  return [...a.types].every((type) => !b.types.has(type) || apart[type](a, b, flat));
}
