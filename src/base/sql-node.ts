/** A file of SQLite of a recipe's own: asked in the same turn, and written in transactions. */
import { statSync } from "node:fs";
import { fail, ZerothError } from "../errors.ts";
import { writeError } from "./files-node.ts";
import { needFile, systemError } from "./read-node.ts";
import { openDatabase, type SqlDatabase, type SqlHints, type SqlRow, type SqlValue, sqlError } from "./sqlite-node.ts";

export interface Sql {
  /** Rows of a question; a blob is a Uint8Array of its own. */
  all(text: string, ...values: readonly SqlValue[]): SqlRow[];
  /** Change something; the number of the last row that was put in. */
  run(text: string, ...values: readonly SqlValue[]): number;
  /** Do all of it or nothing. Nothing else is asked meanwhile, as nothing in it waits. */
  transaction<T>(work: () => T): T;
  close(): void;
}

export interface SqlFile extends SqlHints {
  /** Said of one that is not there: "no such index". */
  readonly missing: string;
  /** How one is made. */
  readonly make: string;
}

/** Milliseconds to wait for another process's transaction, which are short. */
const patience = 10_000;

const settings = [
  // First: another process may be opening the same new file.
  `pragma busy_timeout = ${patience}`,
  "pragma journal_mode = wal",
  "pragma synchronous = normal",
  "pragma foreign_keys = on",
];

/**
 * @param create whether a file that is not there is made
 * @throws not_found; corrupt_file for a file that is no database; storage_failed; bad_input where it cannot be made
 */
export function openSql(path: string, create: boolean, file: SqlFile): Sql {
  let database: SqlDatabase;
  try {
    if (!create) {
      needFile(path);
      if (!statSync(path, { throwIfNoEntry: false })) fail("not_found", file.missing, { where: path, hint: file.make });
    }
    database = openDatabase(path, create);
  } catch (cause) {
    const known = sqlError(cause, path, file);
    throw known instanceof ZerothError ? known : create ? writeError(known, path) : systemError(known, path);
  }
  const attempt = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw sqlError(cause, path, file);
    }
  };
  const sql: Sql = {
    all: (text, ...values) => attempt(() => database.ask(text, values).rows),
    run: (text, ...values) => attempt(() => database.ask(text, values).last),
    transaction: (work) =>
      attempt(() => {
        sql.run("begin immediate");
        try {
          const result = work();
          sql.run("commit");
          return result;
        } catch (cause) {
          // A full disk has ended the transaction already.
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

/** Whether nothing was ever made in it. */
export const isBlank = (sql: Sql): boolean => sql.all("select count(*) as n from sqlite_master")[0]!.n === 0;

/** Make the tables of a new file: all or none, and none where another process makes them at the same time. */
export function layOut(sql: Sql, make: () => void): void {
  if (!isBlank(sql)) return;
  sql.transaction(() => {
    if (isBlank(sql)) make();
  });
}
