/** What a text is searched for: a string, a regular expression of a file, or one of this program's own. */
import { createMatcher } from "./match.ts";
import { type Node, parsePattern } from "./parse.ts";
import { compilePattern } from "./program.ts";

/** Everything found in a text, from left to right: starts and ends in UTF-16 units, one after the other. */
export type Pattern = (text: string) => readonly number[];

/** A string; an empty one is found nowhere. */
export function literal(content: string): Pattern {
  return (text) => {
    const out: number[] = [];
    if (content === "") return out;
    for (let at = text.indexOf(content); at >= 0; at = text.indexOf(content, at + content.length)) {
      out.push(at, at + content.length);
    }
    return out;
  };
}

/** An expression of the platform's, with the flag `g`: for those of this program only, as it may try again and again. */
export function native(expression: RegExp): Pattern {
  return (text) => {
    const out: number[] = [];
    expression.lastIndex = 0;
    for (let match = expression.exec(text); match; match = expression.exec(text)) {
      const end = match.index + match[0].length;
      out.push(match.index, end);
      if (end === match.index) expression.lastIndex = end + (text.codePointAt(end)! > 0xffff ? 2 : 1);
    }
    return out;
  };
}

/**
 * A regular expression from a file of strangers.
 * @throws corrupt_file for what is no pattern; unsupported for what cannot be run in linear time
 */
export function expression(source: string, where: string): Pattern {
  return createMatcher(compilePattern(parsePattern(source, where), source, where), source, where);
}

/**
 * Whether a regular expression from a file of strangers matches all of a text, which is not empty.
 * @throws as {@link expression}
 */
export function wholeExpression(source: string, where: string): (text: string) => boolean {
  const ends: Node[] = [
    { type: "assert", kind: "start" },
    parsePattern(source, where),
    { type: "assert", kind: "end" },
  ];
  const match = createMatcher(compilePattern({ type: "all", items: ends }, source, where), source, where);
  return (text) => match(text).length > 0;
}
