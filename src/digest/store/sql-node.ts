/** The digest's file of SQLite: opened, asked in the same turn, and written in transactions. */
import { closeSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "libsql";
import { makeFolder, writeError } from "../../base/files-node.ts";
import { needFile, systemError } from "../../base/read-node.ts";
import { fail, ZerothError } from "../../errors.ts";

type Value = string | number | Uint8Array | null;
type Row = Readonly<Record<string, Value>>;

export interface Sql {
  all(text: string, ...values: readonly Value[]): Row[];
  run(text: string, ...values: readonly Value[]): void;
  /** Do all of it or nothing. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/** What SQLite says, as an error of ours. */
function sqliteError(cause: unknown, where: string): unknown {
  if (cause instanceof ZerothError) return cause;
  const code = String((cause as { code?: unknown }).code ?? "");
  const storage = (what: string, hint: string): ZerothError =>
    new ZerothError("storage_failed", what, { where, hint, cause });
  if (code === "SQLITE_FULL") return storage("the disk is full", "make room; what was whole before is still there");
  if (code === "SQLITE_BUSY" || code === "SQLITE_LOCKED")
    return storage("another process is writing to it", "try again when it has ended");
  if (code === "SQLITE_NOTADB" || code.startsWith("SQLITE_CORRUPT")) {
    const hint = "ingest the sources again into another file";
    return new ZerothError("corrupt_file", "is no whole store of papers", { where, hint, cause });
  }
  if (/^SQLITE_(IOERR|CANTOPEN|READONLY|PERM)/.test(code) || /Unable to open/.test(String(cause)))
    return storage(`cannot be read or written (${code || "open"})`, "check the disk, the folder and its permissions");
  return cause;
}

const settings = [
  "pragma journal_mode = wal",
  "pragma synchronous = normal",
  "pragma busy_timeout = 10000",
  "pragma foreign_keys = on",
];

/**
 * @param create whether a file that is not there is made
 * @throws not_found; corrupt_file; storage_failed; bad_input where it cannot be made
 */
export function openSql(path: string, create: boolean): Sql {
  let database: Database.Database;
  try {
    if (create) {
      makeFolder(dirname(path));
      closeSync(openSync(path, "a", 0o600));
    }
    needFile(path);
    if (!statSync(path, { throwIfNoEntry: false }))
      fail("not_found", "no such store", {
        where: path,
        hint: "zeroth digest ingest --source kaggle FILE --store STORE makes one",
      });
    database = new Database(path);
  } catch (cause) {
    const known = sqliteError(cause, path);
    throw known instanceof ZerothError ? known : create ? writeError(known, path) : systemError(known, path);
  }
  const ready = new Map<string, Database.Statement>();
  const prepare = (text: string): Database.Statement => {
    const statement = ready.get(text) ?? database.prepare(text);
    ready.set(text, statement);
    return statement;
  };
  const attempt = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw sqliteError(cause, path);
    }
  };
  const sql: Sql = {
    all: (text, ...values) => attempt(() => prepare(text).all(values as unknown[]) as Row[]),
    run: (text, ...values) =>
      attempt(() => {
        const statement = prepare(text);
        if (statement.reader) statement.all(values as unknown[]);
        else statement.run(values as unknown[]);
      }),
    transaction: (work) =>
      attempt(() => {
        sql.run("begin immediate");
        try {
          const result = work();
          sql.run("commit");
          return result;
        } catch (cause) {
          if (database.inTransaction) sql.run("rollback");
          throw cause;
        }
      }),
    close: () => database.close(),
  };
  try {
    for (const setting of settings) sql.run(setting);
    return sql;
  } catch (cause) {
    database.close();
    throw cause;
  }
}
