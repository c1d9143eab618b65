/**
 * Batches: many requests in one file, answered when there is time. One process at a time works on a batch. It holds a
 * lease that it renews; when it dies, the lease ends and another process goes on after what is done. Each taking
 * raises `fence`, and nothing is written for an older one: a process that was only slow finds out and stops.
 */
import { type Selectable, sql, type UpdateObject } from "kysely";
import { fail } from "../../errors.ts";
import { newId } from "../ids-node.ts";
import { claimLeased, updateLeased } from "../leases.ts";
import { type Page, type PageOptions, pageOf } from "../pages.ts";
import type { BatchStatus, BatchTable, State, Tables } from "../schema/tables.ts";

export type Batch = Selectable<BatchTable>;

export interface NewBatch {
  readonly endpoint: string;
  readonly inputFile: string;
  readonly completionWindow: string;
  /** Seconds of the window. */
  readonly seconds: number;
  readonly metadata?: Readonly<Record<string, string>> | null | undefined;
}

/** What may not be worked on any more. */
const ended: readonly BatchStatus[] = ["completed", "failed", "expired", "cancelled"];
const open: readonly BatchStatus[] = ["validating", "in_progress", "finalizing", "cancelling"];

function noBatch(id: string): never {
  fail("not_found", "there is no such batch", { where: id.slice(0, 64), hint: "GET /v1/batches lists yours" });
}

/**
 * Put a batch in the queue. Its input file is looked at by whoever takes it. The two files that it will write begin
 * with it, unseen, so that each answer goes straight to its place.
 */
export async function createBatch(state: State, owner: string, batch: NewBatch): Promise<Batch> {
  const { db, now, wake } = state;
  const [id, output, errors] = [newId("batch_"), newId("file-"), newId("file-")];
  const row = await db.transaction().execute(async (transaction) => {
    for (const [file, ending] of [
      [output, "output"],
      [errors, "error"],
    ] as const) {
      const filename = `${id}_${ending}.jsonl`;
      await transaction
        .insertInto("file")
        .values({ id: file, owner, filename, purpose: "batch_output", bytes: 0, created_at: now, state: "output" })
        .execute();
    }
    return transaction
      .insertInto("batch")
      .values({
        id,
        owner,
        endpoint: batch.endpoint,
        input_file: batch.inputFile,
        completion_window: batch.completionWindow,
        metadata: batch.metadata ? JSON.stringify(batch.metadata) : null,
        status: "validating",
        created_at: now,
        expires_at: sql<number>`${now} + ${batch.seconds}`,
        total: 0,
        completed: 0,
        failed: 0,
        output_file: output,
        error_file: errors,
        fence: 0,
        lease_until: 0,
        attempts: 0,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
  });
  await wake.call();
  return row;
}

const owned = ({ db }: State, owner: string) => db.selectFrom("batch").selectAll().where("owner", "=", owner);

/** @throws not_found, also for a batch of somebody else's */
export async function getBatch(state: State, owner: string, id: string): Promise<Batch> {
  return (await owned(state, owner).where("id", "=", id).executeTakeFirst()) ?? noBatch(id);
}

/** @throws not_found for an `after` that is none of theirs */
export function listBatches(state: State, owner: string, page: PageOptions): Promise<Page<Batch>> {
  return pageOf(owned(state, owner), page);
}

/**
 * Ask for a batch to end early; what is answered by then is kept. Whoever works on it ends it.
 * @throws not_found; bad_input for a batch that has ended
 */
export async function cancelBatch(state: State, owner: string, id: string): Promise<Batch> {
  const { db, now, wake } = state;
  const row = await db
    .updateTable("batch")
    .set({ status: "cancelling", cancelling_at: now })
    .where("owner", "=", owner)
    .where("id", "=", id)
    .where("status", "in", ["validating", "in_progress"])
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) {
    const batch = await getBatch(state, owner, id);
    if (batch.status === "cancelling") return batch;
    fail("bad_input", `a batch that is ${batch.status} cannot be cancelled`, { where: batch.id });
  }
  await wake.call();
  return row as Batch;
}

/** A batch in the hands of a process. */
export interface Claim {
  readonly batch: Batch;
  readonly worker: string;
  readonly fence: number;
}

/**
 * Take the next batch that nobody works on, those first whose owners have fewest in work, then the oldest.
 * @param seconds how long it is ours without {@link renewClaim}
 */
export async function claimBatch(state: State, worker: string, seconds: number): Promise<Claim | undefined> {
  const batch = await claimLeased(state, "batch", { worker, seconds, statuses: open, open });
  return batch && { batch, worker, fence: batch.fence };
}

/** Change a batch for as long as it is ours; undefined when it is not any more. */
const updateClaimed = (
  state: Pick<State, "db">,
  { batch: { id }, worker, fence }: Claim,
  change: UpdateObject<Tables, "batch">,
): Promise<Batch | undefined> => updateLeased(state, "batch", { id, worker, fence }, ended, change);

/** Keep a batch for `seconds` more; undefined when it was lost: stop, and write nothing. */
export const renewClaim = (state: State, claim: Claim, seconds: number): Promise<Batch | undefined> =>
  updateClaimed(state, claim, { lease_until: sql<number>`${state.now} + ${seconds}` });

/** Give a batch back unfinished, for another process to take at once. */
export async function releaseClaim(state: State, claim: Claim): Promise<void> {
  await updateClaimed(state, claim, { lease_until: 0, attempts: 0 });
  await state.wake.call();
}

/** Note that the input is in order and has `total` lines; undefined when the batch was lost. */
export const beginBatch = (state: State, claim: Claim, total: number): Promise<Batch | undefined> =>
  updateClaimed(state, claim, {
    total,
    // It may be cancelled already.
    status: sql<BatchStatus>`case when status = 'validating' then 'in_progress' else status end`,
    in_progress_at: state.now,
  });

/** The numbers of the input's lines that are answered. */
export async function answeredLines({ db }: State, { output_file, error_file }: Batch): Promise<Set<number>> {
  const rows = await db.selectFrom("chunk").select("at").where("file", "in", [output_file, error_file]).execute();
  return new Set(rows.map(({ at }) => at));
}

export interface LineResult {
  /** Number of the input's line, from 0. */
  readonly line: number;
  /** Whether its answer goes to the output; else to the errors. */
  readonly good: boolean;
  /** The line that is written, without its end. */
  readonly text: string;
}

/**
 * Write the answer to a line. Counting it and writing it are one transaction, under the lease: so it stands in the
 * output once, whoever else has computed it.
 * @returns the batch as it is now, whose status tells of a cancellation; undefined when it was lost
 */
export function recordLine(state: State, claim: Claim, { line, good, text }: LineResult): Promise<Batch | undefined> {
  return state.db.transaction().execute(async (db) => {
    const counter = good ? "completed" : "failed";
    const batch = await updateClaimed({ db }, claim, { [counter]: sql`${sql.ref(counter)} + 1`, attempts: 0 });
    if (batch === undefined) return undefined;
    const content = new TextEncoder().encode(`${text}\n`);
    await db
      .insertInto("chunk")
      .values({ file: good ? batch.output_file : batch.error_file, at: line, content })
      .execute();
    return batch;
  });
}

/** Note that every line is answered and the files are being closed. */
export const finalizeBatch = (state: State, claim: Claim): Promise<Batch | undefined> =>
  updateClaimed(state, claim, { status: "finalizing", finalizing_at: state.now });

/** A file that a batch wrote: how much is in it. */
export interface WrittenFile {
  readonly id: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * End a batch. Files that something was written to are seen from now on, the others go.
 * @returns whether it was still ours
 */
export function endBatch(
  state: State,
  claim: Claim,
  status: "completed" | "cancelled" | "expired" | "failed",
  { files, errors }: { readonly files: readonly WrittenFile[]; readonly errors?: unknown },
): Promise<boolean> {
  return state.db.transaction().execute(async (db) => {
    const batch = await updateClaimed({ db }, claim, {
      status,
      [`${status}_at`]: state.now,
      errors: errors === undefined ? null : JSON.stringify(errors),
      worker: null,
      lease_until: 0,
    });
    if (batch === undefined) return false;
    for (const { id, bytes, sha256 } of files) {
      if (bytes === 0) await db.deleteFrom("file").where("id", "=", id).execute();
      else await db.updateTable("file").set({ bytes, sha256, state: "processed" }).where("id", "=", id).execute();
    }
    return true;
  });
}
