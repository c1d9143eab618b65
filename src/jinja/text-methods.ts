/** Methods of Python's str. What is not in this table does not exist. */
import type { Parameters } from "./arguments.ts";
import { padded } from "./arithmetic.ts";
import { formatBraces } from "./format.ts";
import { type Method, method } from "./method.ts";
import { List } from "./objects.ts";
import { characters, index, iterate, lengthOf, truthy } from "./python.ts";
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
const test = (name: string, pattern: RegExp) => method<string, Parameters>(name, {}, (self) => pattern.test(self));

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
  method("partition", { sep: undefined }, (self, { sep }) => partition(self, sep, false)),
  method("rpartition", { sep: undefined }, (self, { sep }) => partition(self, sep, true)),
  method("strip", { chars: null }, (self, { chars }) => stripChars(self, chars, true, true)),
  method("lstrip", { chars: null }, (self, { chars }) => stripChars(self, chars, true, false)),
  method("rstrip", { chars: null }, (self, { chars }) => stripChars(self, chars, false, true)),
  method("replace", { old: undefined, new: undefined, count: -1 }, (self, given, budget) =>
    replace(self, text(given.old, "replace()"), text(given.new, "replace()"), index(given.count), budget),
  ),
  method("lower", {}, (self) => self.toLowerCase()),
  method("upper", {}, (self) => self.toUpperCase()),
  method("casefold", {}, (self) => self.replaceAll("ß", "ss").toLowerCase()),
  method("capitalize", {}, (self) => capitalized(self)),
  method("title", {}, (self) => titled(self)),
  method("swapcase", {}, (self) =>
    characters(self)
      .map((char) => (char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase()))
      .join(""),
  ),
  method("join", { iterable: undefined }, (self, { iterable }, budget) =>
    join(self, iterate(iterable, budget), budget),
  ),
  method("startswith", { prefix: undefined, start: null, end: null }, (self, given) =>
    affix(self, given.prefix, given.start, given.end, "startsWith"),
  ),
  method("endswith", { suffix: undefined, start: null, end: null }, (self, given) =>
    affix(self, given.suffix, given.start, given.end, "endsWith"),
  ),
  method("removeprefix", { prefix: undefined }, (self, { prefix }) => {
    const start = text(prefix, "removeprefix()");
    return self.startsWith(start) ? self.slice(start.length) : self;
  }),
  method("removesuffix", { suffix: undefined }, (self, { suffix }) => {
    const end = text(suffix, "removesuffix()");
    return end !== "" && self.endsWith(end) ? self.slice(0, -end.length) : self;
  }),
  method("find", part, (self, given) => find(self, given.part, given.start, given.end, false)),
  method("rfind", part, (self, given) => find(self, given.part, given.start, given.end, true)),
  method("index", part, (self, given) => found(find(self, given.part, given.start, given.end, false))),
  method("rindex", part, (self, given) => found(find(self, given.part, given.start, given.end, true))),
  method("count", { part: undefined }, (self, given) => {
    const mark = text(given.part, "count()");
    return mark === "" ? lengthOf(self) + 1 : self.split(mark).length - 1;
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
  method("isupper", {}, (self) => cased.test(self) && !/[\p{Ll}\p{Lt}]/u.test(self)),
  method("islower", {}, (self) => cased.test(self) && !/[\p{Lu}\p{Lt}]/u.test(self)),
  ["format", (self, args, budget) => formatBraces(self, args, budget)],
]);
