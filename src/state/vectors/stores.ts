/** Vector stores: which files are searched together, by whose vectors, and how long they are kept. */
import { type Expression, type Selectable, type SqlBool, sql } from "kysely";
import { fail } from "../../errors.ts";
import { newId } from "../ids-node.ts";
import { type Page, type PageOptions, pageOf } from "../pages.ts";
import type { State, VectorFileStatus, VectorStoreTable } from "../schema/tables.ts";

export type VectorStore = Selectable<VectorStoreTable>;

export interface StoreAbout {
  readonly name?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly metadata?: Readonly<Record<string, string>> | null | undefined;
  /** Days without use. */
  readonly days?: number | null | undefined;
}

/** How many files a store, or a batch, has in each state. */
export type FileCounts = Readonly<Record<VectorFileStatus | "total", number>>;

const daySeconds = 86_400;
/** Seconds between two notes that a store is used. */
const noted = 60;

function noStore(id: string): never {
  fail("not_found", "there is no such vector store", {
    where: id.slice(0, 64),
    hint: "GET /v1/vector_stores lists yours",
  });
}

const owned = ({ db }: Pick<State, "db">, owner: string) =>
  db.selectFrom("vector_store").selectAll().where("owner", "=", owner);

/** When it expires, seconds since 1970; null for one that stays. */
export const expiryOf = ({ expires_days, last_active_at }: VectorStore): number | null =>
  expires_days === null ? null : last_active_at + expires_days * daySeconds;

/** Whether a store's time is over, by the database's clock. */
const isOver = ({ now }: Pick<State, "now">): Expression<SqlBool> =>
  sql<SqlBool>`expires_days is not null and last_active_at + expires_days * ${daySeconds} <= ${now}`;

const written = (metadata: StoreAbout["metadata"]): string | null => (metadata ? JSON.stringify(metadata) : null);

export async function createStore(
  state: State,
  owner: string,
  { name, description, metadata, days, model }: StoreAbout & { readonly model: string | null },
): Promise<VectorStore> {
  const { db, now } = state;
  return db
    .insertInto("vector_store")
    .values({
      ...{ id: newId("vs_"), owner, name: name ?? null, description: description ?? null, model },
      ...{ metadata: written(metadata), expires_days: days ?? null, last_active_at: now, created_at: now },
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** @throws not_found, also for a store of somebody else's */
export async function getStore(state: Pick<State, "db">, owner: string, id: string): Promise<VectorStore> {
  return (await owned(state, owner).where("id", "=", id).executeTakeFirst()) ?? noStore(id);
}

/** The ids of those stores whose time is over. */
export async function overStores(state: State, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const rows = await state.db
    .selectFrom("vector_store")
    .select("id")
    .where("id", "in", ids)
    .where(isOver(state))
    .execute();
  return new Set(rows.map(({ id }) => id));
}

/**
 * A store that is used now, which puts off its end.
 * @throws not_found; bad_input for one whose time is over
 */
export async function useStore(state: State, owner: string, id: string): Promise<VectorStore> {
  const store = await getStore(state, owner, id);
  if ((await overStores(state, [id])).has(id)) {
    fail("bad_input", "the vector store has expired", {
      where: id.slice(0, 64),
      hint: "make another one of its files",
    });
  }
  await touchStore(state, id);
  return store;
}

/** Note that a store is used. */
async function touchStore({ db, now }: State, id: string): Promise<void> {
  await db
    .updateTable("vector_store")
    .set({ last_active_at: now })
    .where("id", "=", id)
    .where("last_active_at", "<", sql<number>`${now} - ${noted}`)
    .execute();
}

/** @throws not_found for an `after` or `before` that is none of theirs */
export function listStores(state: State, owner: string, page: PageOptions): Promise<Page<VectorStore>> {
  return pageOf(owned(state, owner), page);
}

/** Change what is said of a store; what is undefined stays. @throws not_found */
export async function changeStore(state: State, owner: string, id: string, about: StoreAbout): Promise<VectorStore> {
  const { name, metadata, days } = about;
  const row = await state.db
    .updateTable("vector_store")
    .set({
      last_active_at: state.now,
      ...(name !== undefined && { name }),
      ...(metadata !== undefined && { metadata: written(metadata) }),
      ...(days !== undefined && { expires_days: days }),
    })
    .where("owner", "=", owner)
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
  return row ?? noStore(id);
}

/** The files stay, the store's own work on them ends. @throws not_found */
export async function deleteStore({ db }: State, owner: string, id: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom("vector_store")
    .where("owner", "=", owner)
    .where("id", "=", id)
    .executeTakeFirst();
  if (numDeletedRows === 0n) noStore(id);
}

export interface StoreTotals {
  readonly counts: FileCounts;
  readonly bytes: number;
}

/** Files of each state and bytes, of all these stores, or of all these batches. */
export async function totalsOf(
  { db }: Pick<State, "db">,
  by: "store" | "batch",
  ids: readonly string[],
): Promise<(id: string) => StoreTotals> {
  const totals = new Map<string, { counts: Record<VectorFileStatus | "total", number>; bytes: number }>();
  const of = (id: string) => {
    const known = totals.get(id);
    if (known) return known;
    const made = { counts: { in_progress: 0, completed: 0, failed: 0, cancelled: 0, total: 0 }, bytes: 0 };
    totals.set(id, made);
    return made;
  };
  if (ids.length > 0) {
    const rows = await db
      .selectFrom("vector_file")
      .select([by, "status"])
      .select((select) => [
        select.fn.countAll<number | string>().as("files"),
        select.fn.sum<number | string | null>("usage_bytes").as("bytes"),
      ])
      .where(by, "in", ids)
      .groupBy([by, "status"])
      .execute();
    for (const row of rows) {
      const one = of(row[by]!);
      one.counts[row.status] += Number(row.files);
      one.counts.total += Number(row.files);
      one.bytes += Number(row.bytes ?? 0);
    }
  }
  return of;
}

/** Of these ids those that are stores and whose time is not over: the others' index files may go. */
export async function livingStores(state: State, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const rows = await state.db.selectFrom("vector_store").select("id").where("id", "in", ids).execute();
  const over = await overStores(state, ids);
  return new Set(rows.flatMap(({ id }) => (over.has(id) ? [] : [id])));
}
