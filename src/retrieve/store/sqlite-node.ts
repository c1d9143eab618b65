/** A file of SQLite through `libsql`: opened, asked in the same turn, and written in transactions. */
import { closeSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "libsql";
import { makeFolder, writeError } from "../../base/files-node.ts";
import { needFile, systemError } from "../../base/read-node.ts";
import { fail, ZerothError } from "../../errors.ts";

export type Value = string | number | Uint8Array | null;
export type Row = Readonly<Record<string, Value>>;

export interface Sql {
  /** Rows of a question; a blob is a Uint8Array of its own. */
  all(text: string, ...values: readonly Value[]): Row[];
  /** Change something; the number of the last row that was put in. */
  run(text: string, ...values: readonly Value[]): number;
  /** Do all of it or nothing. Nothing else is asked meanwhile, as nothing in it waits. */
  transaction<T>(work: () => T): T;
  close(): void;
}

const codeOf = (cause: unknown): string => String((cause as { code?: unknown }).code ?? "");

/** What SQLite says, as an error of ours. */
function sqliteError(cause: unknown, where: string): unknown {
  if (cause instanceof ZerothError) return cause;
  const code = codeOf(cause);
  if (code === "SQLITE_FULL") {
    return new ZerothError("storage_failed", "the disk is full", {
      where,
      hint: "make room; what was whole before is still there",
      cause,
    });
  }
  if (code === "SQLITE_BUSY" || code === "SQLITE_LOCKED") {
    return new ZerothError("storage_failed", "another process is writing to it", {
      where,
      hint: "try again when it has ended",
      cause,
    });
  }
  if (code === "SQLITE_NOTADB" || code.startsWith("SQLITE_CORRUPT")) {
    return new ZerothError("corrupt_file", "is not a whole index", {
      where,
      hint: "build it again from the documents under another name",
      cause,
    });
  }
  if (/^SQLITE_(IOERR|CANTOPEN|READONLY|PERM)/.test(code) || /Unable to open/.test(String(cause))) {
    return new ZerothError("storage_failed", `cannot be read or written (${code || "open"})`, {
      where,
      hint: "check the disk, the folder and its permissions",
      cause,
    });
  }
  return cause;
}

/** Milliseconds to wait for another process's transaction, which are short. */
const patience = 10_000;

const settings = [
  "pragma journal_mode = wal",
  "pragma synchronous = normal",
  `pragma busy_timeout = ${patience}`,
  "pragma foreign_keys = on",
];

function shaped(row: unknown): Row {
  const values = row as Record<string, unknown>;
  for (const name in values) {
    const value = values[name];
    if (value instanceof ArrayBuffer) values[name] = new Uint8Array(value);
    // The driver's memory may be used again.
    else if (Buffer.isBuffer(value)) values[name] = Uint8Array.from(value);
  }
  return values as Row;
}

/**
 * @param create whether a file that is not there is made
 * @throws not_found; corrupt_file for a file that is no database; storage_failed; bad_input where it cannot be made
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
      fail("not_found", "no such index", { where: path, hint: "zeroth index build FOLDER --store FILE makes one" });
    database = new Database(path);
  } catch (cause) {
    const known = sqliteError(cause, path);
    throw known instanceof ZerothError ? known : create ? writeError(known, path) : systemError(known, path);
  }
  const ready = new Map<string, Database.Statement>();
  const prepare = (text: string): Database.Statement => {
    const known = ready.get(text);
    if (known) return known;
    if (ready.size > 200) ready.clear();
    const statement = database.prepare(text);
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
    all: (text, ...values) =>
      attempt(() =>
        prepare(text)
          .all(values as unknown[])
          .map(shaped),
      ),
    run: (text, ...values) =>
      attempt(() => {
        const statement = prepare(text);
        if (statement.reader) {
          statement.all(values as unknown[]);
          return 0;
        }
        return Number(statement.run(values as unknown[]).lastInsertRowid);
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
