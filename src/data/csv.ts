/**
 * CSV and TSV as people have them: lines end with LF, CRLF or CR, fields may be quoted and then hold separators, quotes
 * and line ends (RFC 4180), records may be ragged. A quote that opens a field of a TSV but does not close it at the
 * field's end is a character: no option of csv-parse reads both kinds of field.
 */
import { fail, ZerothError } from "../errors.ts";
import type { Row } from "./values.ts";

export type Separator = "," | ";" | "\t";

const separatorNames: { readonly [S in Separator]: string } = { ",": "commas", ";": "semicolons", "\t": "tabs" };

/** Most characters of a record. */
const longestRecord = 64 << 20;
/** In a TSV a field that is not closed within so many characters was not quoted. */
const longestQuoted = 1 << 20;

interface Rules {
  readonly separator: Separator;
  /** Whether a carriage return alone ends a line: where the first line ends so. */
  readonly bareReturns: boolean;
  readonly where: string;
}

/** Where a quoted field closes; "none" where it does not, undefined where more text is needed to tell. */
function closingQuote(text: string, open: number, last: boolean, tabs: boolean): number | "none" | undefined {
  for (let i = open + 1; ; ) {
    const at = text.indexOf('"', i);
    if (tabs && (at < 0 ? text.length : at) - open > longestQuoted) return "none";
    if (at < 0) return last ? "none" : undefined;
    if (at + 1 >= text.length && !last) return undefined;
    if (text[at + 1] !== '"') return at;
    i = at + 2;
  }
}

interface Record {
  readonly fields: readonly string[];
  /** Nothing but its line end. */
  readonly blank: boolean;
  readonly end: number;
}

/** The record that begins at `start`; undefined where more text is needed to tell. */
function recordAt(text: string, start: number, last: boolean, rules: Rules): Record | undefined {
  const { separator, bareReturns, where } = rules;
  const tabs = separator === "\t";
  const fields: string[] = [];
  let at = start;
  for (;;) {
    let field = "";
    if (text[at] === '"') {
      const close = closingQuote(text, at, last, tabs);
      if (close === undefined) return undefined;
      if (close === "none") {
        if (!tabs) fail("bad_input", "a quoted field is never closed", { where });
      } else {
        const after = text[close + 1];
        const isEnd = after === undefined || after === separator || after === "\n" || after === "\r";
        if (isEnd || !tabs) {
          field = text.slice(at + 1, close).replaceAll('""', '"');
          at = close + 1;
        }
      }
    }
    let to = at;
    let code = text.charCodeAt(to);
    const stop = separator.charCodeAt(0);
    while (
      to < text.length &&
      code !== stop &&
      code !== 10 &&
      !(code === 13 && (bareReturns || text[to + 1] === "\n"))
    ) {
      code = text.charCodeAt(++to);
    }
    if (to >= text.length && !last) return undefined;
    field += text.slice(at, to);
    // The last line of a file of CRLF may lack its LF.
    if (to >= text.length && field.endsWith("\r")) field = field.slice(0, -1);
    fields.push(field);
    at = to + 1;
    if (to < text.length && code === stop) continue;
    if (code === 13) {
      if (at >= text.length && !last) return undefined;
      if (text[at] === "\n") at++;
    }
    const blank = fields.length === 1 && field === "" && text[start] !== '"';
    return { fields, blank, end: Math.min(at, text.length) };
  }
}

/** How the first line ends and what separates its fields; undefined where more text is needed to tell. */
function rulesOf(text: string, last: boolean, kind: "csv" | "tsv", where: string): Rules | undefined {
  let quoted = false;
  const counts = { ",": 0, ";": 0, "\t": 0 };
  let end = 0;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === 34) quoted = !quoted;
    else if (quoted && kind === "csv") continue;
    else if (code === 10 || code === 13) break;
    else if (code === 44) counts[","]++;
    else if (code === 59) counts[";"]++;
    else if (code === 9) counts["\t"]++;
  }
  if (end + 1 >= text.length && !last) return undefined;
  const bareReturns = text[end] === "\r" && text[end + 1] !== "\n" && end < text.length;
  if (kind === "tsv") return { separator: "\t", bareReturns, where };
  const separator = counts[","] > 0 ? "," : counts[";"] > 0 ? ";" : counts["\t"] > 0 ? "\t" : ",";
  return { separator, bareReturns, where };
}

export interface CsvOptions {
  readonly kind: "csv" | "tsv";
  readonly where: string;
  /** Told in one line where fields are separated by something else than the file's name says. */
  readonly say?: ((text: string) => void) | undefined;
}

/**
 * Rows as they become whole; the first record names the columns. A record with another number of fields gives its error
 * in its place.
 * @throws bad_input where nothing can be read: no header, two columns of one name, a quoted field that is never closed
 */
export async function* csvRows(
  texts: AsyncIterable<string>,
  { kind, where, say }: CsvOptions,
): AsyncGenerator<Row | ZerothError, void, undefined> {
  let rules: Rules | undefined;
  let header: readonly string[] | undefined;
  let number = 0;
  const named = (names: readonly string[]): void => {
    header = names;
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) fail("bad_input", `two columns are called ${JSON.stringify(twice)}`, { where });
  };
  const rowOf = (fields: readonly string[]): Row | ZerothError => {
    number++;
    if (fields.length === header!.length) return new Map(header!.map((name, i) => [name, fields[i]!]));
    const what = `record ${number} has ${fields.length} fields, the header has ${header!.length}`;
    return new ZerothError("bad_input", what, { where });
  };

  let text = "";
  const parts: string[] = [];
  let waiting = 0;
  // A record that is not whole is looked at again when there is twice as much of it: the work stays linear.
  let wanted = 0;
  function* records(last: boolean): Generator<Row | ZerothError> {
    text += parts.splice(0).join("");
    waiting = 0;
    if (!rules) {
      rules = rulesOf(text, last, kind, where);
      if (rules && kind === "csv" && rules.separator !== ",") {
        say?.(`${where}: fields are separated by ${separatorNames[rules.separator]}`);
      }
    }
    let at = 0;
    while (rules && at < text.length) {
      const record = recordAt(text, at, last, rules);
      if (!record) break;
      at = record.end;
      if (record.blank) continue;
      if (header) yield rowOf(record.fields);
      else named(record.fields);
    }
    text = text.slice(at);
    if (text.length > longestRecord) {
      fail("too_long", `record ${number + 1} is longer than ${longestRecord} characters`, {
        where,
        hint: "is a quoted field never closed?",
      });
    }
    wanted = text.length;
  }
  for await (const piece of texts) {
    parts.push(piece);
    waiting += piece.length;
    if (waiting >= wanted) yield* records(false);
  }
  yield* records(true);
  if (!header) fail("bad_input", "the file is empty: its first line must name the columns", { where });
}
