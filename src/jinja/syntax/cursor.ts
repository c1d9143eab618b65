/** A place in a template's tokens, for the parser. */
import { fail } from "../../errors.ts";
import type { Dialect } from "./dialect.ts";
import { type Token, type TokenKind, tokenize } from "./tokens.ts";

const deepest = 100;

export interface Cursor {
  /** The token at the place. */
  here(): Token;
  /** The token `n` after it. */
  ahead(n: number): Token | undefined;
  /** The token at the place, which is passed. */
  take(): Token;
  is(kind: TokenKind, value?: string): boolean;
  operator(value: string): boolean;
  /** Whether one of these names stands here. */
  word(...values: string[]): boolean;
  /** Pass a token if it stands here. */
  skip(kind: TokenKind, value?: string): boolean;
  /** Pass a token that must stand here. */
  expect(kind: TokenKind, value?: string): Token;
  /** A token for messages. */
  describe(token: Token): string;
  /** @throws bad_input with the line */
  wrong(what: string, line?: number): never;
  /** @throws too_long with the line */
  tooLong(what: string): never;
  /** Parse something that may contain its like: the depth is limited, so that no template exhausts the stack. */
  deeper<T>(inner: () => T): T;
}

export function cursorOf(text: string, where: string, dialect: Dialect): Cursor {
  const tokens = tokenize(text, where, dialect);
  let at = 0;
  let depth = 0;

  const here = (): Token => tokens[at]!;
  const describe = ({ kind, value }: Token): string =>
    kind === "end" ? "the end of the template" : kind === "text" ? "text" : value === "" ? kind : `"${value}"`;
  const wrong = (what: string, line = here().line): never =>
    fail("bad_input", what, { where: `${where}, line ${line}` });
  const tooLong = (what: string): never => fail("too_long", what, { where: `${where}, line ${here().line}` });
  const is = (kind: TokenKind, value?: string): boolean =>
    here().kind === kind && (value === undefined || here().value === value);
  const operator = (value: string): boolean => is("operator", value);
  const word = (...values: string[]): boolean => here().kind === "name" && values.includes(here().value);
  const skip = (kind: TokenKind, value?: string): boolean => {
    if (!is(kind, value)) return false;
    at++;
    return true;
  };
  const expect = (kind: TokenKind, value?: string): Token => {
    const token = here();
    if (!skip(kind, value)) wrong(`unexpected ${describe(token)}, expected ${value ? `"${value}"` : `a ${kind}`}`);
    return token;
  };
  const deeper = <T>(inner: () => T): T => {
    if (++depth > deepest) wrong(`more than ${deepest} levels of nesting`);
    const result = inner();
    depth--;
    return result;
  };
  return {
    here,
    ahead: (n) => tokens[at + n],
    take: () => tokens[at++]!,
    is,
    operator,
    word,
    skip,
    expect,
    describe,
    wrong,
    tooLong,
    deeper,
  };
}
