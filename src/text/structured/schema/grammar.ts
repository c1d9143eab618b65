/** A JSON schema as a grammar of the texts that fit it. */
import type { JsonObject } from "../../../base/json.ts";
import { fail } from "../../../errors.ts";
import {
  all,
  any,
  empty,
  type Grammar,
  none,
  oneOf,
  optional,
  others,
  type Rule,
  ref,
  repeat,
  text,
} from "../grammar.ts";
import { boolean, char, charOf, colon, comma, jsonRules, plainChar, quote, value } from "../json.ts";
import { numberRule } from "../numbers.ts";
import { parsePattern } from "../pattern.ts";
import { canonical, fits } from "./disjoint.ts";
import { flattener } from "./flat.ts";
import { formats } from "./formats.ts";
import { below, refuse, types } from "./keywords.ts";
import type { Both, Flat, Type } from "./shape.ts";

const forever = Number.POSITIVE_INFINITY;
/** Greatest counts of characters, items and properties: each is a place of its own. */
const maxCount = 100_000;

/** Longest name of a property that others must differ from. */
const maxName = 500;

const isFree = (flat: Flat): boolean =>
  flat.types.size === types.length &&
  !flat.whole &&
  flat.values === undefined &&
  flat.bounds.min === undefined &&
  flat.bounds.max === undefined &&
  flat.minLength + flat.minItems + flat.minProperties + flat.required.length === 0 &&
  flat.maxLength + flat.maxItems + flat.maxProperties === forever &&
  flat.pattern === undefined &&
  flat.format === undefined &&
  flat.prefix.length === 0 &&
  flat.items.length === 0 &&
  flat.properties.size === 0 &&
  flat.additional === undefined;

/**
 * @throws bad_input for a schema that is none, that nothing fits or that expands too far; unsupported for what is not
 *   done, each with its place
 */
export function schemaGrammar(schema: boolean | JsonObject): Grammar {
  const root = { schema, path: "#" };
  const { flat, follow, spend } = flattener(root);
  const rules = new Map<string, Rule>(jsonRules);
  const named = new Map<string, string>();
  const ids = new Map<unknown, number>();
  const queue: [name: string, parts: Both][] = [];

  const idOf = (schema: unknown): number => {
    const known = ids.get(schema) ?? ids.size;
    ids.set(schema, known);
    return known;
  };
  const define = (rule: Rule): Rule => {
    const name = `rule ${rules.size}`;
    rules.set(name, rule);
    return ref(name);
  };

  /** The rule of schemas that all hold: a name, written later, so that schemas may contain themselves. */
  const ruleOf = (given: Both): Rule => {
    const parts = given.filter(({ schema }) => schema !== true);
    if (parts.length === 0) return value;
    if (parts.some(({ schema }) => schema === false)) return none;
    const key = parts.map(({ schema }) => idOf(schema)).join("&");
    let name = named.get(key);
    if (name === undefined) {
      spend(parts[0]!);
      name = `schema ${named.size}`;
      named.set(key, name);
      queue.push([name, parts]);
    }
    return ref(name);
  };

  /** A schema that is nothing but a reference, to what is no reference. */
  const resolved = (parts: Both, depth = 0): Both => {
    const [only] = parts;
    if (depth > 100) fail("bad_input", "references lead in a circle", { where: only!.path });
    if (parts.length !== 1 || typeof only!.schema === "boolean") return parts;
    const { $ref, ...rest } = only!.schema;
    const remarks = ["title", "description", "default", "examples", "$comment", "deprecated", "readOnly", "writeOnly"];
    if (typeof $ref !== "string" || Object.keys(rest).some((key) => !remarks.includes(key))) return parts;
    return resolved([follow(only!, $ref)], depth + 1);
  };

  const withinLimit = (at: Flat, key: string, count: number): number => {
    if (count !== forever && count > maxCount) refuse(at.part, key, `is ${count}; up to ${maxCount} is done here`);
    return count;
  };

  const stringRule = (at: Flat): Rule => {
    const { minLength, maxLength, pattern, format } = at;
    if (minLength > maxLength) return none;
    if (pattern === undefined && format === undefined) {
      const most = withinLimit(at, "maxLength", maxLength);
      return all(quote, repeat(char, withinLimit(at, "minLength", minLength), most), quote);
    }
    const key = pattern === undefined ? "format" : "pattern";
    if (pattern !== undefined && format !== undefined) refuse(at.part, "pattern", "beside format is not done here");
    if (format !== undefined && !Object.hasOwn(formats, format)) {
      refuse(
        at.part,
        "format",
        `${JSON.stringify(format)} is not done here`,
        `known are ${Object.keys(formats).join(", ")}`,
      );
    }
    const { rule, least, most, unit } = parsePattern(pattern ?? formats[format!]!, below(at.part, key));
    if (minLength <= least && maxLength >= most) return all(quote, rule, quote);
    if (!unit) {
      refuse(at.part, key, "beside minLength or maxLength is not done here", "say the lengths in the pattern: {m,n}");
    }
    const [low, high] = [Math.max(least, minLength), Math.min(most, maxLength)];
    if (low > high) return none;
    return all(quote, repeat(unit!, withinLimit(at, "minLength", low), withinLimit(at, "maxLength", high)), quote);
  };

  const arrayRule = (at: Flat): Rule => {
    const closed = at.items.some(({ schema }) => schema === false);
    const max = closed ? Math.min(at.maxItems, at.prefix.length) : withinLimit(at, "maxItems", at.maxItems);
    const min = withinLimit(at, "minItems", at.minItems);
    if (min > max) return none;
    const item = ruleOf(at.items);
    /** What follows when `count` items are written. */
    const after = (count: number): Rule => {
      const separated = (rule: Rule): Rule => (count === 0 ? rule : all(comma, rule));
      if (count === max) return empty;
      if (count < at.prefix.length) {
        const rest = all(separated(ruleOf(at.prefix[count]!)), define(after(count + 1)));
        return count >= min ? optional(rest) : rest;
      }
      const more = (written: number): Rule => repeat(all(comma, item), Math.max(0, min - written), max - written);
      if (count > 0) return more(count);
      const some = all(item, more(1));
      return min === 0 ? optional(some) : some;
    };
    return all(text("["), after(0), text("]"));
  };

  /** The name of a property that is none of these, as plain characters: no other spelling can slip past. */
  const otherName = (at: Flat, names: readonly string[]): Rule => {
    const long = names.find((name) => name.length > maxName);
    if (long !== undefined)
      refuse(at.part, "properties", `with a name of ${long.length} characters`, "close the object");
    const nameRule = (rest: readonly string[]): Rule => {
      const byFirst = new Map<number, string[]>();
      for (const name of rest) {
        const point = name.codePointAt(0);
        if (point === undefined) continue;
        const list = byFirst.get(point) ?? [];
        list.push(name.slice(String.fromCodePoint(point).length));
        byFirst.set(point, list);
      }
      spend(root, byFirst.size + 1);
      const different = others([...byFirst.keys()].map((point) => [point, point]));
      const ways: Rule[] = [all(plainOf(different), repeat(plainChar, 0, forever))];
      if (!rest.includes("")) ways.push(empty);
      for (const [point, list] of byFirst) ways.push(all(plainOf([[point, point]]), define(nameRule(list))));
      return any(...ways);
    };
    return all(quote, nameRule(names), quote);
  };

  const objectRule = (at: Flat): Rule => {
    const listed = new Map(at.properties);
    for (const name of at.required) if (!listed.has(name)) listed.set(name, at.additional ?? []);
    const required = new Set(at.required);
    const open = at.additional ? !at.additional.some(({ schema }) => schema === false) : listed.size === 0;
    const { minProperties, maxProperties } = at;
    const others = Math.max(0, minProperties - required.size);
    const fixed = listed.size === required.size;
    if (others > 0 && (!open || !fixed || others > 1)) {
      refuse(at.part, "minProperties", `above the ${required.size} required is not done here`, "list them in required");
    }
    if (maxProperties < required.size) return none;
    if (maxProperties < listed.size)
      refuse(at.part, "maxProperties", "below the number of properties is not done here");
    const most = withinLimit(at, "maxProperties", maxProperties) - listed.size;
    const extra = open ? define(all(otherName(at, [...listed.keys()]), colon, ruleOf(at.additional ?? []))) : none;
    const extras = repeat(all(comma, extra), others, most);
    const entries = [...listed].map(([name, parts]): { rule: Rule; needed: boolean } => ({
      rule: define(all(text(JSON.stringify(name)), colon, ruleOf(parts))),
      needed: required.has(name),
    }));
    // What follows from an entry on, after another one and as the first.
    let later: Rule = open ? extras : empty;
    let first: Rule = open ? all(extra, repeat(all(comma, extra), Math.max(0, others - 1), most - 1)) : none;
    if (!(open && others > 0)) first = any(empty, ...(open && most > 0 ? [first] : []));
    for (const { rule, needed } of entries.reverse()) {
      const rest = define(later);
      const begun = all(rule, rest);
      first = needed ? begun : any(begun, define(first));
      later = all(needed ? all(comma, rule) : optional(all(comma, rule)), rest);
    }
    return all(text("{"), first, text("}"));
  };

  const writers: Readonly<Record<Type, (at: Flat) => Rule>> = {
    null: () => text("null"),
    boolean: () => boolean,
    number: ({ bounds, whole, part }) => {
      if (bounds.min !== undefined && bounds.max !== undefined && bounds.min > bounds.max) return none;
      return numberRule(bounds, whole, part.path);
    },
    string: stringRule,
    array: arrayRule,
    object: objectRule,
  };

  const listedValues = (at: Flat, values: readonly unknown[]): Rule => {
    const kept = values.filter((one) => {
      const known = fits(one, at);
      if (known === undefined) {
        refuse(at.part, "enum", "or const beside keywords about the same values is not done here");
      }
      return known;
    });
    const texts = new Map(kept.map((one) => [canonical(one), JSON.stringify(one)]));
    return oneOf([...texts.values()]);
  };

  const start = ruleOf([root]);
  if (start.type !== "ref") fail("bad_input", "false: no value fits", { where: "#" });
  for (let item = queue.shift(); item; item = queue.shift()) {
    const [name, parts] = item;
    const target = resolved(parts);
    if (target !== parts) {
      rules.set(name, ruleOf(target));
      continue;
    }
    const cases = flat(parts).map((at) => {
      if (at.values) return listedValues(at, at.values);
      if (isFree(at)) return value;
      return any(...[...at.types].map((type) => writers[type](at)));
    });
    rules.set(name, any(...cases));
  }
  return { start: (start as { name: string }).name, rules };
}

/** Characters of these that a string holds as they are. */
const plainOf = (ranges: Parameters<typeof charOf>[0]): Rule => {
  const rule = charOf(ranges);
  if (rule.type === "set") return rule;
  return rule.type === "any" ? any(...rule.items.filter((item) => item.type === "set")) : none;
};
