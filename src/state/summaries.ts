/**
 * Books that are summarised. One process at a time works on one, under a lease, and everything that comes of it is a row
 * of the database before the next thing begins: whoever takes it up makes exactly the calls that are missing.
 */
import { type Selectable, sql, type UpdateObject } from "kysely";
import { fail } from "../errors.ts";
import { newId } from "./ids-node.ts";
import { claimLeased, updateLeased } from "./leases.ts";
import { type Page, type PageOptions, pageOf } from "./pages.ts";
import type { State, SummaryRowTable, SummaryStatus, SummaryTable, Tables } from "./schema/tables.ts";

export type SummaryJob = Selectable<SummaryTable>;
export type SummaryRow = Omit<Selectable<SummaryRowTable>, "summary">;

export interface NewSummary {
  readonly filename: string;
  readonly file: string | null;
  readonly text: string | null;
  readonly model: string;
  readonly asked: object;
  readonly metadata: Readonly<Record<string, string>> | null;
}

/** In work, or waiting for it. */
export const openSummaries: readonly SummaryStatus[] = ["queued", "running"];
/** Nobody writes to these but their owner. */
const resting: readonly SummaryStatus[] = ["paused", "completed", "failed", "cancelled"];

function noSummary(id: string): never {
  fail("not_found", "there is no such summary", { where: id.slice(0, 64), hint: "GET /v1/summaries lists yours" });
}

const owned = ({ db }: Pick<State, "db">, owner: string) =>
  db.selectFrom("summary").selectAll().where("owner", "=", owner);

/**
 * Put a book in the queue.
 * @param most summaries of one owner that may wait or be worked on. @throws busy for more
 */
export async function createSummary(
  state: State,
  owner: string,
  { asked, metadata, ...summary }: NewSummary,
  most: number,
): Promise<SummaryJob> {
  const { db, now, wake } = state;
  const { open } = await db
    .selectFrom("summary")
    .select(({ fn }) => fn.countAll<number>().as("open"))
    .where("owner", "=", owner)
    .where("status", "in", openSummaries)
    .executeTakeFirstOrThrow();
  if (Number(open) >= most)
    fail("busy", `${most} summaries wait already`, { hint: "wait for some to end, or cancel them" });
  const row = await db
    .insertInto("summary")
    .values({
      ...{ id: newId("sum_"), owner, ...summary, asked: JSON.stringify(asked), status: "queued", created_at: now },
      ...{ metadata: metadata && JSON.stringify(metadata), fence: 0, lease_until: 0, attempts: 0 },
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await wake.call();
  return row;
}

/** @throws not_found, also for a summary of somebody else's */
export async function getSummary(state: Pick<State, "db">, owner: string, id: string): Promise<SummaryJob> {
  return (await owned(state, owner).where("id", "=", id).executeTakeFirst()) ?? noSummary(id);
}

/** @throws not_found for an `after` that is none of theirs */
export const listSummaries = (state: State, owner: string, page: PageOptions): Promise<Page<SummaryJob>> =>
  pageOf(owned(state, owner), page);

/** What an owner asks for: from which statuses it goes, to which, and what is noted with it. */
async function change(
  state: State,
  owner: string,
  id: string,
  {
    to,
    from,
    set = {},
    what,
    lines = [],
  }: {
    readonly to: SummaryStatus;
    readonly from: readonly SummaryStatus[];
    readonly set?: UpdateObject<Tables, "summary">;
    readonly what: string;
    readonly lines?: readonly object[];
  },
): Promise<SummaryJob> {
  const { db, wake } = state;
  const row = await db.transaction().execute(async (transaction) => {
    const job = await transaction
      .updateTable("summary")
      // Who worked on it until now writes nothing more; who takes it next need not wait for the old lease.
      .set({ status: to, worker: null, lease_until: 0, ...set })
      .where("owner", "=", owner)
      .where("id", "=", id)
      .where("status", "in", from)
      .returningAll()
      .executeTakeFirst();
    if (!job) return undefined;
    for (const line of lines) await insertRow(transaction, id, { kind: "line", name: newId(""), data: line });
    await noteEvent(transaction, id, { type: "summary.status", status: to });
    return job;
  });
  if (row === undefined) {
    const job = await getSummary(state, owner, id);
    if (job.status === to && lines.length === 0) return job;
    fail("bad_input", `a summary that is ${job.status} cannot be ${what}`, { where: job.id });
  }
  await wake.call();
  return row;
}

/** End a summary for good; what is done can be read. @throws not_found; bad_input for one that has ended */
export const cancelSummary = (state: State, owner: string, id: string): Promise<SummaryJob> =>
  change(state, owner, id, {
    ...{ to: "cancelled", from: ["queued", "running", "paused"], what: "cancelled" },
    set: { finished_at: state.now, text: null, file: null },
  });

/** Hold a summary: whoever works on it stops, and what is done is kept. @throws as {@link cancelSummary} */
export const pauseSummary = (state: State, owner: string, id: string): Promise<SummaryJob> =>
  change(state, owner, id, { to: "paused", from: openSummaries, what: "paused" });

/** Let a summary go on that was paused or has failed. @throws as {@link cancelSummary} */
export const resumeSummary = (state: State, owner: string, id: string): Promise<SummaryJob> =>
  change(state, owner, id, {
    ...{ to: "queued", from: ["paused", "failed"], what: "resumed" },
    set: { error: null, finished_at: null, attempts: 0 },
  });

/** What is to be made again. */
export interface NodeChange {
  readonly node: string;
  /** Whether the node itself is asked for anew. */
  readonly again: boolean;
  /** Also what was told of its old text, and not the ancestors alone. */
  readonly strict: boolean;
}

/**
 * Change a node: a line of the journal, and the nodes above it made again.
 * @throws not_found; bad_input while the summary is worked on, or for one that was cancelled
 */
export const changeNode = (
  state: State,
  owner: string,
  id: string,
  to: NodeChange,
  line?: object,
): Promise<SummaryJob> =>
  change(state, owner, id, {
    ...{ to: "queued", from: ["completed", "paused", "failed"], what: "changed" },
    set: { change: JSON.stringify(to), error: null, finished_at: null, attempts: 0 },
    lines: line ? [line] : [],
  });

/** @throws not_found */
export async function deleteSummary({ db, wake }: State, owner: string, id: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom("summary")
    .where("owner", "=", owner)
    .where("id", "=", id)
    .executeTakeFirst();
  if (numDeletedRows === 0n) noSummary(id);
  await wake.call();
}

interface NewRow {
  readonly kind: SummaryRow["kind"];
  readonly name: string;
  /** A text is JSON already. */
  readonly data: object | string;
}

async function insertRow(db: State["db"], summary: string, { kind, name, data }: NewRow): Promise<void> {
  const text = typeof data === "string" ? data : JSON.stringify(data);
  await db
    .insertInto("summary_row")
    .values({ summary, kind, name, data: text })
    // A node that is made again; an answer that another process made as well.
    .onConflict((conflict) => conflict.columns(["summary", "kind", "name"]).doUpdateSet({ data: text }))
    .execute();
}

const noteEvent = (db: State["db"], summary: string, data: object): Promise<void> =>
  insertRow(db, summary, { kind: "event", name: newId(""), data });

/** Rows of a summary in the order in which they came. */
export const summaryRows = (
  { db }: Pick<State, "db">,
  id: string,
  kinds: readonly SummaryRow["kind"][],
): Promise<SummaryRow[]> =>
  db
    .selectFrom("summary_row")
    .select(["kind", "name", "data", "seq"])
    .where("summary", "=", id)
    .where("kind", "in", kinds)
    .orderBy("seq")
    .execute();

export const summaryRow = (
  { db }: Pick<State, "db">,
  id: string,
  kind: SummaryRow["kind"],
  name: string,
): Promise<SummaryRow | undefined> =>
  db
    .selectFrom("summary_row")
    .select(["kind", "name", "data", "seq"])
    .where("summary", "=", id)
    .where("kind", "=", kind)
    .where("name", "=", name)
    .executeTakeFirst();

/** Events behind a place, the oldest first. */
export const summaryEvents = (
  { db }: Pick<State, "db">,
  id: string,
  after: number,
  limit: number,
): Promise<SummaryRow[]> =>
  db
    .selectFrom("summary_row")
    .select(["kind", "name", "data", "seq"])
    .where("summary", "=", id)
    .where("kind", "=", "event")
    .where("seq", ">", after)
    .orderBy("seq")
    .limit(limit)
    .execute();

/** The newest summaries by a model that has made some calls: how fast it is here. */
export const measuredSummaries = ({ db }: Pick<State, "db">, model: string): Promise<Pick<SummaryJob, "progress">[]> =>
  db
    .selectFrom("summary")
    .select("progress")
    .where("model", "=", model)
    .where("progress", "is not", null)
    .orderBy("seq", "desc")
    .limit(3)
    .execute();

/** A summary in the hands of a process. */
export interface SummaryClaim {
  readonly job: SummaryJob;
  readonly worker: string;
  readonly fence: number;
}

/** Take the next summary that nobody works on, those first whose owners have fewest in work, then the oldest. */
export async function claimSummary(state: State, worker: string, seconds: number): Promise<SummaryClaim | undefined> {
  const job = await claimLeased(state, "summary", {
    ...{ worker, seconds, statuses: openSummaries, open: openSummaries },
  });
  return job && { job, worker, fence: job.fence };
}

const updateClaimed = (
  state: Pick<State, "db">,
  { job: { id }, worker, fence }: SummaryClaim,
  set: UpdateObject<Tables, "summary">,
): Promise<SummaryJob | undefined> => updateLeased(state, "summary", { id, worker, fence }, resting, set);

/** Keep it for `seconds` more; undefined when it was lost, held or has ended: stop, and write nothing. */
export const renewSummary = (state: State, claim: SummaryClaim, seconds: number): Promise<SummaryJob | undefined> =>
  updateClaimed(state, claim, { lease_until: sql<number>`${state.now} + ${seconds}` });

/** Give it back unfinished. @param wait seconds before anybody takes it again */
export async function releaseSummary(
  state: State,
  claim: SummaryClaim,
  { again, wait = 0 }: { readonly again: boolean; readonly wait?: number },
): Promise<void> {
  await updateClaimed(state, claim, {
    ...(again && { attempts: 0 }),
    ...{ worker: null, lease_until: wait === 0 ? 0 : sql<number>`${state.now} + ${wait}` },
  });
  await state.wake.call();
}

/**
 * Keep what came, in one piece, for as long as the summary is held.
 * @param set what is noted of the summary itself
 * @returns whether it was still held
 */
export function keepRows(
  { db }: Pick<State, "db">,
  claim: SummaryClaim,
  rows: readonly NewRow[],
  events: readonly object[] = [],
  set: UpdateObject<Tables, "summary"> = {},
): Promise<boolean> {
  return db.transaction().execute(async (transaction) => {
    const job = await updateClaimed({ db: transaction }, claim, { status: "running", attempts: 0, ...set });
    if (!job) return false;
    for (const row of rows)
      await insertRow(transaction, job.id, row.kind === "line" ? { ...row, name: newId("") } : row);
    for (const event of events) await noteEvent(transaction, job.id, event);
    return true;
  });
}

/** End the work on a summary. */
export async function endSummary(
  state: State,
  claim: SummaryClaim,
  to: { readonly status: SummaryStatus; readonly result?: object; readonly error?: object },
): Promise<boolean> {
  const { status, result, error } = to;
  const ours = await keepRows(state, claim, [], [{ type: "summary.status", status, ...(error && { error }) }], {
    ...{ status, worker: null, lease_until: 0, change: null, error: error ? JSON.stringify(error) : null },
    ...(status !== "paused" && { finished_at: state.now }),
    ...(result && { result: JSON.stringify(result) }),
  });
  await state.wake.call();
  return ours;
}
