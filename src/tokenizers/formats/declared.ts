/**
 * Tokens that are declared outside of the vocabulary: in tokenizer_config.json (`added_tokens_decoder`, the named
 * tokens, `additional_special_tokens`, in newer files `extra_special_tokens`), special_tokens_map.json and
 * added_tokens.json.
 */
import { isJsonObject, type JsonObject, jsonKind, shown } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import type { AddedToken } from "../check.ts";

/** What stands beside the vocabulary, parsed. */
export interface Settings {
  /** tokenizer_config.json */
  readonly config?: JsonObject | undefined;
  /** special_tokens_map.json */
  readonly special?: JsonObject | undefined;
  /** added_tokens.json: id by text */
  readonly added?: JsonObject | undefined;
}

export type Declared = Omit<AddedToken, "id">;

const named = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"] as const;
const maxTokens = 100_000;
export const maxId = 16_000_000;

/** The text of a token given as a string or as an object with `content`. */
export function contentOf(value: unknown): string | undefined {
  const content = isJsonObject(value) ? value.content : value;
  return typeof content === "string" && content !== "" ? content : undefined;
}

function tokenOf(value: unknown, special: boolean): Declared | undefined {
  const content = contentOf(value);
  if (content === undefined) return undefined;
  const flags = isJsonObject(value) ? value : {};
  return {
    content,
    special,
    normalized: typeof flags.normalized === "boolean" ? flags.normalized : !special,
    lstrip: flags.lstrip === true,
    rstrip: flags.rstrip === true,
    singleWord: flags.single_word === true,
  };
}

/** A setting, wherever it is: the configuration before the map. */
export function settingOf({ config, special }: Settings, key: string): unknown {
  return config?.[key] ?? special?.[key];
}

/** The text of a named token. */
export function namedToken(settings: Settings, key: string): string | undefined {
  return contentOf(settingOf(settings, key));
}

/** Every token that has a name: `bos_token`, …, and those that newer files name under `extra_special_tokens`. */
export function namedTokens(settings: Settings): Map<string, string> {
  const found = new Map<string, string>();
  for (const { extra_special_tokens: extra } of [settings.special ?? {}, settings.config ?? {}]) {
    if (!isJsonObject(extra)) continue;
    for (const [name, value] of Object.entries(extra)) {
      const content = contentOf(value);
      if (content !== undefined) found.set(name, content);
    }
  }
  for (const key of named) {
    const content = namedToken(settings, key);
    if (content !== undefined) found.set(key, content);
  }
  return found;
}

export interface Declarations {
  /** With the ids they are declared with, in their order. */
  readonly numbered: readonly (readonly [id: number, token: Declared])[];
  /** Special ones without ids. */
  readonly special: readonly Declared[];
}

/** @throws corrupt_file for ids that are none */
export function declarationsOf(settings: Settings): Declarations {
  const { config = {}, special = {}, added = {} } = settings;
  const idOf = (value: unknown, file: string): number => {
    const id = typeof value === "string" && /^\d{1,8}$/.test(value) ? Number(value) : value;
    if (Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < maxId) return id as number;
    return fail("corrupt_file", `${shown(String(value))} is not an id`, { where: file });
  };
  const listed: Declared[] = [];
  const put = (value: unknown): void => {
    const token = tokenOf(value, true);
    if (token && !listed.some(({ content }) => content === token.content)) listed.push({ ...token });
  };
  const contents = new Set<string>();
  const several: unknown[] = [];
  for (const from of [config, special]) {
    for (const key of ["additional_special_tokens", "extra_special_tokens"]) {
      const value = from[key];
      if (Array.isArray(value)) for (const item of value) several.push(item);
      else if (isJsonObject(value)) several.push(...Object.values(value));
    }
  }
  if (several.length > maxTokens) {
    fail("corrupt_file", `${several.length} special tokens`, { where: "tokenizer_config.json" });
  }
  for (const key of named) put(settingOf(settings, key));
  for (const { content } of listed) contents.add(content);
  for (const value of several) {
    const token = tokenOf(value, true);
    if (!token || contents.has(token.content)) continue;
    contents.add(token.content);
    listed.push(token);
  }
  const numbered = new Map<number, Declared>();
  const decoder = config.added_tokens_decoder;
  if (decoder !== undefined && decoder !== null && !isJsonObject(decoder)) {
    fail("corrupt_file", `must be an object, got ${jsonKind(decoder)}`, {
      where: "tokenizer_config.json, added_tokens_decoder",
    });
  }
  // The file of old is read where the newer place is empty, as the reference does.
  const file = decoder ? "tokenizer_config.json, added_tokens_decoder" : "added_tokens.json";
  const entries = decoder
    ? Object.entries(decoder)
    : Object.entries(added).map(([content, id]): [unknown, unknown] => [id, content]);
  if (entries.length > maxTokens) fail("corrupt_file", `${entries.length} added tokens`, { where: file });
  for (const [key, value] of entries) {
    const declaredSpecial = isJsonObject(value) && value.special === true;
    const token = tokenOf(value, declaredSpecial || contents.has(contentOf(value) ?? ""));
    if (token) numbered.set(idOf(key, file), token);
  }
  return { numbered: [...numbered].sort(([a], [b]) => a - b), special: listed };
}

/**
 * All added tokens: those a file brings with it, and those that are declared beside it. One that the vocabulary knows
 * keeps the vocabulary's id; one whose id is somebody else's, or that has none, gets the next free one.
 */
export function joinAdded(
  own: readonly AddedToken[],
  { numbered, special }: Declarations,
  vocabulary: { readonly ids: ReadonlyMap<string, number>; readonly size: number; has(id: number): boolean },
): AddedToken[] {
  const tokens = new Map(own.map((token) => [token.content, token]));
  const taken = new Set(own.map(({ id }) => id));
  let next = vocabulary.size;
  for (const { id } of own) next = Math.max(next, id + 1);
  for (const [id] of numbered) next = Math.max(next, id + 1);
  const add = (token: Declared, wanted: number | undefined): void => {
    const known = tokens.get(token.content);
    if (known) {
      if (token.special && !known.special) tokens.set(token.content, { ...known, special: true });
      return;
    }
    const free = wanted !== undefined && !taken.has(wanted) && !vocabulary.has(wanted) ? wanted : undefined;
    const id = vocabulary.ids.get(token.content) ?? free ?? next++;
    taken.add(id);
    tokens.set(token.content, { ...token, id });
  };
  for (const [id, token] of numbered) add(token, id);
  for (const token of special) add(token, undefined);
  return [...tokens.values()];
}
