/** SQLite through `libsql`, whose native part comes prebuilt: the one file that knows it. */
import { closeSync, openSync } from "node:fs";
import { dirname } from "node:path";
import Database from "libsql";
import { ZerothError } from "../errors.ts";
import { makeFolder } from "./files-node.ts";

export type SqlValue = string | number | Uint8Array | null;
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** What a person is told to do, which depends on what the database is for. */
export interface SqlHints {
  /** How messages call it: "the database". */
  readonly what: string;
  readonly full: string;
  readonly busy: string;
  readonly corrupt: string;
  readonly disk: string;
}

/** An open database: statements are asked in the same turn. Errors are SQLite's own, see {@link sqlError}. */
export interface SqlDatabase {
  /** Rows of a question and how many were changed; a blob is a Uint8Array of its own. */
  ask(
    text: string,
    values: readonly unknown[],
  ): {
    readonly rows: SqlRow[];
    readonly changes: number;
    readonly last: number;
  };
  readonly inTransaction: boolean;
  close(): void;
}

/** The code that SQLite gives an error, "" for others. */
export const sqlCode = (cause: unknown): string => String((cause as { code?: unknown }).code ?? "");

export const isBusy = (cause: unknown): boolean =>
  sqlCode(cause) === "SQLITE_BUSY" || sqlCode(cause) === "SQLITE_LOCKED";

/** What SQLite says, as an error of ours; what is no fault of the file or the disk stays as it is. */
export function sqlError(cause: unknown, where: string, hints: SqlHints): unknown {
  if (cause instanceof ZerothError) return cause;
  const code = sqlCode(cause);
  const error = (kind: "storage_failed" | "corrupt_file", what: string, hint: string) =>
    new ZerothError(kind, what, { where, hint, cause });
  if (code.startsWith("SQLITE_CONSTRAINT")) return cause;
  if (code === "SQLITE_FULL") return error("storage_failed", `${hints.what}'s disk is full`, hints.full);
  if (isBusy(cause)) return error("storage_failed", `${hints.what} is in use by another process`, hints.busy);
  if (code === "SQLITE_NOTADB" || code.startsWith("SQLITE_CORRUPT"))
    return error("corrupt_file", "is not a whole SQLite database", hints.corrupt);
  if (/^SQLITE_(IOERR|CANTOPEN|READONLY|PERM)/.test(code) || /Unable to open/.test(String(cause)))
    return error("storage_failed", `${hints.what} cannot be read or written (${code || "open"})`, hints.disk);
  return cause;
}

/** Statements that are kept ready. */
const mostStatements = 200;

/** The driver's memory may be used again. */
function shaped(row: unknown): SqlRow {
  const values = row as Record<string, unknown>;
  for (const name in values) {
    const value = values[name];
    if (value instanceof ArrayBuffer) values[name] = new Uint8Array(value);
    else if (Buffer.isBuffer(value)) values[name] = Uint8Array.from(value);
  }
  return values as SqlRow;
}

/**
 * Open a file, with `create` one that is made where it is not there, for its owner's eyes only.
 * @throws what the system or SQLite says
 */
export function openDatabase(path: string, create: boolean): SqlDatabase {
  if (create) {
    makeFolder(dirname(path));
    closeSync(openSync(path, "a", 0o600));
  }
  const database = new Database(path);
  const ready = new Map<string, Database.Statement>();
  const prepare = (text: string): Database.Statement => {
    const known = ready.get(text);
    if (known) return known;
    if (ready.size >= mostStatements) ready.clear();
    const statement = database.prepare(text);
    ready.set(text, statement);
    return statement;
  };
  return {
    ask(text, values) {
      const statement = prepare(text);
      if (statement.reader) return { rows: statement.all(values as unknown[]).map(shaped), changes: 0, last: 0 };
      const { changes, lastInsertRowid } = statement.run(values as unknown[]);
      return { rows: [], changes, last: Number(lastInsertRowid) };
    },
    get inTransaction() {
      return database.inTransaction;
    },
    close: () => database.close(),
  };
}
