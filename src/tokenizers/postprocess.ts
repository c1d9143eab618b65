/** The post-processors of tokenizer.json: which tokens stand around one text or two, and of which type everything is. */
import { isJsonObject, type JsonObject, shown } from "../base/json.ts";
import { bad, booleanOf, listOf } from "./settings.ts";

export type Span = [start: number, end: number];

/** A token put in, or one of the texts. */
export type Item =
  | { readonly token: string; readonly id: number; readonly type: number }
  | { readonly sequence: 0 | 1; readonly type: number };

export interface PostProcessor {
  /** For one text, with and without special tokens. */
  readonly single: readonly [without: readonly Item[], within: readonly Item[]];
  /** For two texts; undefined where the file has no template for them. */
  readonly pair: readonly [without: readonly Item[], within: readonly Item[]] | undefined;
  /** Leaves the spaces at the ends of pieces out of their places, where the file asks for that. */
  trim(text: string, pieces: readonly string[], offsets: Span[]): void;
}

/** Each text with what stands around it. */
type Parts = Item[][];
type Step = (parts: Parts, special: boolean) => Parts;

const maxItems = 1000;
/** Steps in one file; real ones have two. */
const maxProcessors = 16;

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31;
}

/** `["[SEP]", 102]`. */
function tokenOf(value: unknown, path: string): { token: string; id: number } {
  const [token, id] = Array.isArray(value) ? (value as unknown[]) : [];
  return typeof token === "string" && isId(id) ? { token, id } : bad(path, "must be a token and its id");
}

/** One template: items of which "A" and "B" stand for the texts. */
function templateOf(value: unknown, tokens: JsonObject, path: string): Item[] {
  const items = listOf(value, path).flatMap((item, i): Item[] => {
    const at = `${path}[${i}]`;
    const held = item.SpecialToken ?? item.Sequence;
    if (!isJsonObject(held)) return bad(at, "must be {SpecialToken} or {Sequence}");
    const { id, type_id: type = 0 } = held;
    if (!isId(type)) return bad(`${at}.type_id`, "must be a small count");
    if (item.Sequence !== undefined) {
      return id === "A" || id === "B"
        ? [{ sequence: id === "A" ? 0 : 1, type }]
        : bad(at, "must be the sequence A or B");
    }
    const named = typeof id === "string" && Object.hasOwn(tokens, id) ? tokens[id] : undefined;
    const { ids, tokens: pieces } = isJsonObject(named) ? named : ({} as JsonObject);
    if (!Array.isArray(ids) || !Array.isArray(pieces) || ids.length !== pieces.length) {
      return bad(at, `${shown(String(id))} is not among special_tokens with its ids and tokens`);
    }
    return ids.map((number: unknown, k) => {
      const token: unknown = pieces[k];
      return isId(number) && typeof token === "string"
        ? { token, id: number, type }
        : bad(`post_processor.special_tokens[${shown(String(id))}]`, "must have ids and tokens");
    });
  });
  if (items.length > maxItems) bad(path, `has ${items.length} items, at most ${maxItems} are put in`, "unsupported");
  for (const sequence of [0, 1]) {
    if (items.filter((item) => "sequence" in item && item.sequence === sequence).length > 1) {
      bad(path, "has the same text twice", "unsupported");
    }
  }
  return items;
}

const typed = (items: readonly Item[], type: number): Item[] => items.map((item) => ({ ...item, type }));

function template(step: JsonObject, path: string): Step {
  const { special_tokens: given = {} } = step;
  const tokens = isJsonObject(given) ? given : bad(`${path}.special_tokens`, "must be an object");
  const single = templateOf(step.single ?? [], tokens, `${path}.single`);
  const pair = templateOf(step.pair ?? [], tokens, `${path}.pair`);
  if (single.some((item) => "sequence" in item && item.sequence === 1)) bad(`${path}.single`, "has a second text");
  return (parts, special) => {
    if (parts.length > 2) return bad(path, "is a template over what a template made", "unsupported");
    const items = parts.length === 2 ? pair : single;
    return items.flatMap((item): Parts => {
      if (!("sequence" in item)) return special ? [[item]] : [];
      return [typed(parts[item.sequence] ?? [], item.type)];
    });
  };
}

/** All steps, one after the other, sequences within sequences taken apart, each with its place in the file. */
function stepsOf(step: JsonObject, path: string): [step: JsonObject, path: string][] {
  if (step.type !== "Sequence") return [[step, path]];
  return listOf(step.processors, `${path}.processors`).flatMap((item, i) => stepsOf(item, `${path}.processors[${i}]`));
}

function stepOf(step: JsonObject, path: string): Step {
  switch (step.type) {
    case "TemplateProcessing":
      return template(step, path);
    case "BertProcessing": {
      const [sep, cls] = [tokenOf(step.sep, `${path}.sep`), tokenOf(step.cls, `${path}.cls`)];
      return ([first = [], ...others], special) => {
        if (!special) return [first, ...others];
        const ended = others.map((part) => [...part, { ...sep, type: 1 }]);
        return [[{ ...cls, type: 0 }, ...first, { ...sep, type: 0 }], ...ended];
      };
    }
    case "RobertaProcessing": {
      const [sep, cls] = [tokenOf(step.sep, `${path}.sep`), tokenOf(step.cls, `${path}.cls`)];
      return (parts, special) => {
        const [first = [], ...others] = parts.map((part) => typed(part, 0));
        if (!special) return [first, ...others];
        const end = { ...sep, type: 0 };
        return [[{ ...cls, type: 0 }, ...first, end], ...others.map((part) => [end, ...part, end])];
      };
    }
    case "ByteLevel":
      return (parts) => parts;
    default:
      return bad(`${path}.type`, `${JSON.stringify(step.type)?.slice(0, 60)} is not run here`, "unsupported");
  }
}

const blank = /[Ġ\p{White_Space}]/u;

/** The place `count` characters from `at`, forwards or (below 0) backwards. */
function moved(text: string, at: number, count: number): number {
  let to = at;
  for (let n = Math.abs(count); n > 0; n--) {
    if (count > 0) to += (text.codePointAt(to) ?? 0) > 0xffff ? 2 : 1;
    else to -= to > 1 && (text.codePointAt(to - 2) ?? 0) > 0xffff ? 2 : 1;
  }
  return to;
}

function trimSpaces(text: string, pieces: readonly string[], offsets: Span[], prefixed: boolean): void {
  for (const [i, piece] of pieces.entries()) {
    const [start, end] = offsets[i]!;
    const { length } = piece;
    let leading = 0;
    while (leading < length && blank.test(piece[leading]!)) leading++;
    let trailing = 0;
    while (trailing < length && blank.test(piece[length - 1 - trailing]!)) trailing++;
    // One space before the text is what was put there; more of them are the text's own.
    if (leading === 1 && prefixed && (i === 0 || start === 0)) leading = 0;
    const from = Math.min(moved(text, start, leading), end);
    const to = trailing > 0 ? moved(text, end, -trailing) : end;
    offsets[i] = [from, to >= 0 ? Math.max(to, from) : end];
  }
}

/** Whether a step leaves spaces out of places, and then whether a space before the text was put there. */
function trimOf(step: JsonObject, path: string): boolean[] {
  if (step.type !== "ByteLevel" && step.type !== "RobertaProcessing") return [];
  const prefixed = booleanOf(step.add_prefix_space, true, `${path}.add_prefix_space`);
  return booleanOf(step.trim_offsets, true, `${path}.trim_offsets`) ? [prefixed] : [];
}

/** The post-processor that a step of tokenizer.json describes; null puts two texts one after the other. */
export function createPostProcessor(step: JsonObject | null): PostProcessor {
  const listed = step ? stepsOf(step, "post_processor") : [];
  if (listed.length > maxProcessors) {
    bad("post_processor", `has ${listed.length} steps, at most ${maxProcessors} are run`, "unsupported");
  }
  const steps = listed.map(([one, path]) => stepOf(one, path));
  const apply: Step = (parts, special) => steps.reduce((made, next) => next(made, special), parts);
  const first: Item = { sequence: 0, type: 0 };
  const second: Item = { sequence: 1, type: 1 };
  const both = (parts: Parts): [readonly Item[], readonly Item[]] => {
    const made = [apply(parts, false).flat(), apply(parts, true).flat()] as const;
    if (made[1].length > 4 * maxItems) bad("post_processor", "puts too many tokens in", "unsupported");
    return [made[0], made[1]];
  };
  const pair = both([[first], [second]]);
  const trims = listed.flatMap(([one, path]) => trimOf(one, path));
  const holds = (sequence: 0 | 1) => pair[1].some((item) => "sequence" in item && item.sequence === sequence);
  return {
    single: both([[first]]),
    pair: holds(0) && holds(1) ? pair : undefined,
    trim(text, pieces, offsets) {
      for (const prefixed of trims) trimSpaces(text, pieces, offsets, prefixed);
    },
  };
}
