/** Words of a text with their tokens: those that the text holds, or those that it was given as. */
import { fail } from "../../errors.ts";
import type { EncodedText } from "../../models/kinds/encoder.ts";
import type { Tokenizer } from "../../tokenizers/tokenizer.ts";

export interface Word {
  readonly text: string;
  /** Place in the text, UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

export interface WordsAsTokens {
  readonly words: readonly Word[];
  readonly input: EncodedText;
  /** For every word its first token; undefined where the tokenizer makes none of it. */
  readonly first: readonly (number | undefined)[];
  /** The text's first token, and the one behind its last: around them is what the tokenizer adds. */
  readonly inner: readonly [begin: number, end: number];
}

/** Runs of letters, digits and what joins them; a Chinese character and any other sign is a word by itself. */
const pattern = /\p{Script=Han}|(?:(?!\p{Script=Han})[\p{L}\p{N}\p{M}_])+|[^\s\p{L}\p{N}\p{M}_]/gu;

export const wordsOf = (text: string): Word[] =>
  Array.from(text.matchAll(pattern), (match) => ({
    text: match[0],
    start: match.index,
    end: match.index + match[0].length,
  }));

/** A text's words by the places of its tokens. */
export function fromText(tokenizer: Tokenizer, text: string): WordsAsTokens {
  const words = wordsOf(text);
  const { ids, typeIds, offsets, sequences } = tokenizer.encode(text);
  const first = words.map((): number | undefined => undefined);
  let word = 0;
  offsets.forEach(([start, end], token) => {
    if (sequences[token] === undefined || end === start) return;
    while (word < words.length && words[word]!.end <= start) word++;
    // One token may be several words: "..." is three.
    for (let i = word; i < words.length && words[i]!.start < end; i++) first[i] ??= token;
  });
  const inner = [Math.max(0, sequences.indexOf(0)), sequences.lastIndexOf(0) + 1] as const;
  return { words, input: { ids, types: typeIds }, first, inner };
}

/**
 * Whether a word is to have a space before it: to a byte-level tokenizer that adds none itself, a word in a text and a
 * word at its begin are two things, and the words given are those in a text, as transformers has it.
 */
const needsSpace = (tokenizer: Tokenizer): boolean => {
  const piece = (text: string) => tokenizer.encode(text, { addSpecialTokens: false }).pieces[0] ?? "";
  return piece(" a").startsWith("\u0120") && !piece("a").startsWith("\u0120");
};

/** Words as they are given: each becomes tokens by itself, as transformers' `is_split_into_words` has it. */
export function fromWords(tokenizer: Tokenizer, given: readonly string[]): WordsAsTokens {
  const space = needsSpace(tokenizer) ? " " : "";
  const frame = tokenizer.encode("a");
  const [begin, end] = [frame.sequences.indexOf(0), frame.sequences.lastIndexOf(0) + 1];
  const ids = frame.ids.slice(0, begin);
  const first = given.map((text) => {
    const own = tokenizer.encode(space + text, { addSpecialTokens: false }).ids;
    const at = ids.length;
    for (const id of own) ids.push(id);
    return own.length > 0 ? at : undefined;
  });
  const types = [
    ...frame.typeIds.slice(0, begin),
    ...new Array<number>(ids.length - begin).fill(frame.typeIds[begin]!),
    ...frame.typeIds.slice(end),
  ];
  const inner = [begin, ids.length] as const;
  ids.push(...frame.ids.slice(end));
  let at = 0;
  const words = given.map((text) => {
    const start = at;
    at += text.length + 1;
    return { text, start, end: start + text.length };
  });
  return { words, input: { ids, types }, first, inner };
}

/** A part of a text that the model reads at once, and the words that are told by it. */
export interface WordWindow {
  readonly input: EncodedText;
  /** The first of these words, and the one behind the last. */
  readonly from: number;
  readonly to: number;
  /** Their first tokens in the part. */
  readonly first: readonly (number | undefined)[];
}

/**
 * A text as parts that begin with a word's first token. Parts share tokens, and a word is told by the part in which the
 * most is before and behind it: every word by one part alone.
 * @throws too_long where not even one token fits beside what the tokenizer adds
 */
export function wordWindows({ input, first, inner }: WordsAsTokens, longest: number, overlap: number): WordWindow[] {
  const { ids, types = [] } = input;
  const [begin, end] = inner;
  const room = longest - (ids.length - (end - begin));
  if (room < 1) fail("too_long", `the model reads ${longest} tokens, which leaves none for the text`);
  const starts = first.filter((token) => token !== undefined);
  const step = Math.max(1, room - Math.min(overlap, room >> 1));
  const parts: { from: number; to: number }[] = [];
  for (let from = begin; ; ) {
    const to = Math.min(end, from + room);
    parts.push({ from, to });
    if (to === end) break;
    // A word of more tokens than a part has is cut, as there is no other way.
    from = starts.findLast((token) => token > from && token <= from + step) ?? from + step;
  }
  const around = (part: number, token: number) => {
    const { from, to } = parts[part]!;
    return token < from || token >= to ? -1 : Math.min(token - from, to - 1 - token);
  };
  let part = 0;
  const told = first.map((token) => {
    if (token === undefined) return part;
    const better = () => token >= parts[part]!.to || around(part + 1, token) > around(part, token);
    while (part + 1 < parts.length && better()) part++;
    return part;
  });
  return parts.map(({ from, to }, p): WordWindow => {
    const [one, behind] = [told.indexOf(p), told.lastIndexOf(p) + 1];
    const cut = <T>(list: readonly T[]): T[] => [...list.slice(0, begin), ...list.slice(from, to), ...list.slice(end)];
    const moved = (token: number | undefined) => (token === undefined ? undefined : token - from + begin);
    const words = one < 0 ? ([0, 0] as const) : ([one, behind] as const);
    return {
      input: { ids: cut(ids), types: cut(types) },
      from: words[0],
      to: words[1],
      first: first.slice(...words).map(moved),
    };
  });
}
