/** Values out of the steps of a tokenizer.json, checked where they are used. */
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { isJsonObject, type JsonObject, jsonKind } from "../base/json.ts";
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

/** A pattern, {String} or {Regex}, with the flags `gu`. Oniguruma's syntax becomes this platform's. */
export function patternOf(value: unknown, path: string): RegExp {
  if (!isJsonObject(value)) return bad(path, "must be {String} or {Regex}");
  // An empty string is found nowhere.
  if (value.String === "") return /(?!)/gu;
  try {
    const step = { type: "Split", pattern: value, behavior: "Isolated", invert: true };
    const none = { type: "BPE", vocab: {}, merges: [] };
    const empty = { normalizer: null, decoder: null, post_processor: null, added_tokens: [] };
    const library = new Library({ ...empty, model: none, pre_tokenizer: step } as object, {});
    const { pattern } = library.pre_tokenizer as unknown as { pattern: RegExp | null };
    return pattern ?? bad(path, "must be {String} or {Regex}");
  } catch (cause) {
    return fail("corrupt_file", `is no pattern: ${(cause as Error).message.slice(0, 200)}`, {
      where: `tokenizer.json, ${path}`,
      cause,
    });
  }
}
