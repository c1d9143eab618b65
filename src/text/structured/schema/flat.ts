/**
 * A schema as alternatives without references: $ref is followed, what allOf says is joined, anyOf and oneOf are cases.
 * Schemas of properties and items stay as they are, as a conjunction of schemas of the file.
 */
import { isJsonObject, type JsonObject, shown } from "../../../base/json.ts";
import { fail } from "../../../errors.ts";
import type { Bounds } from "../numbers.ts";
import { canonical, disjoint } from "./disjoint.ts";
import { below, checkKeywords, type Part, refuse, types } from "./keywords.ts";
import type { Both, Flat, Type } from "./shape.ts";

const forever = Number.POSITIVE_INFINITY;
const maxAlternatives = 2_000;
const maxSteps = 50_000;
const maxDepth = 100;

const both = (a: Both, b: Both): Both => [...a, ...b.filter(({ schema }) => !a.some((one) => one.schema === schema))];

/** One schema's own keywords. */
function own(part: Part): Flat {
  const json = typeof part.schema === "boolean" ? {} : part.schema;
  const given = json.type === undefined ? [...types] : [json.type].flat();
  const list = (key: string): Both[] =>
    Array.isArray(json[key])
      ? (json[key] as (boolean | JsonObject)[]).map((schema, i) => [{ schema, path: below(part, key, i) }])
      : [];
  const one = (key: string): Both | undefined =>
    json[key] === undefined ? undefined : [{ schema: json[key] as boolean | JsonObject, path: below(part, key) }];
  const number = (key: string): number | undefined => json[key] as number | undefined;
  const [min, above, max, under] = ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"].map(number);
  const minOpen = above !== undefined && (min === undefined || above >= min);
  const maxOpen = under !== undefined && (max === undefined || under <= max);
  const whole = !given.includes("number") && given.includes("integer");
  if (json.multipleOf !== undefined && json.multipleOf !== 1)
    refuse(part, "multipleOf", "other than 1 is not done here");
  if (json.uniqueItems === true && !(Number(json.maxItems) <= 1)) {
    refuse(part, "uniqueItems", "is not done here", "leave it out, or use properties with the type boolean");
  }
  const values = "const" in json ? [json.const] : (json.enum as unknown[] | undefined);
  const properties = isJsonObject(json.properties) ? json.properties : {};
  return {
    part,
    types: new Set(given.map((name) => (name === "integer" ? "number" : name) as Type)),
    whole: whole || json.multipleOf === 1,
    values,
    bounds: { min: minOpen ? above : min, max: maxOpen ? under : max, minOpen, maxOpen },
    minLength: number("minLength") ?? 0,
    maxLength: number("maxLength") ?? forever,
    pattern: json.pattern as string | undefined,
    format: json.format as string | undefined,
    prefix: list("prefixItems"),
    items: one("items") ?? [],
    minItems: number("minItems") ?? 0,
    maxItems: number("maxItems") ?? forever,
    properties: new Map(
      Object.entries(properties).map(([name, schema]) => [
        name,
        [{ schema: schema as boolean | JsonObject, path: below(part, "properties", name) }],
      ]),
    ),
    additional: one("additionalProperties"),
    required: [...new Set((json.required as string[] | undefined) ?? [])],
    minProperties: number("minProperties") ?? 0,
    maxProperties: number("maxProperties") ?? forever,
  };
}

/** The stricter of two bounds of one side; `sign` is 1 where the greater one is. */
function stricter(a: number | undefined, aOpen: boolean, b: number | undefined, bOpen: boolean, sign: 1 | -1) {
  if (a === undefined) return [b, bOpen] as const;
  if (b === undefined) return [a, aOpen] as const;
  if (a === b) return [a, aOpen || bOpen] as const;
  return sign * (a - b) > 0 ? ([a, aOpen] as const) : ([b, bOpen] as const);
}

function bothBounds(a: Bounds, b: Bounds): Bounds {
  const [min, minOpen] = stricter(a.min, a.minOpen === true, b.min, b.minOpen === true, 1);
  const [max, maxOpen] = stricter(a.max, a.maxOpen === true, b.max, b.maxOpen === true, -1);
  return { min, max, minOpen, maxOpen };
}

/** What two flat schemas say together; undefined where no type is left. */
function joined(a: Flat, b: Flat): Flat | undefined {
  const kept = new Set([...a.types].filter((type) => b.types.has(type)));
  if (kept.size === 0) return undefined;
  const same = (key: "pattern" | "format"): string | undefined => {
    if (a[key] !== undefined && b[key] !== undefined && a[key] !== b[key]) {
      refuse(b.part, key, "beside another one is not done here");
    }
    return a[key] ?? b[key];
  };
  const strings = b.values && new Set(b.values.map(canonical));
  const names = [...new Set([...a.properties.keys(), ...b.properties.keys()])];
  const of = ({ properties, additional }: Flat, name: string): Both => properties.get(name) ?? additional ?? [];
  const length = Math.max(a.prefix.length, b.prefix.length);
  return {
    part: a.part,
    types: kept,
    whole: a.whole || b.whole,
    values: a.values && strings ? a.values.filter((value) => strings.has(canonical(value))) : (a.values ?? b.values),
    bounds: bothBounds(a.bounds, b.bounds),
    minLength: Math.max(a.minLength, b.minLength),
    maxLength: Math.min(a.maxLength, b.maxLength),
    pattern: same("pattern"),
    format: same("format"),
    prefix: Array.from({ length }, (_, i) => both(a.prefix[i] ?? a.items, b.prefix[i] ?? b.items)),
    items: both(a.items, b.items),
    minItems: Math.max(a.minItems, b.minItems),
    maxItems: Math.min(a.maxItems, b.maxItems),
    properties: new Map(names.map((name) => [name, both(of(a, name), of(b, name))])),
    additional: a.additional && b.additional ? both(a.additional, b.additional) : (a.additional ?? b.additional),
    required: [...new Set([...a.required, ...b.required])],
    minProperties: Math.max(a.minProperties, b.minProperties),
    maxProperties: Math.min(a.maxProperties, b.maxProperties),
  };
}

/** Makes schemas of one file flat. */
export function flattener(root: Part) {
  let steps = 0;
  const checked = new Set<unknown>();
  const spend = (part: Part, count = 1): void => {
    steps += count;
    if (steps <= maxSteps) return;
    fail("bad_input", "the schema is too large: its cases and references expand without an end in sight", {
      where: part.path,
      hint: "use fewer anyOf inside of allOf",
    });
  };

  /** The schema that a reference names. */
  const follow = (part: Part, ref: string): Part => {
    const missing = (): never =>
      fail("bad_input", `refers to ${shown(ref)}, which is not there`, {
        where: below(part, "$ref"),
        hint: 'references stay in the file: "#", "#/$defs/name"',
      });
    if (ref !== "#" && !ref.startsWith("#/")) return missing();
    let at: unknown = root.schema;
    for (const key of ref.split("/").slice(1)) {
      let name = key;
      try {
        name = decodeURIComponent(key);
      } catch {
        // No escapes: the name itself.
      }
      name = name.replaceAll("~1", "/").replaceAll("~0", "~");
      at = (isJsonObject(at) || Array.isArray(at)) && Object.hasOwn(at, name) ? (at as JsonObject)[name] : missing();
    }
    if (typeof at !== "boolean" && !isJsonObject(at)) return missing();
    return { schema: at as boolean | JsonObject, path: ref };
  };

  const product = (part: Part, a: readonly Flat[], b: readonly Flat[]): Flat[] => {
    spend(part, a.length * b.length);
    const made = a.flatMap((x) => b.flatMap((y) => joined(x, y) ?? []));
    if (made.length > maxAlternatives) {
      fail("bad_input", `more than ${maxAlternatives} cases together`, { where: part.path, hint: "use fewer anyOf" });
    }
    return made;
  };

  const flatOf = (part: Part, depth: number): readonly Flat[] => {
    if (depth > maxDepth) {
      fail("bad_input", "schemas refer to each other in a circle, or are nested too deeply", { where: part.path });
    }
    spend(part);
    if (part.schema === false) return [];
    if (part.schema === true) return [own(part)];
    if (!checked.has(part.schema)) {
      checkKeywords(part);
      checked.add(part.schema);
    }
    const { $ref, allOf = [], anyOf, oneOf } = part.schema;
    const child = (key: string, i: number, schema: unknown): Part => ({
      schema: schema as boolean | JsonObject,
      path: below(part, key, i),
    });
    let made: readonly Flat[] = [own(part)];
    if (typeof $ref === "string") made = product(part, made, flatOf(follow(part, $ref), depth + 1));
    for (const [i, one] of (allOf as unknown[]).entries()) {
      made = product(part, made, flatOf(child("allOf", i, one), depth + 1));
    }
    if (Array.isArray(anyOf)) {
      made = product(
        part,
        made,
        anyOf.flatMap((one, i) => flatOf(child("anyOf", i, one), depth + 1)),
      );
    }
    if (Array.isArray(oneOf)) {
      const before = made;
      const cases = oneOf.map((one, i) => product(part, before, flatOf(child("oneOf", i, one), depth + 1)));
      for (const [i, mine] of cases.entries()) {
        for (const other of cases.slice(i + 1)) {
          spend(part, mine.length * other.length);
          if (mine.every((x) => other.every((y) => disjoint(x, y, flat)))) continue;
          refuse(part, "oneOf", "with cases that may hold together is not done here", "use anyOf");
        }
      }
      made = cases.flat();
    }
    return made;
  };

  /** The cases of schemas that all hold. */
  const flat = (parts: Both): readonly Flat[] =>
    parts.reduce<readonly Flat[]>(
      (made, part) => product(part, made, flatOf(part, 0)),
      [own({ schema: true, path: parts[0]?.path ?? "#" })],
    );

  return { flat, follow, spend };
}
