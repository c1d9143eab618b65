/** Words of a text with their tokens: those that the text holds, or those that it was given as. */
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
  return { words, input: { ids, types: typeIds }, first };
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
  ids.push(...frame.ids.slice(end));
  let at = 0;
  const words = given.map((text) => {
    const start = at;
    at += text.length + 1;
    return { text, start, end: start + text.length };
  });
  return { words, input: { ids, types }, first };
}
