/**
 * YAML from untrusted files, as PyYAML reads it where YAML 1.1 is asked for. The library reads nested nodes by
 * recursion, which deep nesting ends in a way that cannot be caught: its parser, which has a stack of its own, is
 * looked at before.
 */
import {
  Composer,
  type Document,
  type DocumentOptions,
  isScalar,
  Lexer,
  LineCounter,
  type ParsedNode,
  type ParseOptions,
  Parser,
  type SchemaOptions,
  type Tags,
} from "yaml";
import { fail, ZerothError } from "../errors.ts";

const longest = 4 << 20;
/** Scalars, marks and spaces; promptsource's longest files have some thousands. */
const mostTokens = 100_000;
/** Open collections within each other; files of templates have five. */
const deepest = 200;

type Tag = Exclude<Tags[number], string>;

/** A text that the library's YAML 1.1 takes for a boolean or a number and PyYAML does not, and what PyYAML does. */
const narrower: readonly (readonly [text: string, pattern: RegExp])[] = [
  ["y", /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/],
  ["n", /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/],
  ["1e3", /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)[eE][-+][0-9]+$/],
  ["+.5", /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)$/],
  ["08", /^[-+]?(?:0|[1-9][0-9_]*)$/],
];

/** The tags of the library's YAML 1.1 with PyYAML's idea of what is a boolean and what a number. */
export const pythonTags = (tags: Tags): Tags =>
  tags.map((tag) => {
    const test = typeof tag === "object" && "test" in tag ? tag.test : undefined;
    const found = narrower.find(([text]) => test?.test(text));
    return found ? ({ ...(tag as object), test: found[1] } as Tag) : tag;
  });

function* shallow(text: string, parser: Parser, where: string, lines: LineCounter) {
  lines.addNewLine(0);
  const refused = (what: string) => fail("bad_input", what, { where: `${where}:${lines.linePos(parser.offset).line}` });
  let tokens = 0;
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (++tokens > mostTokens) refused(`more than ${mostTokens} tokens`);
    if (parser.stack.length > deepest) refused(`collections nested more than ${deepest} deep`);
  }
  yield* parser.end();
}

type OnError = (source: number | [number, number] | { offset: number }, code: string, message: string) => void;

export interface ReadYaml {
  readonly document: Document.Parsed<ParsedNode>;
  /** From 1. */
  lineOf(offset: number): number;
}

/** Every key of a mapping is compared with those before it; two thousand keys take so many comparisons. */
const mostCompared = 2_000_000;

/**
 * Read a YAML text of one document.
 * @param where the file, for messages
 * @throws bad_input naming file and line: not YAML, an unknown tag, too long, too many keys, nested too deep
 */
export function readYaml(
  text: string,
  where: string,
  options: ParseOptions & DocumentOptions & SchemaOptions,
): ReadYaml {
  if (text.length > longest) fail("bad_input", `${text.length} characters, at most ${longest} are read`, { where });
  const lines = new LineCounter();
  const lineOf = (offset: number) => lines.linePos(offset).line;
  const at = (offset: number) => `${where}:${lineOf(offset)}`;
  // The library catches what is thrown while it composes a node, and reports that: the first error is the one.
  let first: ZerothError | undefined;
  const stop = (what: string, offset: number): never => {
    first ??= new ZerothError("bad_input", what, { where: at(offset) });
    throw first;
  };
  let compared = 0;
  const uniqueKeys = (a: ParsedNode & { value?: unknown }, b: ParsedNode & { value?: unknown }): boolean => {
    if (++compared > mostCompared)
      stop("more keys in one mapping than are read", isScalar(b) ? (b.range?.[0] ?? 0) : 0);
    return a.value === b.value && isScalar(a) && isScalar(b);
  };
  const composer = new Composer<ParsedNode>({ ...options, uniqueKeys, prettyErrors: false, lineCounter: lines });
  // It would go on to the last of any number of errors, of which the first is told.
  const onError: OnError = (source, _, message) => {
    const offset = typeof source === "number" ? source : Array.isArray(source) ? source[0] : source.offset;
    stop(`not readable as YAML: ${message}`, offset);
  };
  Object.assign(composer, { onError });
  let document: Document.Parsed<ParsedNode> | undefined;
  try {
    for (const one of composer.compose(shallow(text, new Parser(lines.addNewLine), where, lines), true, text.length)) {
      if (document) fail("bad_input", "not readable as YAML: more than one document", { where: at(one.range[0]) });
      document = one as Document.Parsed<ParsedNode>;
    }
  } catch (cause) {
    if (cause instanceof ZerothError) throw cause;
    fail("bad_input", `not readable as YAML: ${(cause as Error).message}`, { where, cause });
  }
  return { document: document!, lineOf };
}

/** What is read of a node. @throws bad_input for aliases out of all proportion */
export function plainYaml(read: () => unknown, where: string): unknown {
  try {
    return read();
  } catch (cause) {
    return fail("bad_input", `not readable as YAML: ${(cause as Error).message}`, { where, cause });
  }
}
