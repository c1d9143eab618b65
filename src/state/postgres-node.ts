/** PostgreSQL through `pg`: the one file that knows it. */
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { ZerothError } from "../errors.ts";
import type { State, Tables, WakeUp } from "./schema/tables.ts";

/** The channel on which processes call each other. */
const channel = "zeroth_work";

/** Milliseconds. No transaction of ours spans the work of a model, so a slow one is a fault. */
const limits = {
  connectionTimeoutMillis: 5_000,
  statement_timeout: 30_000,
  idle_in_transaction_session_timeout: 10_000,
  lock_timeout: 10_000,
};

/** Connections a process holds at most, besides the one that listens. */
const mostConnections = 10;

/** Whole numbers of 64 bits come as text, for what does not fit a double; ours do. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/** What `pg` says, as an error of ours: without the address, which holds a password. */
function postgresError(cause: unknown): unknown {
  if (cause instanceof ZerothError) return cause;
  const code = String((cause as { code?: unknown }).code ?? "");
  const where = "DATABASE_URL";
  if (/^(28|3D)/.test(code)) {
    const hint = "check the user, the password and the database's name in DATABASE_URL";
    return new ZerothError("bad_input", `PostgreSQL refused the connection (${code})`, { where, hint, cause });
  }
  if (code === "53100") {
    const hint = "make room on the disk of the PostgreSQL server";
    return new ZerothError("storage_failed", "the database's disk is full", { where, hint, cause });
  }
  const lost = /^(08|57P|53|55P03|57014|40)/.test(code) || /^E[A-Z]+$/.test(code);
  if (lost || /terminated|timeout|not queryable/i.test(String(cause))) {
    const hint = "see that the PostgreSQL server runs and can be reached from here";
    return new ZerothError("storage_failed", `PostgreSQL does not answer (${code || "connection lost"})`, {
      where,
      hint,
      cause,
    });
  }
  return cause;
}

/** A pool whose errors are ours. */
function translated(pool: pg.Pool) {
  return {
    async connect() {
      const client = await pool.connect().catch((cause: unknown) => Promise.reject(postgresError(cause)));
      return {
        async query<R>(text: unknown, parameters?: readonly unknown[]) {
          try {
            return (await client.query(text as string, parameters as unknown[])) as unknown as R;
          } catch (cause) {
            throw postgresError(cause);
          }
        },
        release: (destroy?: boolean) => client.release(destroy),
      };
    },
    end: () => pool.end(),
  };
}

/** Between two attempts to listen again after the connection was lost, in milliseconds. */
const again = 1_000;

/** LISTEN on a connection of its own, which is made anew when it is lost, until nobody listens any more. */
function listening(options: pg.ClientConfig, notify: () => Promise<unknown>): WakeUp & { close(): Promise<void> } {
  const listeners = new Set<() => void>();
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const all = () => {
    for (const called of listeners) called();
  };
  const retry = () => {
    if (closed || listeners.size === 0) return;
    timer = setTimeout(connect, again);
    timer.unref();
  };
  function connect(): void {
    const mine = new pg.Client({ ...options, keepAlive: true });
    client = mine;
    const lost = () => {
      if (client !== mine) return;
      client = undefined;
      mine.end().catch(() => undefined);
      retry();
    };
    mine.on("error", lost);
    mine.on("end", lost);
    mine.on("notification", all);
    // What was called before the connection was there, nobody heard: look once.
    mine
      .connect()
      .then(() => mine.query(`listen ${channel}`))
      .then(all, lost);
  }
  return {
    call: async () => void (await notify().catch(() => undefined)),
    listen(called) {
      listeners.add(called);
      if (client === undefined && timer === undefined) connect();
      return () => void listeners.delete(called);
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      const last = client;
      client = undefined;
      await last?.end().catch(() => undefined);
    },
  };
}

/**
 * Open a PostgreSQL database.
 * @param url as in DATABASE_URL: `postgres://user:password@host/name`
 * @throws bad_input for an address that is none; storage_failed where no server answers
 */
export async function openPostgres(url: string): Promise<State> {
  const options: pg.PoolConfig = { connectionString: url, ...limits, max: mostConnections, types };
  let pool: pg.Pool;
  try {
    pool = new pg.Pool(options);
    // A connection that breaks between two queries, in the pool or within a transaction, is told to whoever queries
    // next; without a listener it would end the process.
    pool.on("error", () => undefined);
    pool.on("connect", (client) => client.on("error", () => undefined));
    (await pool.connect()).release();
  } catch (cause) {
    const known = postgresError(cause);
    if (known instanceof ZerothError) throw known;
    const hint = "it should look like postgres://user:password@host/name";
    throw new ZerothError("bad_input", "is not the address of a PostgreSQL database", { where: "DATABASE_URL", hint });
  }
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: translated(pool) as never }) });
  const wake = listening({ connectionString: url, connectionTimeoutMillis: limits.connectionTimeoutMillis }, () =>
    pool.query(`notify ${channel}`),
  );
  return {
    kind: "postgres",
    db,
    now: sql<number>`extract(epoch from clock_timestamp())::float8`,
    least: sql.raw("least"),
    wake: { call: wake.call, listen: wake.listen },
    async close() {
      await wake.close();
      await db.destroy();
    },
  };
}
