/** Files of words and tags, a word a line, as the CoNLL tasks have them. */
import { fail } from "../errors.ts";

export interface TaggedWords {
  readonly tokens: readonly string[];
  readonly tags: readonly string[];
  /** The sentence's first line, from 1. */
  readonly line: number;
}

/**
 * Sentences of a text whose lines are a word, other columns, and a tag, between blanks or tabs; an empty line ends a
 * sentence, `-DOCSTART-` and comments (`# …` alone in a sentence's begin) are passed over. Line ends of any kind, with
 * or without a mark at the begin.
 * @throws bad_input naming the line that has a word and no tag
 */
export function readConll(text: string, where: string): TaggedWords[] {
  const sentences: TaggedWords[] = [];
  let tokens: string[] = [];
  let tags: string[] = [];
  let first = 1;
  const end = () => {
    if (tokens.length > 0) sentences.push({ tokens, tags, line: first });
    [tokens, tags] = [[], []];
  };
  for (const [i, raw] of text
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\n|\r/)
    .entries()) {
    const line = raw.trim();
    if (line === "") {
      end();
      continue;
    }
    if (line.startsWith("-DOCSTART-") || (tokens.length === 0 && /^#\s/.test(line))) continue;
    const columns = line.includes("\t") ? line.split("\t").map((part) => part.trim()) : line.split(/\s+/);
    const [word, tag] = [columns[0]!, columns.at(-1)!];
    if (columns.length < 2 || tag === "") {
      fail("bad_input", `line ${i + 1} has a word and no tag`, {
        where,
        hint: "a line is a word, a blank or a tab, and its tag; an empty line ends a sentence",
      });
    }
    if (tokens.length === 0) first = i + 1;
    tokens.push(word);
    tags.push(tag);
  }
  end();
  return sentences;
}
