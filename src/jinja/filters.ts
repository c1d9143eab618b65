/** Filters: Jinja's own that make sense without HTML, and the three that promptsource adds. */
import { float } from "../data/values.ts";
import { bind, type Parameters } from "./arguments.ts";
import { binary, padded, parseFloatText, parseInteger, rounded, truncated } from "./arithmetic.ts";
import { sorted } from "./container-methods.ts";
import { formatPercent } from "./format.ts";
import { pageJson, toJson } from "./json.ts";
import {
  type CallArguments,
  comparable,
  Dict,
  dictOf,
  Group,
  hashKey,
  isFloat,
  isInt,
  List,
  numberOf,
  Once,
  PythonError,
  type PyValue,
  raise,
  Tuple,
  typeName,
  Undefined,
} from "./objects.ts";
import { characters, compare, index, iterate, list, refuseUndefined, size, str, truthy } from "./python.ts";
import { changed } from "./rules.ts";
import { whitespace } from "./syntax/whitespace.ts";
import { capitalized, join, linesOf, replace, stripChars, text } from "./text.ts";
import { absent, attributeOf, attributesOf, type Filter, folded, itemOf, ownAttribute, type Tools } from "./tools.ts";

export function filter<const P extends Parameters>(
  name: string,
  parameters: P,
  run: (input: PyValue, bound: { readonly [K in keyof P]: PyValue }, tools: Tools) => PyValue,
): readonly [string, Filter] {
  return [name, (input, args, tools) => run(input, bind(`the filter "${name}"`, parameters, args), tools)];
}

const empty = (what: string) => new Undefined(`${what}, sequence was empty.`);
const generator = (values: Iterable<PyValue>) => new Once("generator", values);

function integer(input: PyValue, otherwise: PyValue, base: number): PyValue {
  refuseUndefined(input);
  if (typeof input === "string") {
    const whole = parseInteger(input, base);
    if (whole !== undefined) return whole;
    const value = parseFloatText(input);
    return value === undefined || !Number.isFinite(value) ? otherwise : truncated(value);
  }
  if (typeof input === "boolean") return Number(input);
  if (isInt(input)) return input;
  const value = comparable(input);
  // An infinity fails in Python too: jinja2 catches other errors only.
  return value === undefined || Number.isNaN(value) ? otherwise : truncated(value);
}

/** The smallest or the largest item, the first of equal ones. */
function extreme(sign: 1 | -1): Filter {
  return (input, args, { budget }) => {
    const bound = bind("the filter", { case_sensitive: false, attribute: null }, args);
    const fold = folded(truthy(bound.case_sensitive));
    const get = attributeOf(bound.attribute, budget);
    let best: { item: PyValue; key: PyValue } | undefined;
    for (const item of iterate(input, budget)) {
      const key = fold(get(item));
      if (!best || sign * compare(key, best.key, budget, sign < 0 ? "<" : ">") > 0) best = { item, key };
    }
    return best ? best.item : empty("No aggregated item");
  };
}

/** select, reject, selectattr, rejectattr: a test's name and its arguments, or truth. */
function choosing(name: string, wanted: boolean, byAttribute: boolean): readonly [string, Filter] {
  function* chosen(input: PyValue, { positional, keywords }: CallArguments, tools: Tools) {
    const rest = [...positional];
    let get = (item: PyValue): PyValue => item;
    if (byAttribute) {
      const attribute = rest.shift();
      if (attribute === undefined) return raise(`the filter "${name}" needs the name of an attribute`);
      get = attributeOf(attribute, tools.budget);
    }
    const test = rest.shift();
    const passes = (value: PyValue): boolean =>
      test === undefined ? truthy(value) : tools.test(str(test, tools.budget), value, { positional: rest, keywords });
    for (const item of iterate(input, tools.budget)) if (passes(get(item)) === wanted) yield item;
  }
  return [name, (input, args, tools) => generator(truthy(input) ? chosen(input, args, tools) : [])];
}

function* mapped(input: PyValue, { positional, keywords }: CallArguments, tools: Tools): Generator<PyValue> {
  if (!truthy(input)) return;
  const attribute = keywords.get("attribute");
  let run: (item: PyValue) => PyValue;
  if (positional.length === 0 && attribute !== undefined) {
    const get = attributeOf(attribute, tools.budget);
    const otherwise = keywords.get("default");
    run = (item) => {
      const value = get(item);
      return value instanceof Undefined && otherwise !== undefined && otherwise !== null ? otherwise : value;
    };
  } else {
    const [name, ...rest] = positional;
    if (typeof name !== "string") return raise('the filter "map" needs the name of a filter, or attribute=…');
    run = (item) => tools.filter(name, item, { positional: rest, keywords });
  }
  for (const item of iterate(input, tools.budget)) yield run(item);
}

function* unique(input: PyValue, key: (item: PyValue) => PyValue, tools: Tools): Generator<PyValue> {
  const seen = new Set<string>();
  for (const item of iterate(input, tools.budget)) {
    const value = key(item);
    const hash = hashKey(typeof value === "string" ? tools.budget.rules.plain(value) : value);
    if (!seen.has(hash)) yield item;
    seen.add(hash);
  }
}

/** promptsource: all items that are as frequent as the most frequent one, in the order they were met; None for none. */
function mostFrequent(input: PyValue, budget: Tools["budget"]): PyValue {
  if (!truthy(input)) return null;
  const counts = new Map<string, { item: PyValue; count: number }>();
  for (const item of iterate(input, budget)) {
    const hash = hashKey(item);
    const entry = counts.get(hash);
    if (entry) entry.count++;
    else counts.set(hash, { item, count: 1 });
  }
  const most = Math.max(...[...counts.values()].map(({ count }) => count));
  return new List([...counts.values()].filter(({ count }) => count === most).map(({ item }) => item));
}

function picked(input: PyValue, { below, budget }: Tools, nothing: () => PyValue): PyValue {
  refuseUndefined(input);
  const length = size(input);
  if (length === 0) return nothing();
  return input instanceof Dict ? raise("a dictionary has no random item") : itemOf(input, below(length), budget);
}

/** Jinja's truncate: at a word's end, with five characters of grace. */
function shortened(text: string, length: number, whole: boolean, end: string, leeway: number): string {
  const parts = characters(text);
  const mark = characters(end).length;
  if (length < mark) raise(`expected length >= ${mark}, got ${length}`);
  if (leeway < 0) raise(`expected leeway >= 0, got ${leeway}`);
  if (parts.length <= length + leeway) return text;
  const kept = parts.slice(0, length - mark).join("");
  const space = kept.lastIndexOf(" ");
  return (whole || space < 0 ? kept : kept.slice(0, space)) + end;
}

function indented(text: string, width: PyValue, first: boolean, blank: boolean, tools: Tools): string {
  const margin = typeof width === "string" ? width : " ".repeat(Math.max(0, index(width)));
  const lines = linesOf(`${text}\n`, false);
  tools.budget.text(text.length + lines.length * margin.length);
  const rest = lines.slice(1).map((line) => (line !== "" || blank ? margin + line : line));
  return [(first ? margin : "") + (lines[0] ?? ""), ...rest].join("\n");
}

function* batches(input: PyValue, count: number, fill: PyValue, { budget }: Tools): Generator<PyValue> {
  let batch: PyValue[] = [];
  for (const item of iterate(input, budget)) {
    if (batch.length === count) {
      yield new List(batch);
      batch = [];
    }
    batch.push(item);
  }
  if (batch.length === 0) return;
  if (fill !== null) {
    budget.step(Math.max(0, count - batch.length));
    while (batch.length < count) batch.push(fill);
  }
  yield new List(batch);
}

function* columns(input: PyValue, count: number, fill: PyValue, { budget }: Tools): Generator<PyValue> {
  const items = list(input, budget);
  budget.step(Math.max(0, count));
  const each = Math.floor(items.length / count);
  const longer = items.length % count;
  for (let i = 0; i < count; i++) {
    const start = i * each + Math.min(i, longer);
    const column = items.slice(start, start + each + (i < longer ? 1 : 0));
    if (fill !== null && i >= longer) column.push(fill);
    yield new List(column);
  }
}

/** Fails when it is gone through, as a generator of Python's does. */
function* pairs(input: PyValue): Generator<PyValue> {
  if (input instanceof Undefined) return;
  if (!(input instanceof Dict)) raise("Can only get item pairs from a mapping.");
  else for (const pair of [...input.entries.values()]) yield new Tuple(pair);
}

/** A filter that changes letters. */
const recase = (name: string, change: (text: string) => string) =>
  filter(name, {}, (input, _, { budget }) => changed(str(input, budget), change, budget.rules));
const lengthAs = (name: string) => filter(name, {}, (input) => size(input));
const byDefault = (name: string) =>
  filter(name, { default_value: "", boolean: false }, (input, bound) =>
    input instanceof Undefined || (truthy(bound.boolean) && !truthy(input)) ? bound.default_value : input,
  );

const filters = new Map<string, Filter>([
  filter("abs", {}, (input) => {
    refuseUndefined(input);
    const value = numberOf(input);
    if (value === undefined) return raise(`bad operand type for abs(): '${typeName(input)}'`);
    if (isFloat(input)) return float(Math.abs(value));
    return typeof input === "bigint" ? (input < 0n ? -input : input) : Math.abs(value);
  }),
  filter("attr", { name: undefined }, (input, { name }, { budget }) => {
    refuseUndefined(input);
    const called = str(name, budget);
    return ownAttribute(input, called, budget) ?? absent(input, called, budget);
  }),
  filter("batch", { linecount: undefined, fill_with: null }, (input, bound, tools) =>
    generator(batches(input, index(bound.linecount), bound.fill_with, tools)),
  ),
  recase("capitalize", capitalized),
  filter("center", { width: 80 }, (input, { width }, { budget }) =>
    padded(str(input, budget), index(width), " ", "both", budget),
  ),
  filter("choice", {}, (input, _, tools) =>
    picked(input, tools, () => raise("choice: cannot choose from an empty sequence")),
  ),
  lengthAs("count"),
  byDefault("d"),
  byDefault("default"),
  filter("dictsort", { case_sensitive: false, by: "key", reverse: false }, (input, bound, { budget }) => {
    if (!(input instanceof Dict)) return raise(`'${typeName(input)}' object has no attribute 'items'`);
    const place =
      bound.by === "value" ? 1 : bound.by === "key" ? 0 : raise('You can only sort by either "key" or "value"');
    const fold = folded(truthy(bound.case_sensitive));
    const pairs = [...input.entries.values()].map((pair) => new Tuple(pair));
    return new List(sorted(pairs, (pair) => fold((pair as Tuple).items[place]!), truthy(bound.reverse), budget));
  }),
  filter("first", {}, (input, _, { budget }) => {
    for (const item of iterate(input, budget)) return item;
    return empty("No first item");
  }),
  filter("float", { default: float(0) }, (input, bound, { budget }) => {
    refuseUndefined(input);
    const value = typeof input === "string" ? parseFloatText(budget.rules.plain(input)) : comparable(input);
    return value === undefined ? bound.default : float(value);
  }),
  [
    "format",
    (input, { positional, keywords }, { budget }) => {
      if (positional.length > 0 && keywords.size > 0) raise("format takes arguments by place or by name, not both");
      const values = keywords.size > 0 ? dictOf(keywords) : new Tuple(positional);
      return formatPercent(str(input, budget), values, budget);
    },
  ],
  filter("groupby", { attribute: undefined, default: null, case_sensitive: false }, (input, bound, { budget }) => {
    const fold = folded(truthy(bound.case_sensitive));
    const get = attributeOf(bound.attribute, budget);
    const key = (item: PyValue): PyValue => {
      const value = get(item);
      return fold(value instanceof Undefined && bound.default !== null ? bound.default : value);
    };
    const groups: { key: PyValue; first: PyValue; items: PyValue[] }[] = [];
    for (const item of sorted(list(input, budget), key, false, budget)) {
      const last = groups.at(-1);
      if (last && compare(last.key, key(item), budget) === 0) last.items.push(item);
      else groups.push({ key: key(item), first: get(item), items: [item] });
    }
    return new List(groups.map(({ first, items }) => new Group([first, new List(items)])));
  }),
  filter("highlight", {}, (input, _, { budget }) =>
    binary("+", binary("+", "<span style='color: #F08080'>", input, budget), "</span>", budget),
  ),
  filter("indent", { width: 4, first: false, blank: false }, (input, bound, tools) =>
    indented(text(input, "indent"), bound.width, truthy(bound.first), truthy(bound.blank), tools),
  ),
  filter("int", { default: 0, base: 10 }, (input, bound, { budget }) =>
    integer(typeof input === "string" ? budget.rules.plain(input) : input, bound.default, index(bound.base)),
  ),
  filter("items", {}, (input) => generator(pairs(input))),
  filter("join", { d: "", attribute: null }, (input, bound, { budget }) => {
    const get = attributeOf(bound.attribute, budget);
    const parts = list(input, budget).map((item) => str(get(item), budget));
    return join(str(bound.d, budget), parts, budget);
  }),
  filter("last", {}, (input, _, { budget }) => {
    if (input instanceof Once) return raise(`'${typeName(input)}' object is not reversible`);
    const items = list(input, budget);
    return items.length === 0 ? empty("No last item") : items.at(-1)!;
  }),
  lengthAs("length"),
  filter("list", {}, (input, _, { budget }) => new List(list(input, budget))),
  recase("lower", (text) => text.toLowerCase()),
  ["map", (input, args, tools) => generator(mapped(input, args, tools))],
  ["max", extreme(1)],
  ["min", extreme(-1)],
  filter("most_frequent", {}, (input, _, { budget }) => mostFrequent(input, budget)),
  filter("random", {}, (input, _, tools) => picked(input, tools, () => empty("No random item"))),
  choosing("reject", false, false),
  choosing("rejectattr", false, true),
  filter("replace", { old: undefined, new: undefined, count: null }, (input, bound, { budget }) =>
    replace(
      str(input, budget),
      str(bound.old, budget),
      str(bound.new, budget),
      bound.count === null ? -1 : index(bound.count),
      budget,
    ),
  ),
  filter("reverse", {}, (input, _, { budget }) => {
    if (typeof input === "string") return characters(input).reverse().join("");
    const reversed = list(input, budget).reverse();
    // What Python cannot go through backwards comes as a list, the rest as something to go through once.
    return input instanceof Once ? new List(reversed) : new Once("list_reverseiterator", reversed);
  }),
  filter("round", { precision: 0, method: "common" }, (input, bound, { budget }) => {
    const digits = index(bound.precision);
    if (bound.method === "common") return rounded(input, digits);
    if (bound.method !== "ceil" && bound.method !== "floor") return raise("method must be common, ceil or floor");
    const scale = binary("**", 10, digits, budget);
    const scaled = numberOf(binary("*", input, scale, budget)) ?? raise("must be real number");
    return binary("/", truncated(Math[bound.method](scaled)), scale, budget);
  }),
  choosing("select", true, false),
  choosing("selectattr", true, true),
  filter("slice", { slices: undefined, fill_with: null }, (input, bound, tools) =>
    generator(columns(input, Math.max(1, index(bound.slices)), bound.fill_with, tools)),
  ),
  filter("sort", { reverse: false, case_sensitive: false, attribute: null }, (input, bound, { budget }) => {
    const key = attributesOf(bound.attribute, budget, folded(truthy(bound.case_sensitive)));
    return new List(sorted(list(input, budget), key, truthy(bound.reverse), budget));
  }),
  filter("string", {}, (input, _, { budget }) => str(input, budget)),
  filter("sum", { attribute: null, start: 0 }, (input, bound, { budget }) => {
    const get = attributeOf(bound.attribute, budget);
    return list(input, budget).reduce<PyValue>((sum, item) => binary("+", sum, get(item), budget), bound.start);
  }),
  recase("title", (text) =>
    text.replace(
      new RegExp(`[^-({\\[<${whitespace}]+`, "gu"),
      ([first = "", ...rest]) => first.toUpperCase() + rest.join("").toLowerCase(),
    ),
  ),
  filter("tojson", { indent: null }, (input, { indent }, { budget }) =>
    toJson(input, { ...pageJson, indent: indent === null ? null : " ".repeat(Math.max(0, index(indent))) }, budget),
  ),
  filter("trim", { chars: null }, (input, { chars }, { budget }) =>
    stripChars(str(input, budget), chars, true, true, budget.rules),
  ),
  filter("truncate", { length: 255, killwords: false, end: "...", leeway: null }, (input, bound, { budget }) => {
    const leeway = bound.leeway === null ? 5 : index(bound.leeway);
    const length = index(bound.length);
    // Python asks for the length first: whatever is short enough passes as it is.
    if (typeof input !== "string" && size(input) <= length + leeway) return input;
    return shortened(text(input, "truncate"), length, truthy(bound.killwords), str(bound.end, budget), leeway);
  }),
  filter("unique", { case_sensitive: false, attribute: null }, (input, bound, tools) => {
    const get = attributeOf(bound.attribute, tools.budget);
    const fold = folded(truthy(bound.case_sensitive));
    return generator(unique(input, (item) => fold(get(item)), tools));
  }),
  recase("upper", (text) => text.toUpperCase()),
  filter(
    "wordcount",
    {},
    (input, _, { budget }) => (budget.rules.plain(str(input, budget)).match(/[\p{L}\p{N}\p{M}_]+/gu) ?? []).length,
  ),
]);

export const filterNames: ReadonlySet<string> = new Set(filters.keys());

/** Run a filter by its name. */
export function applyFilter(name: string, input: PyValue, args: CallArguments, tools: Tools): PyValue {
  const run = tools.filters?.get(name) ?? filters.get(name);
  if (run) {
    if (typeof input === "string") tools.budget.text(input.length);
    return run(input, args, tools);
  }
  throw new PythonError(`there is no filter "${name}" (there are ${[...filterNames].join(", ")})`);
}
