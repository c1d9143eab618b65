/**
 * Files of vector stores, and the work of putting them into an index. One process at a time works on a file. It holds a
 * lease that it renews; when it dies, the lease ends and another process goes on. Each taking raises `fence`, and nothing
 * is written for an older one.
 */
import { type Selectable, sql, type UpdateObject } from "kysely";
import { fail } from "../../errors.ts";
import { newId } from "../ids-node.ts";
import { claimLeased, updateLeased } from "../leases.ts";
import { type Page, type PageOptions, pageOf } from "../pages.ts";
import type { State, Tables, VectorBatchTable, VectorFileStatus, VectorFileTable } from "../schema/tables.ts";

export type VectorFile = Selectable<VectorFileTable>;
export type VectorBatch = Selectable<VectorBatchTable>;

export interface NewVectorFile {
  /** A file of the same owner. */
  readonly file: string;
  readonly attributes: object | null;
  readonly chunk: number;
  readonly overlap: number;
}

/** Why a file could not be put into a store. */
export interface VectorFileError {
  readonly code: "server_error" | "unsupported_file" | "invalid_file";
  readonly message: string;
}

const ended: readonly VectorFileStatus[] = ["completed", "failed", "cancelled"];

const rowId = (store: string, file: string): string => `${store}/${file}`;

function noFile(id: string): never {
  fail("not_found", "there is no such file in this vector store", {
    where: id.slice(0, 64),
    hint: "GET /v1/vector_stores/{id}/files lists them",
  });
}

/**
 * Put files into a store, each worked on as soon as there is time; one that is there already is done anew.
 * @param batch whether they are known together afterwards
 */
export async function attachFiles(
  state: State,
  owner: string,
  store: string,
  files: readonly NewVectorFile[],
  batch = false,
): Promise<{ readonly rows: readonly VectorFile[]; readonly batch: VectorBatch | undefined }> {
  const { db, now, wake } = state;
  const made = await db.transaction().execute(async (transaction) => {
    const together = batch
      ? await transaction
          .insertInto("vector_batch")
          .values({ id: newId("vsfb_"), store, owner, created_at: now, cancelled_at: null })
          .returningAll()
          .executeTakeFirstOrThrow()
      : undefined;
    const rows: VectorFile[] = [];
    for (const { file, attributes, chunk, overlap } of files) {
      const work = {
        ...{ batch: together?.id ?? null, status: "in_progress" as const, chunk, overlap, usage_bytes: 0, error: null },
        ...{ attributes: attributes ? JSON.stringify(attributes) : null, worker: null, lease_until: 0, attempts: 0 },
      };
      rows.push(
        await transaction
          .insertInto("vector_file")
          .values({ id: rowId(store, file), store, file, owner, created_at: now, fence: 0, ...work })
          .onConflict((conflict) =>
            conflict.column("id").doUpdateSet((is) => ({ ...work, fence: is("vector_file.fence", "+", 1) })),
          )
          .returningAll()
          .executeTakeFirstOrThrow(),
      );
    }
    return { rows, batch: together };
  });
  await wake.call();
  return made;
}

const inStore = ({ db }: Pick<State, "db">, owner: string, store: string) =>
  db.selectFrom("vector_file").selectAll().where("owner", "=", owner).where("store", "=", store);

/** @throws not_found */
export async function getVectorFile(state: State, owner: string, store: string, file: string): Promise<VectorFile> {
  return (await inStore(state, owner, store).where("file", "=", file).executeTakeFirst()) ?? noFile(file);
}

/** @throws not_found for an `after` or `before` that is no file of the list */
export function listVectorFiles(
  state: State,
  owner: string,
  store: string,
  {
    status,
    batch,
    after,
    before,
    ...page
  }: PageOptions & { readonly status?: VectorFileStatus | undefined; readonly batch?: string | undefined },
): Promise<Page<VectorFile>> {
  let rows = inStore(state, owner, store);
  if (status !== undefined) rows = rows.where("status", "=", status);
  if (batch !== undefined) rows = rows.where("batch", "=", batch);
  return pageOf(rows, {
    ...page,
    after: after && rowId(store, after),
    before: before && rowId(store, before),
  });
}

/** A file of a store with the name that its sender gave it. */
export interface NamedVectorFile extends VectorFile {
  readonly filename: string;
}

/** The files of a store that can be searched. */
export const completedFiles = ({ db, now }: Pick<State, "db" | "now">, store: string): Promise<NamedVectorFile[]> =>
  db
    .selectFrom("vector_file")
    .innerJoin("file", "file.id", "vector_file.file")
    .selectAll("vector_file")
    .select("file.filename")
    .where("store", "=", store)
    .where("status", "=", "completed")
    // A file whose time is over is not there any more, whenever it is swept.
    .where((is) => is.or([is("file.expires_at", "is", null), is("file.expires_at", ">", now)]))
    .orderBy("vector_file.seq")
    .execute();

/** @throws not_found */
export async function changeVectorFile(
  state: State,
  owner: string,
  store: string,
  file: string,
  attributes: object | null,
): Promise<VectorFile> {
  const row = await state.db
    .updateTable("vector_file")
    .set({ attributes: attributes ? JSON.stringify(attributes) : null })
    .where("owner", "=", owner)
    .where("id", "=", rowId(store, file))
    .returningAll()
    .executeTakeFirst();
  return row ?? noFile(file);
}

/** Take a file out of a store; the file itself stays. @throws not_found */
export async function detachFile({ db }: State, owner: string, store: string, file: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom("vector_file")
    .where("owner", "=", owner)
    .where("id", "=", rowId(store, file))
    .executeTakeFirst();
  if (numDeletedRows === 0n) noFile(file);
}

/** @throws not_found */
export async function getVectorBatch({ db }: State, owner: string, store: string, id: string): Promise<VectorBatch> {
  const row = await db
    .selectFrom("vector_batch")
    .selectAll()
    .where("owner", "=", owner)
    .where("store", "=", store)
    .where("id", "=", id)
    .executeTakeFirst();
  return row ?? fail("not_found", "there is no such batch of files in this vector store", { where: id.slice(0, 64) });
}

/** End a batch early: files that are done stay. @throws not_found */
export async function cancelVectorBatch(state: State, owner: string, store: string, id: string): Promise<VectorBatch> {
  const batch = await getVectorBatch(state, owner, store, id);
  const { db, now } = state;
  await db.transaction().execute(async (transaction) => {
    const { numUpdatedRows } = await transaction
      .updateTable("vector_file")
      .set({ status: "cancelled", worker: null, lease_until: 0 })
      .where("batch", "=", id)
      .where("status", "=", "in_progress")
      .executeTakeFirst();
    if (numUpdatedRows > 0n) {
      await transaction.updateTable("vector_batch").set({ cancelled_at: now }).where("id", "=", id).execute();
    }
  });
  return getVectorBatch(state, owner, batch.store, id);
}

/** A file in the hands of a process. */
export interface VectorClaim {
  readonly row: VectorFile;
  readonly worker: string;
  readonly fence: number;
}

/** Take the next file that nobody works on, those first whose owners have fewest in work, then the oldest. */
export async function claimVectorFile(state: State, worker: string, seconds: number): Promise<VectorClaim | undefined> {
  const statuses = ["in_progress"] as const;
  const row = await claimLeased(state, "vector_file", { worker, seconds, statuses, open: statuses });
  return row && { row, worker, fence: row.fence };
}

const updateClaimed = (
  state: Pick<State, "db">,
  { row: { id }, worker, fence }: VectorClaim,
  change: UpdateObject<Tables, "vector_file">,
): Promise<VectorFile | undefined> => updateLeased(state, "vector_file", { id, worker, fence }, ended, change);

/** Keep a file for `seconds` more; undefined when it was lost: stop, and write nothing. */
export const renewVectorFile = (state: State, claim: VectorClaim, seconds: number): Promise<VectorFile | undefined> =>
  updateClaimed(state, claim, { lease_until: sql<number>`${state.now} + ${seconds}` });

/** Give a file back undone, for another process to take at once. */
export async function releaseVectorFile(state: State, claim: VectorClaim): Promise<void> {
  await updateClaimed(state, claim, { lease_until: 0, attempts: 0 });
  await state.wake.call();
}

/** Note that a file can be searched, or why not; whether it was still ours. */
export async function endVectorFile(
  state: State,
  claim: VectorClaim,
  outcome: { readonly bytes: number } | VectorFileError,
): Promise<boolean> {
  const failed = "code" in outcome;
  const row = await updateClaimed(state, claim, {
    ...(failed
      ? { status: "failed" as const, error: JSON.stringify(outcome) }
      : { status: "completed" as const, usage_bytes: outcome.bytes }),
    ...{ worker: null, lease_until: 0 },
  });
  return row !== undefined;
}
