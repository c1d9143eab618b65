/** One way to put rows of a data set into words: a promptsource template, a pattern of FLAN's, an instruction. */

import { Float, type Row, Scalar, type Value } from "../data/values.ts";
import { fail } from "../errors.ts";

export interface Rendered {
  readonly prompt: string;
  readonly target: string;
  /** What the target is one of, where the wording has choices. */
  readonly choices?: readonly string[];
}

/** Of which row, under which seed: what is random in a wording follows from both. */
export interface RenderPlace {
  readonly seed: number;
  readonly index: number;
}

export interface Wording {
  /** Unique among the wordings of a data set. */
  readonly name: string;
  /** Whether it asks what the data set was made for; undefined where nothing says so. */
  readonly original?: boolean;
  /** Undefined where it does not apply to the row. */
  render(row: Row, place: RenderPlace): Rendered | undefined;
}

/** Reads a promptsource templates.yaml; the place is for messages. */
export type ReadTemplates = (yaml: string, where: string) => readonly Wording[];

/** As T0 trains on it: without an input it is no example, and an empty target is `<NO LABEL>`. */
export function trainable(rendered: Rendered | undefined): Rendered | undefined {
  if (!rendered || rendered.prompt === "") return undefined;
  return rendered.target === "" ? { ...rendered, target: "<NO LABEL>" } : rendered;
}

/** A value as Python prints it; lists and objects have no text of their own. */
function textOf(value: Value | undefined, name: string): string {
  if (typeof value === "string") return value;
  if (value instanceof Float) return value.value.toFixed(1);
  if (value instanceof Scalar) return value.text;
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value === null) return "None";
  return fail("bad_input", value === undefined ? `the row has no "${name}"` : `"${name}" is no text`);
}

/** The value at a path: `answer`, `choices.text`. */
export function valueAt(row: Row, path: string): Value | undefined {
  let value: Value | undefined = row;
  for (const part of row.has(path) ? [path] : path.split(".")) {
    value = value instanceof Map ? (value as Row).get(part) : undefined;
  }
  return value;
}

type Values = Readonly<Record<string, string>>;

/**
 * A format string as Python's `str.format` reads the simple ones: `{field}`, `{{` and `}}`; a field may be a path.
 * @throws bad_input for a brace without its other; the result throws for a row without the field
 */
export function formatString(pattern: string, where: string): (row: Row, more?: Values) => string {
  const parts: (string | { readonly field: string })[] = [];
  for (const [piece, field] of pattern.matchAll(/\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g)) {
    if (piece === "{" || piece === "}" || field === "") {
      fail("bad_input", `a brace without its other in ${JSON.stringify(pattern.slice(0, 120))}`, {
        where,
        hint: "fields are {name}; a brace itself is written twice",
      });
    }
    if (field !== undefined) parts.push({ field });
    else parts.push(piece === "{{" ? "{" : piece === "}}" ? "}" : piece);
  }
  return (row, more = {}) =>
    parts
      .map((part) => {
        if (typeof part === "string") return part;
        const { field } = part;
        return Object.hasOwn(more, field) ? more[field]! : textOf(valueAt(row, field), field);
      })
      .join("");
}

/** Columns made of others by format strings; they see the row as it was. */
export function addedColumns(columns: Values, where: string): (row: Row) => Row {
  const made = Object.entries(columns).map(([name, pattern]) => [name, formatString(pattern, where)] as const);
  return (row) => new Map([...row, ...made.map(([name, format]) => [name, format(row)] as const)]);
}

/** Rows that are prompts and targets already. */
export function pairWording(prompt: string, target: string): Wording {
  return {
    name: "pairs",
    render(row) {
      return { prompt: textOf(valueAt(row, prompt), prompt), target: textOf(valueAt(row, target), target) };
    },
  };
}
