/** Methods of Python's str. What is not in this table does not exist. */
import type { Parameters } from "./arguments.ts";
import { padded } from "./arithmetic.ts";
import { formatBraces } from "./format.ts";
import { type Method, method } from "./method.ts";
import { List } from "./objects.ts";
import { characters, index, iterate, lengthOf, truthy } from "./python.ts";
import { changed, places } from "./rules.ts";
import { strip } from "./syntax/whitespace.ts";
import {
  affix,
  capitalized,
  fill,
  find,
  found,
  join,
  linesOf,
  partition,
  replace,
  split,
  stripChars,
  text,
  titled,
} from "./text.ts";

const cased = /\p{Lu}|\p{Ll}|\p{Lt}/u;
const test = (name: string, pattern: RegExp) =>
  method<string, Parameters>(name, {}, (self, _, { rules }) => pattern.test(rules.plain(self)));
/** A method that changes letters. */
const recase = (name: string, change: (text: string) => string) =>
  method<string, Parameters>(name, {}, (self, _, { rules }) => changed(self, change, rules));
const swapped = (char: string): string => (char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase());

const allCased = (self: string, other: RegExp): boolean => cased.test(self) && !other.test(self);

const part = { part: undefined, start: null, end: null } as const;
export const textMethods: ReadonlyMap<string, Method<string>> = new Map<string, Method<string>>([
  method("split", { sep: null, maxsplit: -1 }, (self, { sep, maxsplit }, budget) =>
    split(self, sep, index(maxsplit), false, budget),
  ),
  method("rsplit", { sep: null, maxsplit: -1 }, (self, { sep, maxsplit }, budget) =>
    split(self, sep, index(maxsplit), true, budget),
  ),
  method("splitlines", { keepends: false }, (self, { keepends }, budget) => {
    budget.text(self.length);
    return new List(linesOf(self, truthy(keepends)));
  }),
  method("partition", { sep: undefined }, (self, { sep }, { rules }) => partition(self, sep, false, rules)),
  method("rpartition", { sep: undefined }, (self, { sep }, { rules }) => partition(self, sep, true, rules)),
  method("strip", { chars: null }, (self, { chars }, { rules }) => stripChars(self, chars, true, true, rules)),
  method("lstrip", { chars: null }, (self, { chars }, { rules }) => stripChars(self, chars, true, false, rules)),
  method("rstrip", { chars: null }, (self, { chars }, { rules }) => stripChars(self, chars, false, true, rules)),
  method("replace", { old: undefined, new: undefined, count: -1 }, (self, given, budget) =>
    replace(self, text(given.old, "replace()"), text(given.new, "replace()"), index(given.count), budget),
  ),
  recase("lower", (self) => self.toLowerCase()),
  recase("upper", (self) => self.toUpperCase()),
  recase("casefold", (self) => self.replaceAll("ß", "ss").toLowerCase()),
  recase("capitalize", capitalized),
  recase("title", titled),
  recase("swapcase", (self) => characters(self).map(swapped).join("")),
  method("join", { iterable: undefined }, (self, { iterable }, budget) =>
    join(self, iterate(iterable, budget), budget),
  ),
  method("startswith", { prefix: undefined, start: null, end: null }, (self, given, { rules }) =>
    affix(self, given.prefix, given.start, given.end, "startsWith", rules),
  ),
  method("endswith", { suffix: undefined, start: null, end: null }, (self, given, { rules }) =>
    affix(self, given.suffix, given.start, given.end, "endsWith", rules),
  ),
  method("removeprefix", { prefix: undefined }, (self, { prefix }, { rules: { plain } }) => {
    const start = text(prefix, "removeprefix()");
    return plain(self).startsWith(plain(start)) ? self.slice(start.length) : self;
  }),
  method("removesuffix", { suffix: undefined }, (self, { suffix }, { rules: { plain } }) => {
    const end = text(suffix, "removesuffix()");
    return end !== "" && plain(self).endsWith(plain(end)) ? self.slice(0, -end.length) : self;
  }),
  method("find", part, (self, given, { rules }) => find(self, given.part, given.start, given.end, false, rules)),
  method("rfind", part, (self, given, { rules }) => find(self, given.part, given.start, given.end, true, rules)),
  method("index", part, (self, given, { rules }) =>
    found(find(self, given.part, given.start, given.end, false, rules)),
  ),
  method("rindex", part, (self, given, { rules }) =>
    found(find(self, given.part, given.start, given.end, true, rules)),
  ),
  method("count", { part: undefined }, (self, given, { rules }) => {
    const mark = text(given.part, "count()");
    return mark === "" ? lengthOf(self) + 1 : places(self, mark, rules).length;
  }),
  method("zfill", { width: undefined }, (self, { width }, budget) => {
    const sign = /^[+-]/.exec(self)?.[0] ?? "";
    return sign + padded(self.slice(sign.length), index(width) - sign.length, "0", "left", budget);
  }),
  method("ljust", { width: undefined, fill: " " }, (self, given, budget) =>
    padded(self, index(given.width), fill(given.fill), "right", budget),
  ),
  method("rjust", { width: undefined, fill: " " }, (self, given, budget) =>
    padded(self, index(given.width), fill(given.fill), "left", budget),
  ),
  method("center", { width: undefined, fill: " " }, (self, given, budget) =>
    padded(self, index(given.width), fill(given.fill), "both", budget),
  ),
  test("isdigit", /^[\p{Nd}²³¹⁰⁴-⁹₀-₉]+$/u),
  test("isdecimal", /^\p{Nd}+$/u),
  test("isnumeric", /^\p{N}+$/u),
  test("isalpha", /^\p{L}+$/u),
  test("isalnum", /^[\p{L}\p{N}]+$/u),
  test("isascii", /^[\0-\x7f]*$/),
  method("isspace", {}, (self) => self !== "" && strip(self) === ""),
  method("isupper", {}, (self, _, { rules }) => allCased(rules.plain(self), /[\p{Ll}\p{Lt}]/u)),
  method("islower", {}, (self, _, { rules }) => allCased(rules.plain(self), /[\p{Lu}\p{Lt}]/u)),
  ["format", (self, args, budget) => formatBraces(self, args, budget)],
]);
