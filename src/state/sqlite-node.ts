/** The state on SQLite: Kysely over one connection. */
import { EventEmitter } from "node:events";
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
import { writeError } from "../base/files-node.ts";
import { isBusy, openDatabase, type SqlDatabase, type SqlHints, sqlError } from "../base/sqlite-node.ts";
import { fail } from "../errors.ts";
import type { State, Tables } from "./schema/tables.ts";

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

/** `where` is a path, for whoever runs the server and for nobody else. */
const hints: SqlHints = {
  what: "the database",
  full: "make room on the disk, or name another place with ZEROTH_HOME",
  busy: `another process keeps the database busy (${patience / 1000} s): try again, or set DATABASE_URL to use PostgreSQL`,
  corrupt: "move it away to begin with an empty one, or put a copy back that you kept",
  disk: "check the disk, the folder and its permissions; ZEROTH_HOME names another place",
};

/** One connection of a database, which answers one query after another. */
function connectionOf(database: SqlDatabase, where: string): DatabaseConnection {
  return {
    async executeQuery<R>(query: CompiledQuery) {
      const begun = performance.now();
      for (;;) {
        try {
          const { rows, changes } = database.ask(query.sql, query.parameters);
          return { rows: rows as R[], numAffectedRows: BigInt(changes) };
        } catch (cause) {
          // Inside of a transaction the database is ours already.
          const wait = isBusy(cause) && !database.inTransaction;
          if (!wait || performance.now() - begun > patience) throw sqlError(cause, where, hints);
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

function driverOf(database: SqlDatabase, where: string): Driver {
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
  let database: SqlDatabase;
  try {
    database = openDatabase(path, true);
  } catch (cause) {
    throw writeError(sqlError(cause, path, hints), path);
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
