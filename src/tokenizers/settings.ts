/** Values out of the steps of a tokenizer.json, checked where they are used. */
import { isJsonObject, type JsonObject, jsonKind } from "../base/json.ts";
import { expression, literal, type Pattern } from "../base/regex/pattern.ts";
import { type ErrorCode, fail } from "../errors.ts";

export function bad(path: string, what: string, code: ErrorCode = "corrupt_file"): never {
  return fail(code, what, { where: `tokenizer.json, ${path}` });
}

/** `fallback` where the key is missing or null. */
export function booleanOf(value: unknown, fallback: boolean, path: string): boolean {
  if (value === undefined || value === null) return fallback;
  return typeof value === "boolean" ? value : bad(path, `must be true or false, got ${jsonKind(value)}`);
}

/** At most 64 characters: what is put into text again and again must not be what fills the memory. */
export function stringOf(value: unknown, fallback: string, path: string): string {
  if (value === undefined || value === null) return fallback;
  if (typeof value !== "string") return bad(path, `must be a string, got ${jsonKind(value)}`);
  return value.length > 64 ? bad(path, `is ${value.length} characters long`) : value;
}

/** A list of steps. */
export function listOf(value: unknown, path: string): JsonObject[] {
  if (!Array.isArray(value)) return bad(path, `must be an array, got ${jsonKind(value)}`);
  return value.map((item, i) =>
    isJsonObject(item) ? item : bad(`${path}[${i}]`, `must be an object, got ${jsonKind(item)}`),
  );
}

/** One character, as for the reference. */
export function characterOf(value: unknown, fallback: string, path: string): string {
  const text = stringOf(value, fallback, path);
  return text.length === 1 || (text.length === 2 && text.codePointAt(0)! > 0xffff)
    ? text
    : bad(path, `must be one character, got ${text.length}`);
}

/** A pattern, {String} or {Regex}. */
export function patternOf(value: unknown, path: string): Pattern {
  if (isJsonObject(value) && typeof value.String === "string") return literal(value.String);
  if (isJsonObject(value) && typeof value.Regex === "string") {
    return expression(value.Regex, `tokenizer.json, ${path}.Regex`);
  }
  return bad(path, "must be {String} or {Regex}");
}
