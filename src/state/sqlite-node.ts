/** SQLite through `libsql`, whose native part comes prebuilt: the one file that knows it. */
import { EventEmitter } from "node:events";
import { closeSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from "kysely";
import Database from "libsql";
import { makeFolder, writeError } from "../base/files-node.ts";
import { fail, ZerothError } from "../errors.ts";
import type { State, Tables } from "./database.ts";

/**
 * - WAL: readers and one writer do not wait for each other, also between processes.
 * - synchronous FULL: what was answered is there after a power cut, which NORMAL does not promise with WAL. It costs a
 *   wait for the disk at each commit, about 2 ms on an SSD, which is little beside a model's answer.
 * - busy_timeout is short, because the wait stops this thread: after it the driver waits on its own, off the thread.
 * - foreign_keys: a file's pieces go with the file.
 */
const settings =
  "pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 50; pragma foreign_keys = on;";

/** How long a query waits for another process's transaction, in milliseconds, before it is an error. */
const patience = 10_000;

/** Statements that are kept ready. */
const mostStatements = 200;

const codeOf = (cause: unknown): string => String((cause as { code?: unknown }).code ?? "");

/** What SQLite says, as an error of ours. `where` is a path, for whoever runs the server and for nobody else. */
function sqliteError(cause: unknown, where: string): unknown {
  if (cause instanceof ZerothError) return cause;
  const code = codeOf(cause);
  if (code.startsWith("SQLITE_CONSTRAINT")) return cause;
  if (code === "SQLITE_FULL") {
    const hint = "make room on the disk, or name another place with ZEROTH_HOME";
    return new ZerothError("storage_failed", "the database's disk is full", { where, hint, cause });
  }
  if (code === "SQLITE_BUSY" || code === "SQLITE_LOCKED") {
    const hint = "another process keeps the database busy: try again, or set DATABASE_URL to use PostgreSQL";
    return new ZerothError("storage_failed", `the database was in use for ${patience / 1000} s`, {
      where,
      hint,
      cause,
    });
  }
  if (code === "SQLITE_NOTADB" || code === "SQLITE_CORRUPT") {
    const hint = "move it away to begin with an empty one, or put a copy back that you kept";
    return new ZerothError("corrupt_file", "is not a whole SQLite database", { where, hint, cause });
  }
  if (/^SQLITE_(IOERR|CANTOPEN|READONLY|PERM)/.test(code) || /Unable to open/.test(String(cause))) {
    const hint = "check the disk, the folder and its permissions; ZEROTH_HOME names another place";
    return new ZerothError("storage_failed", `the database cannot be read or written (${code || "open"})`, {
      where,
      hint,
      cause,
    });
  }
  return cause;
}

/** One connection of a database, which answers one query after another. */
function connectionOf(database: Database.Database, where: string): DatabaseConnection {
  const ready = new Map<string, Database.Statement>();
  const prepare = (text: string): Database.Statement => {
    const known = ready.get(text);
    if (known) return known;
    if (ready.size >= mostStatements) ready.clear();
    const statement = database.prepare(text);
    ready.set(text, statement);
    return statement;
  };
  /** SQLite has no truth values, and libsql gives a copy of the memory it owns. */
  const shaped = (row: unknown): unknown => {
    const values = row as Record<string, unknown>;
    for (const name in values) if (values[name] instanceof ArrayBuffer) values[name] = new Uint8Array(values[name]);
    return row;
  };
  const once = ({ sql: text, parameters }: CompiledQuery) => {
    const statement = prepare(text);
    if (statement.reader) return { rows: statement.all(parameters as unknown[]).map(shaped) };
    const { changes } = statement.run(parameters as unknown[]);
    return { rows: [], numAffectedRows: BigInt(changes) };
  };
  return {
    async executeQuery<R>(query: CompiledQuery) {
      const begun = performance.now();
      for (;;) {
        try {
          return once(query) as { rows: R[]; numAffectedRows?: bigint };
        } catch (cause) {
          // Inside of a transaction the database is ours already.
          const wait = codeOf(cause) === "SQLITE_BUSY" && !database.inTransaction;
          if (!wait || performance.now() - begun > patience) throw sqliteError(cause, where);
          await sleep(5 + Math.random() * 20);
        }
      }
    },
    // biome-ignore lint/correctness/useYield: the type asks for a generator.
    async *streamQuery() {
      fail("unsupported", "rows are read in pages, not streamed", { where });
    },
  };
}

/** Whoever comes first has the connection first. */
function createMutex() {
  let last: Promise<void> = Promise.resolve();
  let release = () => {};
  return {
    async lock(): Promise<void> {
      const before = last;
      let mine = () => {};
      last = new Promise((resolve) => {
        mine = resolve;
      });
      await before;
      release = mine;
    },
    unlock: () => release(),
  };
}

function driverOf(database: Database.Database, where: string): Driver {
  const connection = connectionOf(database, where);
  const mutex = createMutex();
  const say = async (text: string) => void (await connection.executeQuery(CompiledQuery.raw(text)));
  return {
    init: async () => {},
    async acquireConnection() {
      await mutex.lock();
      return connection;
    },
    releaseConnection: async () => mutex.unlock(),
    // One that begins by reading could not write any more once another process has written.
    beginTransaction: () => say("begin immediate"),
    commitTransaction: () => say("commit"),
    // A full disk has ended the transaction already.
    rollbackTransaction: async () => (database.inTransaction ? say("rollback") : undefined),
    destroy: async () => void database.close(),
  };
}

/** Calls of this process to itself, by file; other processes look for work now and then. */
const calls = new EventEmitter().setMaxListeners(0);

/**
 * Open the database in a file, which is made where it is not there, for its owner's eyes only.
 * @throws bad_input where its folder cannot be made; storage_failed; corrupt_file for another file
 */
export async function openSqlite(path: string): Promise<State> {
  let database: Database.Database;
  try {
    makeFolder(dirname(path));
    closeSync(openSync(path, "a", 0o600));
    database = new Database(path);
  } catch (cause) {
    throw writeError(sqliteError(cause, path), path);
  }
  try {
    // The first of several processes changes the file's mode, for which it needs it alone.
    const connection = connectionOf(database, path);
    for (const setting of settings.split(";").filter((text) => text.trim() !== "")) {
      await connection.executeQuery(CompiledQuery.raw(setting));
    }
  } catch (cause) {
    database.close();
    throw cause;
  }
  const db = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => driverOf(database, path),
      createIntrospector: (self) => new SqliteIntrospector(self),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
  return {
    kind: "sqlite",
    db,
    now: sql<number>`unixepoch('subsec')`,
    least: sql.raw("min"),
    wake: {
      call: async () => void calls.emit(path),
      listen(called) {
        calls.on(path, called);
        return () => void calls.off(path, called);
      },
    },
    close: () => db.destroy(),
  };
}
