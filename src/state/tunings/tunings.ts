/**
 * Jobs of fine-tuning. One process at a time works on a job, first on looking at its files, then on its steps. It holds
 * a lease that it renews; when it dies, the lease ends and another process goes on from the last checkpoint, which lies
 * in the database. Each taking raises `fence`, and nothing is written for an older one.
 */
import { type Selectable, type SqlBool, sql, type UpdateObject } from "kysely";
import { fail } from "../../errors.ts";
import { newId } from "../ids-node.ts";
import { claimLeased, updateLeased } from "../leases.ts";
import { type Page, type PageOptions, pageOf } from "../pages.ts";
import type { State, Tables, TuningStatus, TuningTable } from "../schema/tables.ts";
import { type NewEvent, noteEvent } from "./events.ts";

export type Tuning = Selectable<TuningTable>;

export interface NewTuning {
  readonly model: string;
  /** What the adapter's name begins with. */
  readonly called: string;
  readonly trainingFile: string;
  readonly validationFile: string | null;
  readonly asked: object;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly seed: number;
}

/** What is being worked on, or waits for it. */
export const openTunings = ["validating_files", "queued", "running"] as const satisfies readonly TuningStatus[];
const ended: readonly TuningStatus[] = ["succeeded", "failed", "cancelled"];

/** What work on a job is about: its files, or its steps. */
export type Stage = "files" | "steps";
const stages: Readonly<Record<Stage, readonly TuningStatus[]>> = {
  files: ["validating_files"],
  steps: ["queued", "running"],
};

function noJob(id: string): never {
  fail("not_found", "there is no such fine-tuning job", {
    where: id.slice(0, 64),
    hint: "GET /v1/fine_tuning/jobs lists yours",
  });
}

/** Put a job in the queue. Its files are looked at by whoever takes it. */
export async function createTuning(state: State, owner: string, job: NewTuning): Promise<Tuning> {
  const { db, now, wake } = state;
  const id = newId("ftjob-");
  const row = await db.transaction().execute(async (transaction) => {
    const made = await transaction
      .insertInto("tuning")
      .values({
        ...{ id, owner, model: job.model, name: `${job.called}-${id.slice(-8)}` },
        ...{ training_file: job.trainingFile, validation_file: job.validationFile },
        ...{ asked: JSON.stringify(job.asked), metadata: job.metadata ? JSON.stringify(job.metadata) : null },
        ...{ seed: job.seed, status: "validating_files", created_at: now, step: 0, steps: 0 },
        ...{ fence: 0, lease_until: 0, attempts: 0 },
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    await noteEvent(transaction, now, id, { message: `Created fine-tuning job: ${id}` });
    return made;
  });
  await wake.call();
  return row;
}

const owned = ({ db }: Pick<State, "db">, owner: string) =>
  db.selectFrom("tuning").selectAll().where("owner", "=", owner);

/** @throws not_found, also for a job of somebody else's */
export async function getTuning(state: Pick<State, "db">, owner: string, id: string): Promise<Tuning> {
  return (await owned(state, owner).where("id", "=", id).executeTakeFirst()) ?? noJob(id);
}

/**
 * @param metadata keys and values that a job must have; null for jobs without any
 * @throws not_found for an `after` that is none of theirs
 */
export function listTunings(
  state: State,
  owner: string,
  { metadata, ...page }: PageOptions & { readonly metadata?: Readonly<Record<string, string>> | null | undefined },
): Promise<Page<Tuning>> {
  let jobs = owned(state, owner);
  if (metadata === null) jobs = jobs.where("metadata", "is", null);
  for (const [key, value] of Object.entries(metadata ?? {})) {
    // In JSON a quote within a text has a stroke before it, so this stands there as a key with its value alone.
    const entry = `${JSON.stringify(key)}:${JSON.stringify(value)}`;
    jobs = jobs.where(sql<boolean>`replace(metadata, ${entry}, '') <> metadata`);
  }
  return pageOf(jobs, page);
}

/** A change that an owner asks for: from which statuses it goes, to which, and what the owner is told. */
async function change(
  state: State,
  owner: string,
  id: string,
  {
    to,
    from,
    set = {},
    what,
    told,
  }: {
    readonly to: TuningStatus;
    readonly from: readonly TuningStatus[];
    readonly set?: UpdateObject<Tables, "tuning">;
    readonly what: string;
    readonly told: string;
  },
): Promise<Tuning> {
  const { db, now, wake } = state;
  const row = await db.transaction().execute(async (transaction) => {
    const job = await transaction
      .updateTable("tuning")
      .set({ status: to, estimated_finish: null, ...set })
      .where("owner", "=", owner)
      .where("id", "=", id)
      .where("status", "in", from)
      .returningAll()
      .executeTakeFirst();
    if (!job) return undefined;
    await noteEvent(transaction, now, id, { message: told });
    if (to === "cancelled") await dropRun(transaction, id);
    return job;
  });
  if (row === undefined) {
    const job = await getTuning(state, owner, id);
    if (job.status === to) return job;
    fail("bad_input", `a job that is ${job.status} cannot be ${what}`, { where: job.id });
  }
  await wake.call();
  return row;
}

/** End a job. Whoever works on it stops at once. @throws not_found; bad_input for a job that has ended */
export const cancelTuning = (state: State, owner: string, id: string): Promise<Tuning> =>
  change(state, owner, id, {
    to: "cancelled",
    from: [...openTunings, "paused"],
    set: { finished_at: state.now },
    what: "cancelled",
    told: "The job was cancelled",
  });

/** Hold a job. Whoever works on it saves a checkpoint and stops. @throws as {@link cancelTuning} */
export const pauseTuning = (state: State, owner: string, id: string): Promise<Tuning> =>
  change(state, owner, id, { to: "paused", from: openTunings, what: "paused", told: "The job is paused" });

/** Let a paused job go on from its checkpoint. @throws not_found; bad_input for one that is not paused */
export const resumeTuning = (state: State, owner: string, id: string): Promise<Tuning> =>
  change(state, owner, id, {
    to: "queued",
    from: ["paused"],
    set: {
      status: sql<TuningStatus>`case when chosen is null then 'validating_files' else 'queued' end`,
      attempts: 0,
    },
    what: "resumed",
    told: "The job goes on",
  });

/** A job in the hands of a process. */
export interface TuningClaim {
  readonly job: Tuning;
  readonly worker: string;
  readonly fence: number;
}

/** Models that jobs at this stage wait for with nobody at work. */
export async function modelsAwaited({ db, now }: State, stage: Stage): Promise<readonly string[]> {
  const rows = await db
    .selectFrom("tuning")
    .select("model")
    .distinct()
    .where("status", "in", stages[stage])
    .where("lease_until", "<", now)
    .execute();
  return rows.map(({ model }) => model);
}

/**
 * Take the next job of these models that nobody works on, those first whose owners have fewest in work, then the oldest.
 * @param seconds how long it is ours without {@link renewTuning}
 */
export async function claimTuning(
  state: State,
  stage: Stage,
  worker: string,
  seconds: number,
  models: readonly string[],
): Promise<TuningClaim | undefined> {
  if (models.length === 0) return undefined;
  const where = sql<SqlBool>`model in (${sql.join(models)})`;
  const job = await claimLeased(state, "tuning", {
    worker,
    seconds,
    statuses: stages[stage],
    open: openTunings,
    where,
  });
  return job && { job, worker, fence: job.fence };
}

/** Change a job for as long as it is ours; undefined when it is not any more, or has ended. */
export const updateTuning = (
  state: Pick<State, "db">,
  { job: { id }, worker, fence }: TuningClaim,
  change: UpdateObject<Tables, "tuning">,
): Promise<Tuning | undefined> => updateLeased(state, "tuning", { id, worker, fence }, ended, change);

/**
 * Keep a job for `seconds` more.
 * @returns as it is now, whose status tells that it is paused; undefined when it was lost or has ended: write nothing
 */
export const renewTuning = (state: State, claim: TuningClaim, seconds: number): Promise<Tuning | undefined> =>
  updateTuning(state, claim, { lease_until: sql<number>`${state.now} + ${seconds}` });

/**
 * Give a job back unfinished.
 * @param again whether this does not count as an attempt
 * @param wait seconds before anybody takes it again
 */
export async function releaseTuning(
  state: State,
  claim: TuningClaim,
  { again, wait = 0 }: { readonly again: boolean; readonly wait?: number },
): Promise<void> {
  const { now } = state;
  await updateTuning(state, claim, {
    status: sql<TuningStatus>`case when status = 'running' then 'queued' else status end`,
    ...(again && { attempts: 0 }),
    lease_until: wait === 0 ? 0 : sql<number>`${now} + ${wait}`,
    worker: null,
  });
  await state.wake.call();
}

/** Note that the files are in order, and what each step will be made with. */
export async function acceptTuning(
  state: State,
  claim: TuningClaim,
  { chosen, steps }: { readonly chosen: object; readonly steps: number },
): Promise<void> {
  await state.db.transaction().execute(async (db) => {
    const job = await updateTuning({ db }, claim, {
      chosen: JSON.stringify(chosen),
      steps,
      status: sql<TuningStatus>`case when status = 'validating_files' then 'queued' else status end`,
      attempts: 0,
      lease_until: 0,
      worker: null,
    });
    const message = "Files validated, moving job to queued state";
    if (job) await noteEvent(db, state.now, job.id, { message, once: "validated" });
  });
  await state.wake.call();
}

/** How far a job's steps are. */
export interface Progress {
  readonly step?: number;
  readonly steps?: number;
  /** Seconds until its end, as it looks. */
  readonly left?: number;
}

/** Note how a job gets on; undefined when it was lost. What is told of a step again is noted once. */
export function tellTuning(
  state: State,
  claim: TuningClaim,
  event: NewEvent,
  { step, steps, left }: Progress = {},
): Promise<Tuning | undefined> {
  const { now } = state;
  return state.db.transaction().execute(async (db) => {
    const job = await updateTuning({ db }, claim, {
      status: sql<TuningStatus>`case when status = 'queued' then 'running' else status end`,
      ...(step !== undefined && { step }),
      ...(steps !== undefined && { steps }),
      ...(left !== undefined && { estimated_finish: sql<number>`${now} + ${left}` }),
    });
    if (job) await noteEvent(db, now, job.id, event);
    return job;
  });
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  /** Of a file, from 1. */
  readonly row?: number;
}

/** End a job that cannot go on. */
export async function failTuning(state: State, claim: TuningClaim, failure: Failure): Promise<void> {
  const { db, now } = state;
  await db.transaction().execute(async (transaction) => {
    const job = await updateTuning({ db: transaction }, claim, {
      ...{ status: "failed", finished_at: now, estimated_finish: null, error: JSON.stringify(failure) },
      ...{ worker: null, lease_until: 0 },
    });
    if (!job) return;
    await noteEvent(transaction, now, job.id, { level: "error", message: failure.message, data: failure });
    await dropRun(transaction, claim.job.id);
  });
  await state.wake.call();
}

/** Take away the state of a run that is not gone on with. */
export async function dropRun(db: State["db"], id: string): Promise<void> {
  const job = await db.selectFrom("tuning").select("run_file").where("id", "=", id).executeTakeFirst();
  if (!job?.run_file) return;
  await db.updateTable("tuning").set({ run_file: null }).where("id", "=", id).execute();
  await db.deleteFrom("file").where("id", "=", job.run_file).execute();
}
