/**
 * Which documents may be found: `path ~ "guides/" and (year >= 2020 or not kind = markdown)`. A field is `path`, `title`,
 * `kind`, `heading`, `page`, `modified` (`mtime`), or a column of a file of rows; `~` means that the field holds the text
 * somewhere. A field that a document does not have fits nothing but `!=`.
 */
import { fail } from "../errors.ts";

export type Field = string | number | boolean | null | undefined;
/** Of a chunk: its field of this name. */
export type FieldsOf = (name: string) => Field;
export type Filter = (fields: FieldsOf) => boolean;

const tokenPattern = /\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(<=|>=|!=|==|[=<>~()])|([^\s"'=<>!~()]+))/y;

interface Token {
  readonly kind: "text" | "sign" | "word";
  readonly text: string;
  readonly at: number;
}

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  while (source.slice(tokenPattern.lastIndex).trim() !== "") {
    const at = tokenPattern.lastIndex;
    const [, text, sign, word] =
      tokenPattern.exec(source) ??
      fail("bad_input", `cannot be read at character ${at + 1}`, { where: `filter ${source}` });
    if (text !== undefined) tokens.push({ kind: "text", text: text.slice(1, -1).replace(/\\(.)/g, "$1"), at });
    else tokens.push(sign === undefined ? { kind: "word", text: word!, at } : { kind: "sign", text: sign, at });
  }
  return tokens;
}

/** Numbers as they are, dates as milliseconds; undefined for other texts. */
function numberOf(value: string): number | undefined {
  const number = Number(value);
  if (value.trim() !== "" && Number.isFinite(number)) return number;
  const date = /^\d{4}-\d{2}(-\d{2})?([T ][\d:.]+(Z|[+-]\d\d:?\d\d)?)?$/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : date;
}

type Comparison = (field: string | number | boolean, wanted: string) => boolean;

const equal: Comparison = (field, wanted) => {
  if (typeof field === "number") return field === numberOf(wanted);
  return String(field).toLowerCase() === wanted.toLowerCase();
};

const ordered =
  (fits: (a: number | string, b: number | string) => boolean): Comparison =>
  (field, wanted) => {
    const [a, b] = [typeof field === "number" ? field : numberOf(String(field)), numberOf(wanted)];
    return a !== undefined && b !== undefined ? fits(a, b) : fits(String(field), wanted);
  };

const comparisons: Readonly<Record<string, Comparison>> = {
  "=": equal,
  "==": equal,
  "~": (field, wanted) => String(field).toLowerCase().includes(wanted.toLowerCase()),
  "<": ordered((a, b) => a < b),
  "<=": ordered((a, b) => a <= b),
  ">": ordered((a, b) => a > b),
  ">=": ordered((a, b) => a >= b),
};

/** Deeper brackets than anybody writes. */
const mostDepth = 50;

/** @throws bad_input that says where the expression stops being one */
export function parseFilter(source: string): Filter {
  const tokens = tokensOf(source);
  let at = 0;
  const wrong = (expected: string): never => {
    const token = tokens[at];
    const found = token ? `"${token.text}" at character ${token.at + 1}` : "its end";
    return fail("bad_input", `expected ${expected}, found ${found}`, {
      where: `filter ${source}`,
      hint: 'for example: path ~ "guides/" and modified > 2024-01-01',
    });
  };
  const isWord = (word: string) => tokens[at]?.kind === "word" && tokens[at]!.text.toLowerCase() === word;
  const take = (word: string): boolean => {
    if (!isWord(word)) return false;
    at++;
    return true;
  };

  function comparison(): Filter {
    const name = tokens[at];
    if (name?.kind !== "word" || isWord("and") || isWord("or")) return wrong("the name of a field");
    at++;
    const sign = tokens[at];
    if (sign?.kind !== "sign" || sign.text === "(" || sign.text === ")") return wrong("one of = != ~ < <= > >=");
    at++;
    const value = tokens[at];
    if (!value || value.kind === "sign") return wrong("a value");
    at++;
    const field = name.text.toLowerCase() === "mtime" ? "modified" : name.text;
    const fits = comparisons[sign.text === "!=" ? "=" : sign.text]!;
    const there = (fields: FieldsOf) => {
      const found = fields(field);
      return found !== undefined && found !== null && fits(found, value.text);
    };
    return sign.text === "!=" ? (fields) => !there(fields) : there;
  }

  function single(depth: number): Filter {
    if (depth > mostDepth) return wrong("fewer brackets");
    if (take("not")) {
      const inner = single(depth + 1);
      return (fields) => !inner(fields);
    }
    if (tokens[at]?.kind !== "sign" || tokens[at]!.text !== "(") return comparison();
    at++;
    const inner = either(depth + 1);
    if (tokens[at]?.text !== ")") return wrong(")");
    at++;
    return inner;
  }

  function both(depth: number): Filter {
    const all = [single(depth)];
    while (take("and")) all.push(single(depth));
    return all.length === 1 ? all[0]! : (fields) => all.every((one) => one(fields));
  }

  function either(depth: number): Filter {
    const all = [both(depth)];
    while (take("or")) all.push(both(depth));
    return all.length === 1 ? all[0]! : (fields) => all.some((one) => one(fields));
  }

  const filter = either(0);
  return at < tokens.length ? wrong("and, or, or the end") : filter;
}
