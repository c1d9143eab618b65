/** The keywords of JSON schemas (draft 2020-12): what is done, what says nothing about a value, and what is refused. */
import { isJsonObject, type JsonObject, jsonKind, shown } from "../../../base/json.ts";
import { fail } from "../../../errors.ts";

/** A schema and where it stands: "#/properties/age". */
export interface Part {
  readonly schema: boolean | JsonObject;
  readonly path: string;
}

type Need = readonly [expected: string, holds: (value: unknown) => boolean];

const isSchema = (value: unknown): boolean => typeof value === "boolean" || isJsonObject(value);
const schema: Need = ["a schema (an object, true or false)", isSchema];
const schemas: Need = ["a list of schemas, not empty", (v) => Array.isArray(v) && v.length > 0 && v.every(isSchema)];
const named: Need = ["an object of schemas", (v) => isJsonObject(v) && Object.values(v).every(isSchema)];
const count: Need = ["a whole number from 0", (v) => Number.isSafeInteger(v) && (v as number) >= 0];
const bound: Need = ["a number", (v) => typeof v === "number" && Number.isFinite(v)];
const string: Need = ["a text", (v) => typeof v === "string"];
const flag: Need = ["true or false", (v) => typeof v === "boolean"];

export const types = ["null", "boolean", "number", "string", "array", "object"] as const;
const typeNames: readonly unknown[] = [...types, "integer"];

/** What is done, and what its value must be. */
const done: Readonly<Record<string, Need>> = {
  $ref: string,
  type: [
    `one of ${typeNames.join(", ")}, or a list of them`,
    (v) => typeNames.includes(v) || (Array.isArray(v) && v.length > 0 && v.every((name) => typeNames.includes(name))),
  ],
  enum: ["a list of values, not empty", (v) => Array.isArray(v) && v.length > 0],
  const: ["a value", () => true],
  allOf: schemas,
  anyOf: schemas,
  oneOf: schemas,
  minimum: bound,
  maximum: bound,
  exclusiveMinimum: bound,
  exclusiveMaximum: bound,
  multipleOf: ["a number above 0", (v) => typeof v === "number" && v > 0],
  minLength: count,
  maxLength: count,
  pattern: string,
  format: string,
  prefixItems: schemas,
  items: schema,
  minItems: count,
  maxItems: count,
  uniqueItems: flag,
  properties: named,
  additionalProperties: schema,
  required: ["a list of texts", (v) => Array.isArray(v) && v.every((name) => typeof name === "string")],
  minProperties: count,
  maxProperties: count,
};

/** Says nothing about a value. */
const annotations = new Set([
  "$schema",
  "$id",
  "$comment",
  "$defs",
  "definitions",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
]);

const hints: ReadonlyMap<string, string> = new Map([
  ["patternProperties", "name the properties, or use additionalProperties"],
  ["if", "use anyOf with the cases"],
  ["then", "use anyOf with the cases"],
  ["else", "use anyOf with the cases"],
  ["not", "say what is allowed instead: enum, anyOf, pattern"],
  ["additionalItems", "in draft 2020-12 that is items, beside prefixItems"],
  ["unevaluatedProperties", "use additionalProperties, which is seen through allOf here"],
  ["nullable", 'use "type": ["string", "null"] and the like'],
  ["$dynamicRef", "use $ref"],
]);

const place = ({ path }: Part, key: string): string => `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
export const below = (part: Part, ...keys: readonly (string | number)[]): string =>
  keys.reduce<string>((path, key) => place({ schema: true, path }, String(key)), part.path);

/** A keyword that is known but not done with this value. */
export const refuse = (part: Part, key: string, why: string, hint?: string): never =>
  fail("unsupported", `${key} ${why}`, { where: below(part, key), hint: hint ?? hints.get(key) ?? "say it without" });

/**
 * Every keyword is done or says nothing; nothing is ever left out silently.
 * @throws bad_input for a keyword with a value of the wrong kind or an unknown one; unsupported for others of the
 *   standard
 */
export function checkKeywords(part: Part): void {
  const { schema } = part;
  if (typeof schema === "boolean") return;
  for (const [key, value] of Object.entries(schema)) {
    if (annotations.has(key) || key.startsWith("x-")) {
      if (key === "$id" && part.path !== "#") refuse(part, key, "inside of a schema is not followed", "leave it out");
      continue;
    }
    const need = Object.hasOwn(done, key) ? done[key]! : undefined;
    if (!need) {
      fail("unsupported", `the keyword ${shown(key)} is not done here`, {
        where: part.path,
        hint: hints.get(key) ?? "leave it out, or begin its name with x- if it is a remark",
      });
    }
    if (!need[1](value)) {
      fail("bad_input", `must be ${need[0]}, got ${jsonKind(value)} ${shown(JSON.stringify(value) ?? "")}`, {
        where: below(part, key),
        ...(key === "items" && Array.isArray(value) ? { hint: "in draft 2020-12 that is prefixItems" } : {}),
      });
    }
  }
}
