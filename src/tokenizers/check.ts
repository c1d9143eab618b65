/** A tokenizer.json is checked before the library builds anything from it: it is a program, and comes from a stranger. */

import { isJsonObject, type JsonObject, jsonKind, shown } from "../base/json.ts";
import { type ErrorCode, fail } from "../errors.ts";

const file = "tokenizer.json";
const maxPieces = 4_000_000;
const maxId = 16_000_000;
const maxRegex = 4000;

export interface AddedToken {
  readonly content: string;
  readonly id: number;
  readonly special: boolean;
  readonly normalized: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly singleWord: boolean;
}

function bad(path: string, what: string, code: ErrorCode = "corrupt_file"): never {
  return fail(code, what, { where: `${file}, ${path}` });
}

/** Whether `value` can be an id. */
function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < maxId;
}

/** A group of a pattern being read, or the pattern itself. */
interface Group {
  /** Where it begins. */
  readonly at: number;
  /** Holds something that may match more or less of the text. */
  loose: boolean;
  forked: boolean;
  /** Repeats without an end, in this branch and in the branch with most of them. */
  repeats: number;
  most: number;
}

const quantifier = /^(?:[*+?]|\{\d*,?\d*\})/;
const mostRepeats = 3;

/** `(?:a|b|c)`: single characters, each another, so that one at most fits. */
function isChoice(group: string): boolean {
  const inner = /^\((?:\?:)?((?:[\p{L}\p{N}\s_<>,;:!'"-]\|)*[\p{L}\p{N}\s_<>,;:!'"-])\)$/u.exec(group)?.[1];
  const parts = inner?.split("|") ?? [];
  return parts.length > 0 && new Set(parts).size === parts.length;
}

/**
 * Refuse patterns whose matching time can explode in programs that match by trying again, as most do (this one does
 * not, see `base/regex/match.ts`): a repeated group in which the same text fits in more than one way
 * (an open end, an option, branches), many open repeats in a row, and references back. Of what is left the time grows
 * with a small power of a run of equal characters.
 */
export function checkRegex(source: string, path: string): void {
  if (source.length > maxRegex) bad(path, `pattern of ${source.length} characters, at most ${maxRegex}`);
  if (/\\[1-9]|\\k</.test(source)) bad(path, "patterns with references back are not run", "unsupported");
  const explodes = (what: string) => bad(path, `${what} in ${shown(source)}: it could run forever`, "unsupported");
  const begin = (at: number): Group => ({ at, loose: false, forked: false, repeats: 0, most: 0 });
  const count = (group: Group, repeats: number) => {
    group.repeats += repeats;
    group.most = Math.max(group.most, group.repeats);
    if (group.repeats > mostRepeats) explodes(`more than ${mostRepeats} open repeats in a row`);
  };
  const open: Group[] = [begin(0)];
  for (let i = 0; i < source.length; i++) {
    const char = source[i]!;
    const group = open.at(-1)!;
    const repeat = quantifier.exec(source.slice(i, i + 12))?.[0];
    if (char === "\\") i++;
    else if (char === "[") {
      for (let depth = 1; depth > 0 && ++i < source.length; ) {
        if (source[i] === "\\") i++;
        else if (source[i] === "[") depth++;
        else if (source[i] === "]") depth--;
      }
    } else if (char === "(") {
      open.push(begin(i));
      // What kind of group it is, is no option.
      i += (/^\(\?(?:<?[=!]|<\w*>|[\w-]*:|>)/.exec(source.slice(i, i + 40))?.[0].length ?? 1) - 1;
    } else if (char === "|") {
      group.forked = true;
      group.repeats = 0;
    } else if (char === ")" && open.length > 1) {
      open.pop();
      const outer = open.at(-1)!;
      const after = quantifier.exec(source.slice(i + 1, i + 13))?.[0];
      if (after && after !== "?") {
        if (group.loose) explodes("repeat within a repeat");
        if (group.forked && !isChoice(source.slice(group.at, i + 1))) explodes("repeated branches");
      }
      outer.loose ||= group.loose;
      count(outer, group.most);
    } else if (repeat) {
      group.loose ||= !/^\{\d+\}$/.test(repeat);
      if (/^(?:[*+]|\{\d*,\})$/.test(repeat)) count(group, 1);
      i += repeat.length - 1;
      // Lazy or possessive: another sign, no other repeat.
      if (/[?+]/.test(source[i + 1] ?? "")) i++;
    }
  }
}

/** Walk normaliser, pre-tokenizer, decoder and post-processor: depth, and numbers that steer loops. */
function checkSteps(value: unknown, path: string, depth = 0): void {
  if (depth > 24) bad(path, "nested too deeply");
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) checkSteps(item, `${path}[${i}]`, depth + 1);
  } else if (isJsonObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      const at = `${path}.${key}`;
      if (key === "Regex") {
        if (typeof item !== "string") bad(at, `must be a string, got ${jsonKind(item)}`);
      } else if (key === "pattern" && !(isJsonObject(item) && (typeof item.String === "string" || "Regex" in item))) {
        bad(at, "must be {String} or {Regex}");
      } else if (key === "length" && !(isId(item) && item > 0)) {
        bad(at, "must be a positive integer");
      } else {
        checkSteps(item, at, depth + 1);
      }
    }
  } else if (path.endsWith("]") && (path.includes("normalizers[") || path.includes("decoders["))) {
    if (depth <= 2) bad(path, `must be an object, got ${jsonKind(value)}`);
  }
}

function checkUnigram(model: JsonObject): number {
  const { vocab, unk_id: unknown } = model;
  if (!Array.isArray(vocab)) bad("model.vocab", `must be an array of [piece, score], got ${jsonKind(vocab)}`);
  if (vocab.length === 0 || vocab.length > maxPieces) bad("model.vocab", `has ${vocab.length} pieces`);
  for (let i = 0; i < vocab.length; i++) {
    const item = vocab[i] as unknown;
    if (!Array.isArray(item) || typeof item[0] !== "string" || typeof item[1] !== "number" || item.length !== 2) {
      bad(`model.vocab[${i}]`, "must be [piece, score]");
    }
    if (!Number.isFinite(item[1])) bad(`model.vocab[${i}]`, "score is not a finite number");
  }
  if (unknown !== null && unknown !== undefined && !(isId(unknown) && unknown < vocab.length)) {
    bad("model.unk_id", `must be an index into the vocabulary of ${vocab.length}, got ${shown(String(unknown))}`);
  }
  return vocab.length;
}

function checkMerges(merges: unknown, vocab: JsonObject): void {
  if (!Array.isArray(merges)) bad("model.merges", `must be an array, got ${jsonKind(merges)}`);
  const asPairs = Array.isArray(merges[0]);
  for (let i = 0; i < merges.length; i++) {
    const merge = merges[i] as unknown;
    if (Array.isArray(merge) !== asPairs) bad(`model.merges[${i}]`, "pairs and strings are mixed");
    const pair: unknown[] = asPairs ? (merge as unknown[]) : typeof merge === "string" ? merge.split(" ") : [];
    const [left, right] = pair;
    if (pair.length !== 2 || typeof left !== "string" || typeof right !== "string") {
      bad(`model.merges[${i}]`, "must be two pieces");
    }
    if (!Object.hasOwn(vocab, left) || !Object.hasOwn(vocab, right)) {
      bad(`model.merges[${i}]`, `${shown(left)} or ${shown(right)} is not in the vocabulary`);
    }
  }
}

function checkVocabulary(model: JsonObject): number {
  const { vocab } = model;
  if (!isJsonObject(vocab)) bad("model.vocab", `must be an object from piece to id, got ${jsonKind(vocab)}`);
  const pieces = Object.keys(vocab);
  if (pieces.length === 0 || pieces.length > maxPieces) bad("model.vocab", `has ${pieces.length} pieces`);
  const seen = new Set<number>();
  for (const piece of pieces) {
    const id = vocab[piece];
    if (!isId(id)) bad(`model.vocab[${shown(piece)}]`, `must be an id below ${maxId}, got ${shown(String(id))}`);
    if (seen.has(id)) bad(`model.vocab[${shown(piece)}]`, `id ${id} is given twice`);
    seen.add(id);
  }
  if (model.type === "BPE") checkMerges(model.merges, vocab);
  for (const key of ["unk_token", "continuing_subword_prefix", "continuing_subword_suffix", "end_of_word_suffix"]) {
    const value = model[key];
    if (value !== undefined && value !== null && typeof value !== "string") bad(`model.${key}`, "must be a string");
  }
  if (model.type !== "BPE" && typeof model.unk_token !== "string") bad("model.unk_token", "must be a string");
  return pieces.length;
}

function checkAdded(value: unknown): AddedToken[] {
  if (!Array.isArray(value)) bad("added_tokens", `must be an array, got ${jsonKind(value)}`);
  if (value.length > 100_000) bad("added_tokens", `has ${value.length} entries`);
  return value.map((item: unknown, i): AddedToken => {
    const at = `added_tokens[${i}]`;
    if (!isJsonObject(item)) bad(at, `must be an object, got ${jsonKind(item)}`);
    const { content, id } = item;
    if (typeof content !== "string" || content.length === 0) bad(`${at}.content`, "must be a non-empty string");
    if (!isId(id)) bad(`${at}.id`, `must be an id below ${maxId}`);
    const special = item.special === true;
    return {
      content,
      id,
      special,
      normalized: typeof item.normalized === "boolean" ? item.normalized : !special,
      lstrip: item.lstrip === true,
      rstrip: item.rstrip === true,
      singleWord: item.single_word === true,
    };
  });
}

/**
 * Check a parsed tokenizer.json.
 * @returns the object with what may be left out filled in, and its added tokens
 * @throws corrupt_file with the path of the key; unsupported for what is valid but not run here
 */
export function checkTokenizerJson(json: JsonObject): { json: JsonObject; added: AddedToken[] } {
  const { model } = json;
  if (!isJsonObject(model)) bad("model", `must be an object, got ${jsonKind(model)}`);
  const type = model.type ?? (Array.isArray(model.vocab) ? "Unigram" : Array.isArray(model.merges) ? "BPE" : undefined);
  if (type !== "Unigram" && type !== "BPE" && type !== "WordPiece" && type !== "WordLevel") {
    bad("model.type", `${shown(String(type))} is not one of Unigram, BPE, WordPiece, WordLevel`, "unsupported");
  }
  const typed = { ...model, type };
  if (type === "Unigram") checkUnigram(typed);
  else checkVocabulary(typed);
  const steps: Record<string, unknown> = {};
  for (const key of ["normalizer", "pre_tokenizer", "post_processor", "decoder"]) {
    const value = json[key] ?? null;
    if (value !== null && !isJsonObject(value)) bad(key, `must be an object or null, got ${jsonKind(value)}`);
    checkSteps(value, key);
    steps[key] = value;
  }
  const added = checkAdded(json.added_tokens ?? []);
  return { json: { ...json, ...steps, model: typed, added_tokens: json.added_tokens ?? [] }, added };
}
