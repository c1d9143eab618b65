/** Configurations and templates: what in them asks for code, or could keep a reader busy for ever. */
import { isJsonObject, jsonLimits, parseJsonObject, shown } from "../base/json.ts";
import { fail } from "../errors.ts";
import { isPlainFileName } from "../hub/names.ts";
import { checkRegex } from "../tokenizers/check.ts";
import { storageProblem } from "../weights/schemes.ts";
import { type Content, type Finding, hints, reading, safe, unknown, unsafe, whole } from "./findings.ts";

/** Ways from a template of Jinja's to Python. */
const escapes = /__\w+__|\|\s*attr\b|\bimport\b|\b(?:lipsum|cycler|joiner|self|config|request)\s*[.[]/;

/** What is wrong with a template's text. */
export const inTemplate = (text: string): string[] => {
  const found = escapes.exec(text)?.[0];
  return found ? [`a template that reaches for Python (${shown(found)})`] : [];
};

/** Values under a key, wherever in a JSON value and however deep. */
function* under(root: unknown, key: string): Iterable<unknown> {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== "object" || value === null) continue;
    const isList = Array.isArray(value);
    for (const [name, inner] of isList ? value.entries() : Object.entries(value)) {
      if (!isList && name === key) yield inner;
      if (typeof inner === "object") open.push(inner);
    }
  }
}

/** Keys by which a configuration asks for Python of its folder, or of somebody else's, to be run. */
const codeKeys = ["auto_map", "custom_pipelines", "trust_remote_code"] as const;

function inJson(json: unknown): string[] {
  const found: string[] = [];
  const asked = codeKeys.filter((key) => [...under(json, key)].some((value) => value !== false && value !== null));
  if (asked.length > 0) found.push(`asks for the folder's own Python code to be run (${asked.join(", ")})`);
  for (const template of under(json, "chat_template")) {
    // One text, or a list of named ones.
    found.push(
      ...[template, ...under(template, "template")].flatMap((t) => (typeof t === "string" ? inTemplate(t) : [])),
    );
  }
  for (const pattern of under(json, "Regex")) {
    if (typeof pattern !== "string") continue;
    found.push(...reading(() => checkRegex(pattern, "a pattern")).findings);
  }
  if (isJsonObject(json) && isJsonObject(json.weight_map)) {
    const odd = Object.values(json.weight_map).find((name) => typeof name !== "string" || !isPlainFileName(name));
    if (odd !== undefined) found.push(`a shard is said to be in ${shown(String(odd))}, which is no plain file name`);
  }
  if ([...under(json, "class_name")].includes("Lambda")) found.push("a Keras Lambda layer, which is Python code");
  return found;
}

/** The value of a JSON text: an object, or a list as files of words and of special tokens may be. */
function parse(bytes: Uint8Array, where: string): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    return fail("corrupt_file", "not valid UTF-8", { where, cause });
  }
  if (!text.trimStart().startsWith("[")) return parseJsonObject(text, where, jsonLimits.tokenizer);
  try {
    return JSON.parse(text);
  } catch (cause) {
    return fail("corrupt_file", "not valid JSON", { where, cause });
  }
}

export const lookAtJson: (content: Content) => Finding = whole(jsonLimits.tokenizer, (bytes, { name }) => {
  let found: string[] = [];
  let problem: Finding | undefined;
  const looked = reading(() => {
    const json = parse(bytes, name);
    found = inJson(json);
    const stored = isJsonObject(json) ? storageProblem(json, new Map()) : undefined;
    if (stored) problem = unknown(stored.hint, stored.what);
  });
  return found.length > 0 ? unsafe(hints.code, ...found) : (problem ?? looked);
});

export const lookAtTemplate: (content: Content) => Finding = whole(jsonLimits.config, (bytes) => {
  const found = inTemplate(new TextDecoder().decode(bytes));
  return found.length > 0 ? unsafe("render it in a sandbox, or not at all", ...found) : safe;
});
