/** Going on from a token that a person chose, on a server: a grammar says what the answer begins with. */
import type { Token } from "./client.ts";

const escapes: Readonly<Record<string, string>> = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A text as a literal of GBNF. */
const literal = (text: string): string => `"${text.replace(/["\\\n\r\t]/g, (sign) => escapes[sign]!)}"`;

/**
 * A grammar (GBNF) of all texts that begin with these tokens; where the last of them ends the answer, of that one text.
 * The space that begins a word is not shown at the beginning of an answer: it may be there or not.
 */
export function grammarOf(begun: readonly Token[]): string {
  const text = begun.map((token) => token.text).join("");
  const ends = begun.at(-1)?.text === "";
  const start = literal(text.replace(/^ /, ""));
  return `root ::= " "? ${start}${ends ? "" : " .*"}`;
}
