/** What filters, tests and functions need of the template that calls them. */
import { Scalar } from "../data/values.ts";
import type { Budget } from "./budget.ts";
import { methodOf } from "./methods.ts";
import {
  Attributes,
  type CallArguments,
  Dict,
  Group,
  List,
  Namespace,
  type PyValue,
  raise,
  typeName,
  Undefined,
} from "./objects.ts";
import { at, repr } from "./python.ts";

export interface Tools {
  readonly budget: Budget;
  /** A whole number in [0, n), for `choice` and `random`. */
  readonly below: (n: number) => number;
  readonly filter: (name: string, input: PyValue, args: CallArguments) => PyValue;
  readonly test: (name: string, input: PyValue, args: CallArguments) => boolean;
  /** Filters of this kind of template, before Jinja's own. */
  readonly filters?: ReadonlyMap<string, Filter> | undefined;
}

export type Filter = (input: PyValue, args: CallArguments, tools: Tools) => PyValue;

export const noArguments: CallArguments = { positional: [], keywords: new Map() };

/** Python's own attributes are the way out of a template engine; a template has no use for them. */
function refuseHidden(name: string): void {
  if (name.startsWith("__"))
    raise(`the attribute "${name}" is out of reach: names that begin with "__" are Python's own`);
}

/** `value[key]` as templates mean it: the item, else the method of that name, else undefined. */
export function itemOf(value: PyValue, key: PyValue, budget: Budget): PyValue {
  if (value instanceof Undefined) return raise(value.why);
  // Characters are counted from the start, and a key is hashed whole.
  if (typeof value === "string") budget.text(value.length);
  if (typeof key === "string") budget.text(key.length);
  let found: PyValue | undefined;
  try {
    found = at(value, typeof key === "string" ? budget.rules.plain(key) : key);
  } catch {
    // A key that cannot be one (a list) names nothing.
  }
  if (found !== undefined) return found;
  return (
    (typeof key === "string" ? ownAttribute(value, budget.rules.plain(key), budget) : undefined) ??
    absent(value, key, budget)
  );
}

/** `value.name`: the attribute or method, else the item of that name, else undefined. */
export function memberOf(value: PyValue, name: string, budget: Budget): PyValue {
  if (value instanceof Undefined) return raise(value.why);
  const item = value instanceof Dict ? at(value, name) : undefined;
  if (name.startsWith("__") && item !== undefined) return item;
  const own = ownAttribute(value, name, budget);
  if (own !== undefined) return own;
  return item === undefined ? absent(value, name, budget) : item;
}

/** An attribute that is no item: a method, or what `loop` and namespaces hold. */
export function ownAttribute(value: PyValue, name: string, budget: Budget): PyValue | undefined {
  refuseHidden(name);
  if (value instanceof Scalar) return raise(`a ${value.type} is only printed and compared here, it has no "${name}"`);
  if (value instanceof Namespace) return value.values.get(name);
  if (value instanceof Attributes) return value.get(name);
  if (value instanceof Group && (name === "grouper" || name === "list")) return value.items[name === "list" ? 1 : 0];
  return methodOf(value, name, budget);
}

/** What is not there, with Jinja's message. */
export function absent(value: PyValue, key: PyValue, budget: Budget): Undefined {
  const type = value === null ? "None" : `${typeName(value)} object`;
  const what =
    typeof key === "string" ? `'${type}' has no attribute '${key}'` : `${type} has no element ${repr(key, budget)}`;
  return new Undefined(what);
}

/** Jinja's `attribute=` of a filter: a path with dots, numbers being indices. */
export function attributeOf(attribute: PyValue, budget: Budget): (item: PyValue) => PyValue {
  if (attribute === null) return (item) => item;
  const path: PyValue[] =
    typeof attribute === "string"
      ? attribute.split(".").map((part) => (/^\d+$/.test(part) ? Number(part) : part))
      : [attribute];
  return (item) => path.reduce((value, part) => itemOf(value, part, budget), item);
}

/** Several attributes, separated by commas, as one key to sort by. */
export function attributesOf(attribute: PyValue, budget: Budget, fold: (key: PyValue) => PyValue) {
  const parts = typeof attribute === "string" ? attribute.split(",") : [attribute];
  const getters = parts.map((part) => attributeOf(part, budget));
  return (item: PyValue): PyValue => new List(getters.map((get) => fold(get(item))));
}

/** Texts in lower case, unless case counts. */
export const folded =
  (caseSensitive: boolean) =>
  (value: PyValue): PyValue =>
    typeof value === "string" && !caseSensitive ? value.toLowerCase() : value;
