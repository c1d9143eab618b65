/**
 * The database's tables, in numbered steps that are only ever added to. All steps that are due run in one transaction
 * under a lock: of several processes that start at once, one runs them, and a kill leaves all of them or none. (Kysely's
 * own migrator takes no lock on SQLite and runs its steps there outside of a transaction.)
 */
import { sql } from "kysely";
import { fail } from "../../errors.ts";
import type { Step } from "./columns.ts";
import { answers } from "./steps/answers.ts";
import { digests } from "./steps/digests.ts";
import { first } from "./steps/first.ts";
import { summaries } from "./steps/summaries.ts";
import { tunings } from "./steps/tunings.ts";
import { vectorStores } from "./steps/vector-stores.ts";
import type { State } from "./tables.ts";

/** In their order; a step that has been released never changes. */
const steps: readonly { readonly name: string; readonly run: Step }[] = [
  { name: "keys, allowances, files, batches, objects", run: first },
  { name: "answers under keys of their senders' choice", run: answers },
  { name: "fine-tuning and its adapters", run: tunings },
  { name: "vector stores", run: vectorStores },
  { name: "summaries", run: summaries },
  { name: "digests", run: digests },
];

/**
 * Bring the database's tables up to this version.
 * @throws unsupported for a database that a newer version has changed
 */
export async function migrate({ db, kind, now }: State): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    if (kind === "postgres")
      await sql`select pg_advisory_xact_lock(hashtextextended('zeroth:migrate', 0))`.execute(transaction);
    await transaction.schema
      .createTable("migration")
      .ifNotExists()
      .addColumn("id", "integer", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("applied_at", "double precision", (column) => column.notNull())
      .execute();
    const applied = await transaction.selectFrom("migration").select("id").execute();
    const newest = Math.max(0, ...applied.map(({ id }) => id));
    if (newest > steps.length) {
      fail("unsupported", `the database is of step ${newest}, this version knows ${steps.length}`, {
        where: "the database",
        hint: "use the newer version of zeroth that has changed it, or another database",
      });
    }
    for (const [at, { name, run }] of steps.entries()) {
      if (at < newest) continue;
      await run(transaction, kind);
      await transaction
        .insertInto("migration")
        .values({ id: at + 1, name, applied_at: now })
        .execute();
    }
  });
}
