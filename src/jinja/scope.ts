/** Where names live: a loop, a macro and a `with` have a scope of their own; what they set is gone after them. */
import type { Row, Value } from "../data/values.ts";
import { fromValue, type PyValue, Undefined } from "./objects.ts";

export interface Scope {
  get(name: string): PyValue | undefined;
  set(name: string, value: PyValue): void;
  /** A scope inside this one. */
  inner(): Scope;
}

function nested(outer: Pick<Scope, "get">): Scope {
  const names = new Map<string, PyValue>();
  const scope: Scope = {
    get: (name) => {
      const value = names.get(name);
      return value === undefined ? outer.get(name) : value;
    },
    set: (name, value) => {
      names.set(name, value);
    },
    inner: () => nested(scope),
  };
  return scope;
}

/** A row as a template's names. Values are copied when they are first asked for, so a template cannot change the row. */
export interface Context {
  readonly columns: readonly string[];
  get(name: string): PyValue | undefined;
  /** The same with one name more; what was copied is shared. */
  with(name: string, value: Value): Context;
}

export function contextOf(row: Row): Context {
  const made = new Map<string, PyValue>();
  const context: Context = {
    columns: [...row.keys()],
    get(name) {
      const known = made.get(name);
      if (known !== undefined) return known;
      const value = row.get(name);
      if (value === undefined) return undefined;
      const copied = fromValue(value);
      made.set(name, copied);
      return copied;
    },
    with(name, value) {
      const own = fromValue(value);
      return { ...context, get: (asked) => (asked === name ? own : context.get(asked)) };
    },
  };
  return context;
}

export const scopeOf = (context: Context): Scope => nested(context);

/** The message for a name that is nowhere, with the names that are. */
export function undefinedName(name: string, { columns }: Context): Undefined {
  const dashed = columns.find((column) => column !== name && column.replaceAll("-", "_") === name);
  const near =
    dashed === undefined ? `there is ${columns.join(", ") || "no column"}` : `"${dashed}" must be renamed so`;
  return new Undefined(`'${name}' is undefined (${near})`);
}
