/** Methods of Python's lists, tuples and dictionaries. What is not in these tables does not exist. */
import type { Budget } from "./budget.ts";
import { type Method, method } from "./method.ts";
import {
  type CallArguments,
  Dict,
  getItem,
  hashKey,
  List,
  type PyValue,
  raise,
  setItem,
  type Tuple,
  View,
} from "./objects.ts";
import { compare, equals, index, iterate, list, repr, truthy } from "./python.ts";

const position = (place: number, length: number): number =>
  Math.min(Math.max(place < 0 ? place + length : place, 0), length);
function placeOf(self: List | Tuple, value: PyValue, start: PyValue, budget: Budget): number {
  const first = position(index(start), self.items.length);
  const place = self.items.findIndex((item, i) => i >= first && equals(item, value, budget));
  return place < 0 ? raise(`${repr(value, budget)} is not in ${self instanceof List ? "list" : "tuple"}`) : place;
}
const countOf = (self: List | Tuple, value: PyValue, budget: Budget): number =>
  self.items.filter((item) => equals(item, value, budget)).length;

/** A stable sort; equal items keep their order, also when reversed. */
export function sorted(items: readonly PyValue[], key: (item: PyValue) => PyValue, reverse: boolean, budget: Budget) {
  const keyed = items.map((item) => [key(item), item] as const);
  const sign = reverse ? -1 : 1;
  return keyed.sort(([a], [b]) => sign * (compare(a, b, budget) || 0)).map(([, item]) => item);
}

/** Methods that change what they are called on. */
export const changing = {
  list: new Set(["append", "extend", "insert", "pop", "remove", "clear", "reverse", "sort"]),
  dict: new Set(["setdefault", "update", "pop", "popitem", "clear"]),
} as const;

export const listMethods: ReadonlyMap<string, Method<List>> = new Map<string, Method<List>>([
  method("append", { value: undefined }, (self, { value }, budget) => {
    budget.step();
    self.items.push(value);
    return null;
  }),
  method("extend", { values: undefined }, (self, { values }, budget) => {
    for (const value of list(values, budget)) self.items.push(value);
    return null;
  }),
  method("insert", { index: undefined, value: undefined }, (self, given, budget) => {
    budget.step(1 + (self.items.length >> 4));
    self.items.splice(position(index(given.index), self.items.length), 0, given.value);
    return null;
  }),
  method("pop", { index: -1 }, (self, given, budget) => {
    if (self.items.length === 0) raise("pop from empty list");
    const place = index(given.index) < 0 ? index(given.index) + self.items.length : index(given.index);
    if (place < 0 || place >= self.items.length) raise("pop index out of range");
    budget.step((self.items.length - place) >> 4);
    return self.items.splice(place, 1)[0]!;
  }),
  method("remove", { value: undefined }, (self, { value }, budget) => {
    self.items.splice(placeOf(self, value, 0, budget), 1);
    return null;
  }),
  method("clear", {}, (self) => {
    self.items.length = 0;
    return null;
  }),
  method("reverse", {}, (self, _, budget) => {
    budget.step(self.items.length >> 4);
    self.items.reverse();
    return null;
  }),
  method("sort", { key: null, reverse: false }, (self, { key, reverse }, budget) => {
    if (key !== null) raise("sort() takes no key here; use the filter sort(attribute=…)");
    self.items = sorted(self.items, (item) => item, truthy(reverse), budget);
    return null;
  }),
  method("copy", {}, (self, _, budget) => {
    budget.step(self.items.length);
    return new List([...self.items]);
  }),
  method("index", { value: undefined, start: 0 }, (self, given, budget) =>
    placeOf(self, given.value, given.start, budget),
  ),
  method("count", { value: undefined }, (self, { value }, budget) => countOf(self, value, budget)),
]);

export const tupleMethods: ReadonlyMap<string, Method<Tuple>> = new Map<string, Method<Tuple>>([
  method("index", { value: undefined, start: 0 }, (self, given, budget) =>
    placeOf(self, given.value, given.start, budget),
  ),
  method("count", { value: undefined }, (self, { value }, budget) => countOf(self, value, budget)),
]);

/** What dict() and update() take: a dictionary or pairs, and names. */
export function updateDict(self: Dict, { positional, keywords }: CallArguments, budget: Budget): void {
  if (positional.length > 1) raise(`update expected at most 1 argument, got ${positional.length}`);
  const [given] = positional;
  if (given instanceof Dict) for (const [key, value] of [...given.entries.values()]) setItem(self, key, value);
  else if (given !== undefined) {
    for (const pair of iterate(given, budget)) {
      const items = list(pair, budget);
      if (items.length !== 2) raise("a dictionary is made of pairs");
      setItem(self, items[0]!, items[1]!);
    }
  }
  for (const [key, value] of keywords) setItem(self, key, value);
}

/** None is a value too, so `??` will not do. */
const orElse = (value: PyValue | undefined, otherwise: PyValue): PyValue => (value === undefined ? otherwise : value);

/** Take a key out; `missing` is what pop() was given for its absence. */
function popKey(self: Dict, { positional }: CallArguments, budget: Budget): PyValue {
  const [key, missing] = positional;
  if (key === undefined) return raise("pop() needs a key");
  const there = getItem(self, key);
  const value = missing === undefined ? there : orElse(there, missing);
  if (value === undefined) return raise(`KeyError: ${repr(key, budget)}`);
  self.entries.delete(hashKey(key));
  return value;
}

export const dictMethods: ReadonlyMap<string, Method<Dict>> = new Map<string, Method<Dict>>([
  method("keys", {}, (self) => new View(self, "keys")),
  method("values", {}, (self) => new View(self, "values")),
  method("items", {}, (self) => new View(self, "items")),
  method("get", { key: undefined, default: null }, (self, { key, default: otherwise }, { rules }) =>
    orElse(getItem(self, typeof key === "string" ? rules.plain(key) : key), otherwise),
  ),
  method("setdefault", { key: undefined, default: null }, (self, given) => {
    const there = getItem(self, given.key);
    if (there === undefined) setItem(self, given.key, given.default);
    return orElse(there, given.default);
  }),
  [
    "update",
    (self, args, budget) => {
      updateDict(self, args, budget);
      return null;
    },
  ],
  ["pop", popKey],
  method("copy", {}, (self, _, budget) => {
    budget.step(self.entries.size);
    const copy = new Dict();
    for (const [key, value] of self.entries.values()) setItem(copy, key, value);
    return copy;
  }),
  method("clear", {}, (self) => {
    self.entries.clear();
    return null;
  }),
]);
