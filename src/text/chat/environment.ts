/** What chat templates find beside Jinja: transformers' filters and functions, and the conversation as its values. */
import { Pair, type Value } from "../../data/values.ts";
import { bind } from "../../jinja/arguments.ts";
import { filter } from "../../jinja/filters.ts";
import { pageJson, toJson } from "../../jinja/json.ts";
import { Callable, Dict, hashKey, isInt, List, type PyValue, raise, Tuple } from "../../jinja/objects.ts";
import { index, str, truthy } from "../../jinja/python.ts";
import type { Context } from "../../jinja/scope.ts";
import type { Filter } from "../../jinja/tools.ts";

/** `separators=(", ", ": ")` of `tojson`. */
function separatorsOf(value: PyValue): readonly [string, string] | null {
  if (value === null) return null;
  const items = value instanceof Tuple || value instanceof List ? value.items : [];
  const [item, key] = items;
  if (items.length !== 2 || typeof item !== "string" || typeof key !== "string") {
    return raise("separators must be two texts");
  }
  return [item, key];
}

export const chatFilters: ReadonlyMap<string, Filter> = new Map([
  filter(
    "tojson",
    { ensure_ascii: false, indent: null, separators: null, sort_keys: false },
    (input, bound, { budget }) => {
      const { indent } = bound;
      const margin = isInt(indent)
        ? " ".repeat(Math.max(0, index(indent)))
        : indent === null
          ? null
          : str(indent, budget);
      const style = { ascii: truthy(bound.ensure_ascii), sorted: truthy(bound.sort_keys), indent: margin };
      return toJson(input, { ...pageJson, page: false, ...style, separators: separatorsOf(bound.separators) }, budget);
    },
  ),
]);

const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
const months = [
  ...["January", "February", "March", "April", "May", "June"],
  ...["July", "August", "September", "October", "November", "December"],
] as const;
const two = (n: number): string => String(n).padStart(2, "0");
const dayOfYear = (at: Date): number =>
  Math.round((Date.UTC(at.getFullYear(), at.getMonth(), at.getDate()) - Date.UTC(at.getFullYear(), 0, 0)) / 86_400_000);

/** Python's strftime in the C locale, and glibc's `%-d`. */
const directives: Readonly<Record<string, (at: Date) => string>> = {
  a: (at) => days[at.getDay()]!.slice(0, 3),
  A: (at) => days[at.getDay()]!,
  b: (at) => months[at.getMonth()]!.slice(0, 3),
  B: (at) => months[at.getMonth()]!,
  d: (at) => two(at.getDate()),
  e: (at) => String(at.getDate()).padStart(2, " "),
  D: (at) => `${two(at.getMonth() + 1)}/${two(at.getDate())}/${two(at.getFullYear() % 100)}`,
  F: (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`,
  H: (at) => two(at.getHours()),
  I: (at) => two(at.getHours() % 12 || 12),
  j: (at) => String(dayOfYear(at)).padStart(3, "0"),
  m: (at) => two(at.getMonth() + 1),
  M: (at) => two(at.getMinutes()),
  p: (at) => (at.getHours() < 12 ? "AM" : "PM"),
  S: (at) => two(at.getSeconds()),
  T: (at) => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`,
  u: (at) => String(at.getDay() || 7),
  w: (at) => String(at.getDay()),
  y: (at) => two(at.getFullYear() % 100),
  Y: (at) => String(at.getFullYear()),
  "%": () => "%",
};

export function formatTime(at: Date, format: string): string {
  return format.replace(/%(-?)([a-zA-Z%])/g, (all, short: string, name: string) => {
    const made = directives[name]?.(at);
    if (made === undefined) return raise(`strftime_now does not know ${all}`);
    return short ? made.replace(/^[0 ]+(?=.)/, "") : made;
  });
}

/** Functions of chat templates, the clock being given. */
export const chatFunctions = (now: Date): ReadonlyMap<string, Callable> =>
  new Map(
    [
      new Callable("raise_exception", (args) => {
        const { message } = bind("raise_exception()", { message: undefined }, args);
        return raise(typeof message === "string" ? message : "the template refuses the conversation");
      }),
      new Callable("strftime_now", (args) => {
        const { format } = bind("strftime_now()", { format: undefined }, args);
        return typeof format === "string" ? formatTime(now, format) : raise("strftime_now needs a text");
      }),
    ].map((made) => [made.name, made]),
  );

/** A value as a template sees it, with `text` done to all texts in it. Keys are found by what they are, done to or not. */
export function templateValue(value: Value, text: (text: string) => string): PyValue {
  if (typeof value === "string") return text(value);
  if (Array.isArray(value)) return new List(value.map((item: Value) => templateValue(item, text)));
  if (value instanceof Pair) return new Tuple(value.items.map((item) => templateValue(item, text)));
  if (!(value instanceof Map)) return value as Exclude<Value, Pair | readonly Value[] | ReadonlyMap<string, Value>>;
  const dict = new Dict();
  for (const [key, item] of value as ReadonlyMap<string, Value>) {
    dict.entries.set(hashKey(key), [text(key), templateValue(item, text)]);
  }
  return dict;
}

/** The names of a template. */
export function chatContext(names: ReadonlyMap<string, PyValue>): Context {
  const context: Context = {
    columns: [...names.keys()],
    get: (name) => names.get(name),
    with: (name, value) => chatContext(new Map([...names, [name, templateValue(value, (text) => text)]])),
  };
  return context;
}
