/** JSON from untrusted files: size first, then syntax, then the type of the top. */
import { fail } from "../errors.ts";
import { headBytes, refuseMistaken } from "./sniff.ts";

export type JsonObject = { readonly [key: string]: unknown };

/** Greatest sizes in bytes that are read at all; real files are well below. */
export const jsonLimits = { config: 16 << 20, index: 64 << 20, tokenizer: 128 << 20 } as const;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A word for what a JSON value is, for messages. */
export function jsonKind(value: unknown): string {
  return value === null
    ? "null"
    : Array.isArray(value)
      ? "an array"
      : value === undefined
        ? "nothing"
        : `a ${typeof value}`;
}

/** A name as shown in a message: quoted, and cut when a hostile file made it long. */
export function shown(name: string): string {
  return JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}…` : name);
}

/** Deeper than this, writing a configuration out again could end the program; real ones have five levels. */
const mostLevels = 500;

/** How deep the brackets of a JSON text go; those within strings do not count. */
export function levelsOf(text: string): number {
  let [level, deepest] = [0, 0];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) {
      for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
    } else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++level);
    else if (code === 0x7d || code === 0x5d) level--;
  }
  return deepest;
}

/**
 * The JSON object in `text`.
 * @param where the file, for messages
 * @throws corrupt_file when the text is longer than `limit`, is not JSON, nested deeply, or not an object
 */
export function parseJsonObject(text: string, where: string, limit: number = jsonLimits.config): JsonObject {
  if (text.length > limit) {
    fail("corrupt_file", `${text.length} characters of JSON, at most ${limit} are read`, { where });
  }
  if (limit <= jsonLimits.config && levelsOf(text) > mostLevels) {
    fail("corrupt_file", `JSON nested more than ${mostLevels} deep`, { where });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    // What comes over the network has not been looked at yet: a page is the usual answer to a wrong address.
    refuseMistaken(new TextEncoder().encode(text.slice(0, headBytes)), text.length, where);
    fail("corrupt_file", `not valid JSON (${(cause as Error).message.slice(0, 200)})`, { where, cause });
  }
  if (!isJsonObject(value)) {
    fail("corrupt_file", `expected a JSON object, got ${jsonKind(value)}`, { where });
  }
  return value;
}

/**
 * An object as JSON on several lines, with whole numbers as `source` wrote them: a float that is 6.0 there stays one, which
 * matters to programs that tell 6 from 6.0 (transformers checks the types of a configuration). Numbers are known by their
 * key and value.
 */
export function writtenLike(value: JsonObject, source: string): string {
  const floats = new Map<string, string>();
  for (const [, key, number] of source.matchAll(
    /("(?:[^"\\]|\\.)*")\s*:\s*(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?=\s*[,}])/g,
  )) {
    if (/[.eE]/.test(number!) && Number.isInteger(Number(number))) floats.set(`${key}: ${Number(number)}`, number!);
  }
  const lines = JSON.stringify(value, null, 2).split("\n");
  const restored = lines.map((line) => {
    const [, indent, member, comma] = /^(\s*)("(?:[^"\\]|\\.)*": -?[\d.eE+-]+)(,?)$/.exec(line) ?? [];
    const number = member === undefined ? undefined : floats.get(member);
    return number === undefined ? line : `${indent}${member!.slice(0, member!.lastIndexOf(" "))} ${number}${comma}`;
  });
  return `${restored.join("\n")}\n`;
}
