/**
 * Digests of papers, and the work of making them. One process at a time makes a digest; it holds a lease that it renews, and
 * when it dies another one begins anew. Each taking raises `fence`, and nothing is written for an older one.
 */
import { type Selectable, type SqlBool, sql, type UpdateObject } from "kysely";
import { fail } from "../errors.ts";
import { newId } from "./ids-node.ts";
import { claimLeased, updateLeased } from "./leases.ts";
import { type Page, type PageOptions, pageOf } from "./pages.ts";
import type { DigestStatus, DigestTable, State, Tables } from "./schema/tables.ts";

export type DigestRow = Selectable<DigestTable>;

export interface NewDigest
  extends Pick<DigestRow, "store" | "file" | "asked_group" | "group_name" | "month" | "asked"> {}

/** Why a digest could not be made. */
export interface DigestError {
  readonly code: string;
  readonly message: string;
}

const ended: readonly DigestStatus[] = ["completed", "failed", "cancelled"];

function noDigest(id: string): never {
  fail("not_found", "there is no such digest", {
    where: id.slice(0, 64),
    hint: "GET /v1/digests lists them; one of another key is not there",
  });
}

/** Ask for a digest; it is made as soon as there is time. */
export async function createDigest(state: State, owner: string, asked: NewDigest): Promise<DigestRow> {
  const row = await state.db
    .insertInto("digest")
    .values({
      ...{ id: newId("digest-"), owner, ...asked, status: "in_progress", progress: null, error: null },
      ...{ document: null, edits: null, created_at: state.now, made_at: null },
      ...{ worker: null, fence: 0, lease_until: 0, attempts: 0 },
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await state.wake.call();
  return row;
}

const owned = ({ db }: Pick<State, "db">, owner: string) =>
  db.selectFrom("digest").selectAll().where("owner", "=", owner);

/** @throws not_found */
export async function getDigest(state: Pick<State, "db">, owner: string, id: string): Promise<DigestRow> {
  return (await owned(state, owner).where("id", "=", id).executeTakeFirst()) ?? noDigest(id);
}

export interface DigestsAsked {
  /** The group's name. */
  readonly group?: string | undefined;
  /** Only those that are there to be read. */
  readonly made?: boolean | undefined;
}

/** @throws not_found for an `after` that is none of theirs */
export function listDigests(
  state: State,
  owner: string,
  { group, made, ...page }: PageOptions & DigestsAsked,
): Promise<Page<DigestRow>> {
  let rows = owned(state, owner);
  if (group !== undefined) rows = rows.where("group_name", "=", group);
  if (made) rows = rows.where("document", "is not", null);
  return pageOf(rows, page);
}

/** Change what its owner may change. @throws not_found */
async function change(
  { db }: Pick<State, "db">,
  owner: string,
  id: string,
  values: UpdateObject<Tables, "digest">,
): Promise<DigestRow> {
  const row = await db
    .updateTable("digest")
    .set(values)
    .where("owner", "=", owner)
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
  return row ?? noDigest(id);
}

/** Keep what a person changed of it, JSON. @throws not_found */
export const editDigest = (state: State, owner: string, id: string, edits: string): Promise<DigestRow> =>
  change(state, owner, id, { edits });

/** Make it anew from what the store holds now; edits stay. @throws not_found */
export async function remakeDigest(state: State, owner: string, id: string): Promise<DigestRow> {
  const row = await change(state, owner, id, {
    ...{ status: "in_progress", progress: null, error: null, worker: null, lease_until: 0, attempts: 0 },
    fence: sql<number>`fence + 1`,
  });
  await state.wake.call();
  return row;
}

/** End the work on it, where there is any. @throws not_found */
export async function cancelDigest(state: State, owner: string, id: string): Promise<DigestRow> {
  await state.db
    .updateTable("digest")
    .set({ status: "cancelled", progress: null, worker: null, lease_until: 0 })
    .where("owner", "=", owner)
    .where("id", "=", id)
    .where("status", "=", "in_progress")
    .execute();
  await state.wake.call();
  return getDigest(state, owner, id);
}

/** @throws not_found */
export async function deleteDigest(state: State, owner: string, id: string): Promise<void> {
  const { numDeletedRows } = await state.db
    .deleteFrom("digest")
    .where("owner", "=", owner)
    .where("id", "=", id)
    .executeTakeFirst();
  if (numDeletedRows === 0n) noDigest(id);
  await state.wake.call();
}

/** A digest in the hands of a process. */
export interface DigestClaim {
  readonly row: DigestRow;
  readonly worker: string;
  readonly fence: number;
}

/**
 * Take the next digest that nobody makes, those first whose owners have fewest in work, then the oldest.
 * @param stores names of the stores that this process can read; "any" where another process could not either
 */
export async function claimDigest(
  state: State,
  worker: string,
  seconds: number,
  stores: readonly string[] | "any",
): Promise<DigestClaim | undefined> {
  const statuses = ["in_progress"] as const;
  const here =
    stores === "any" || stores.length === 0
      ? sql<SqlBool>`${stores === "any" ? sql`1 = 1` : sql`store is null`}`
      : sql<SqlBool>`(store is null or store in (${sql.join(stores)}))`;
  const row = await claimLeased(state, "digest", { worker, seconds, statuses, open: statuses, where: here });
  return row && { row, worker, fence: row.fence };
}

const updateClaimed = (
  state: Pick<State, "db">,
  { row: { id }, worker, fence }: DigestClaim,
  values: UpdateObject<Tables, "digest">,
): Promise<DigestRow | undefined> => updateLeased(state, "digest", { id, worker, fence }, ended, values);

/** Keep a digest for `seconds` more, and say what its work is at; undefined when it was lost: stop, and write nothing. */
export const renewDigest = (
  state: State,
  claim: DigestClaim,
  seconds: number,
  progress: string | null,
): Promise<DigestRow | undefined> =>
  updateClaimed(state, claim, { lease_until: sql<number>`${state.now} + ${seconds}`, progress });

/**
 * Give a digest back unmade.
 * @param wait seconds before anybody takes it again; undefined for at once, not counted as an attempt
 */
export async function releaseDigest(state: State, claim: DigestClaim, wait: number | undefined): Promise<void> {
  const until =
    wait === undefined ? { lease_until: 0, attempts: 0 } : { lease_until: sql<number>`${state.now} + ${wait}` };
  await updateClaimed(state, claim, { ...until, progress: null });
  await state.wake.call();
}

/** Note that a digest is made, or why not; whether it was still ours. */
export async function endDigest(
  state: State,
  claim: DigestClaim,
  outcome: { readonly document: string } | DigestError,
): Promise<boolean> {
  const row = await updateClaimed(state, claim, {
    ...("document" in outcome
      ? { status: "completed" as const, document: outcome.document, made_at: state.now }
      : { status: "failed" as const, error: JSON.stringify(outcome) }),
    ...{ progress: null, worker: null, lease_until: 0 },
  });
  return row !== undefined;
}
