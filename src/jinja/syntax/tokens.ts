/** A template's text as tokens, by the rules of Jinja's lexer. */
import { fail } from "../../errors.ts";
import { plainJinja } from "./dialect.ts";
import { blankFrom, stripEnd, whitespace } from "./whitespace.ts";

export type TokenKind = "text" | "print" | "end print" | "block" | "end block" | Inner | "end";
type Inner = "name" | "string" | "int" | "float" | "operator";

export interface Token {
  readonly kind: TokenKind;
  /** Text as it will be printed, a name, the value of a string, digits, the operator. */
  readonly value: string;
  readonly line: number;
}

const patterns: readonly (readonly [Inner, RegExp])[] = [
  ["float", /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy],
  ["int", /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy],
  ["name", /[\p{L}\p{N}_]+/uy],
  ["string", /'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*"/sy],
  ["operator", /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y],
];
const blanks = new RegExp(`[${whitespace}]+`, "y");
/** Where print, block, comment and raw text end; `after` is what goes with the end where no sign says otherwise. */
const endsWith = (after: string) => ({
  print: new RegExp(`-\\}\\}[${whitespace}]*|\\}\\}`, "y"),
  block: new RegExp(`-%\\}[${whitespace}]*|\\+%\\}|%\\}${after}`, "y"),
  comment: new RegExp(`-#\\}[${whitespace}]*|\\+#\\}|#\\}${after}`, "g"),
  raw: new RegExp(
    `\\{%([-+]?)[${whitespace}]*endraw[${whitespace}]*(?:-%\\}[${whitespace}]*|\\+%\\}|%\\}${after})`,
    "g",
  ),
});
const ordinary = endsWith("");
const trimming = endsWith("\\n?");
const raw = new RegExp(`\\{%([-+]?)[${whitespace}]*raw[${whitespace}]*(?:(-)%\\}[${whitespace}]*|%\\})`, "y");
const closes: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

const escapes: Readonly<Record<string, string>> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** Escapes as Python's "unicode-escape" reads them; one it does not know stays, backslash and all. */
function unescaped(text: string, wrong: (what: string) => never): string {
  if (!text.includes("\\")) return text;
  const pattern = /\\(?:([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([xuUN])|([\s\S]))/g;
  return text.replace(pattern, (all, octal, x, u, long, broken, other: string | undefined) => {
    if (octal) return String.fromCodePoint(Number.parseInt(octal, 8));
    if (broken) return wrong(`the escape \\${broken} is not complete`);
    const hex = x ?? u ?? long;
    if (hex === undefined) return Object.hasOwn(escapes, other!) ? escapes[other!]! : all;
    const point = Number.parseInt(hex, 16);
    return point > 0x10ffff ? wrong(`there is no character ${all}`) : String.fromCodePoint(point);
  });
}

/**
 * Tokens of a template: one trailing line break is dropped, line breaks become `\n`, white space goes where `-` asks.
 * @param where file and template, for messages
 * @param dialect what else goes: the line break after a tag, the blanks before one on its line
 * @throws bad_input with the line
 */
export function tokenize(text: string, where: string, { trimBlocks, lstripBlocks } = plainJinja): Token[] {
  const ends = trimBlocks ? trimming : ordinary;
  const source = text.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  /** Whether a line begins here: blanks before a tag then go, where the dialect says so. */
  let fresh = true;
  const wrong = (what: string): never => fail("bad_input", what, { where: `${where}, line ${line}` });
  const advance = (to: number) => {
    for (let i = source.indexOf("\n", at); i >= 0 && i < to; i = source.indexOf("\n", i + 1)) line++;
    at = to;
  };
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(source);
  };
  const addText = (value: string) => {
    if (value !== "") tokens.push({ kind: "text", value, line });
  };

  const inside = (opened: "print" | "block") => {
    const start = line;
    const open: string[] = [];
    for (;;) {
      const end = open.length === 0 ? match(ends[opened]) : null;
      if (end) {
        tokens.push({ kind: `end ${opened}`, value: "", line });
        return advance(at + end[0].length);
      }
      if (at >= source.length) {
        line = start;
        wrong(opened === "print" ? '"{{" is never closed by "}}"' : '"{%" is never closed by "%}"');
      }
      const blank = match(blanks);
      if (blank) {
        advance(at + blank[0].length);
        continue;
      }
      const [kind, found] = patterns
        .map(([kind, pattern]) => [kind, match(pattern)] as const)
        .find(([, found]) => found) ?? ["operator" as const, null];
      if (!found) {
        const char = String.fromCodePoint(source.codePointAt(at)!);
        return wrong(char === '"' || char === "'" ? "a string is never closed" : `unexpected character "${char}"`);
      }
      const [piece] = found;
      if (kind === "operator") {
        if (piece in closes) open.push(closes[piece]!);
        else if (piece === ")" || piece === "]" || piece === "}") {
          const expected = open.pop();
          if (expected === undefined) wrong(`unexpected "${piece}"`);
          else if (expected !== piece) wrong(`unexpected "${piece}", expected "${expected}"`);
        }
      }
      const value = kind === "string" ? unescaped(piece.slice(1, -1), wrong) : piece;
      tokens.push({ kind, value, line });
      advance(at + piece.length);
    }
  };

  /** Text before a tag that is not to be printed with all its blanks. */
  const before = (text: string, sign: string | undefined, tag: boolean): string => {
    if (sign === "-") return stripEnd(text);
    if (sign === "+" || !lstripBlocks || !tag) return text;
    const line = text.lastIndexOf("\n") + 1;
    return (line > 0 || fresh) && blankFrom(text, line) ? text.slice(0, line) : text;
  };

  const opening = /\{[{%#]/g;
  while (at < source.length) {
    opening.lastIndex = at;
    const found = opening.exec(source);
    if (!found) {
      addText(source.slice(at));
      break;
    }
    const sign = source[found.index + 2];
    addText(before(source.slice(at, found.index), sign, found[0] !== "{{"));
    advance(found.index);
    const block = match(raw);
    if (block) {
      advance(at + block[0].length);
      fresh = source[at - 1] === "\n";
      ends.raw.lastIndex = at;
      const end = ends.raw.exec(source);
      if (!end) return wrong('"{% raw %}" is never closed by "{% endraw %}"');
      addText(before(source.slice(at, end.index), end[1], true));
      advance(end.index + end[0].length);
      fresh = source[at - 1] === "\n";
      continue;
    }
    const kind = found[0] === "{{" ? "print" : found[0] === "{%" ? "block" : "comment";
    const skip = at + 2 + (sign === "-" || sign === "+" ? 1 : 0);
    if (kind === "comment") {
      ends.comment.lastIndex = skip;
      const end = ends.comment.exec(source);
      if (!end) return wrong('"{#" is never closed by "#}"');
      advance(end.index + end[0].length);
      fresh = source[at - 1] === "\n";
      continue;
    }
    tokens.push({ kind, value: "", line });
    advance(skip);
    inside(kind);
    fresh = source[at - 1] === "\n";
  }
  tokens.push({ kind: "end", value: "", line });
  return tokens;
}
