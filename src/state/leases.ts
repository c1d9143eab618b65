/**
 * Work in the database that one process at a time holds for a while: what batches and fine-tuning jobs have alike. Each
 * taking raises `fence`, and nothing is written for an older one.
 */
import { type Expression, type Selectable, type SqlBool, sql, type UpdateObject } from "kysely";
import type {
  BatchStatus,
  DigestStatus,
  State,
  SummaryStatus,
  Tables,
  TuningStatus,
  VectorFileStatus,
} from "./schema/tables.ts";

/** Tables of such work, with what their status may be. */
interface Statuses {
  readonly batch: BatchStatus;
  readonly tuning: TuningStatus;
  readonly vector_file: VectorFileStatus;
  readonly summary: SummaryStatus;
  readonly digest: DigestStatus;
}
type Leased = keyof Statuses;
type Row<T extends Leased> = Selectable<Tables[T]>;

/** Kysely cannot tell that tables have columns alike: the queries are written for one of them, and only use these. */
const like = (table: Leased): "batch" => table as "batch";

/** Who holds which piece of work, since which taking. */
interface Hold {
  readonly id: string;
  readonly worker: string;
  readonly fence: number;
}

interface ClaimOptions<T extends Leased> {
  readonly worker: string;
  /** How long it is held unless it is renewed. */
  readonly seconds: number;
  /** What is taken, by its status. */
  readonly statuses: readonly Statuses[T][];
  /** What counts as in work already; owners who have least of it come first. */
  readonly open: readonly Statuses[T][];
  /** What else must be true of what is taken. */
  readonly where?: Expression<SqlBool>;
}

/** Take the next piece that nobody works on, those first whose owners have fewest in work, then the oldest. */
export async function claimLeased<T extends Leased>(
  { db, kind, now }: State,
  table: T,
  { worker, seconds, statuses, open, where = sql<SqlBool>`1 = 1` }: ClaimOptions<T>,
): Promise<Row<T> | undefined> {
  const name = like(table);
  const [wanted, inWork] = [statuses, open] as unknown as (readonly BatchStatus[])[];
  const row = await db.transaction().execute(async (transaction) => {
    const next = await transaction
      .selectFrom(name)
      .select("id")
      .where("status", "in", wanted!)
      .where(where)
      .where("lease_until", "<", now)
      .orderBy((is) =>
        is
          .selectFrom(`${name} as other`)
          .select((count) => count.fn.countAll().as("running"))
          .whereRef("other.owner", "=", `${name}.owner`)
          .where("other.status", "in", inWork!)
          .where("other.lease_until", ">=", now),
      )
      .orderBy("seq")
      .limit(1)
      // SQLite has one writer at a time, and this transaction is it.
      .$if(kind === "postgres", (query) => query.forUpdate(name).skipLocked())
      .executeTakeFirst();
    if (next === undefined) return undefined;
    return (
      transaction
        .updateTable(name)
        .set(({ eb }) => ({
          worker,
          fence: eb("fence", "+", 1),
          attempts: eb("attempts", "+", 1),
          lease_until: sql<number>`${now} + ${seconds}`,
        }))
        .where("id", "=", next.id)
        // What PostgreSQL locked may have changed between finding and locking.
        .where("lease_until", "<", now)
        .where("status", "in", wanted!)
        .returningAll()
        .executeTakeFirst()
    );
  });
  return row as Row<T> | undefined;
}

/** Change a piece of work for as long as it is held; undefined when it is not any more, or has ended. */
export async function updateLeased<T extends Leased>(
  { db }: Pick<State, "db">,
  table: T,
  { id, worker, fence }: Hold,
  ended: readonly Statuses[T][],
  change: UpdateObject<Tables, T>,
): Promise<Row<T> | undefined> {
  const row = await db
    .updateTable(like(table))
    .set(change as UpdateObject<Tables, "batch">)
    .where("id", "=", id)
    .where("worker", "=", worker)
    .where("fence", "=", fence)
    .where("status", "not in", ended as unknown as readonly BatchStatus[])
    .returningAll()
    .executeTakeFirst();
  return row as Row<T> | undefined;
}
