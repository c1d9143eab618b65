/** Adapters that jobs of fine-tuning have made. They belong to the key whose job it was. */
import { type Selectable, sql } from "kysely";
import { fail } from "../../errors.ts";
import { keepHidden } from "../files-node.ts";
import { newId } from "../ids-node.ts";
import { type Page, type PageOptions, pageOf } from "../pages.ts";
import type { AdapterTable, State } from "../schema/tables.ts";
import { noteEvent } from "./events.ts";
import { dropRun, type TuningClaim, updateTuning } from "./tunings.ts";

export type StoredAdapter = Selectable<AdapterTable>;

/** Checkpoints of a job that are kept: the last ones. */
const mostCheckpoints = 3;

/** The name that an adapter is asked for by. */
export const adapterModel = ({ model, name }: Pick<StoredAdapter, "model" | "name">): string => `${model}:${name}`;

async function dropAdapters(db: State["db"], rows: readonly Pick<StoredAdapter, "id" | "file">[]): Promise<void> {
  if (rows.length === 0) return;
  const [ids, files] = [rows.map(({ id }) => id), rows.map(({ file }) => file)];
  await db.deleteFrom("adapter").where("id", "in", ids).execute();
  await db.deleteFrom("file").where("id", "in", files).execute();
}

export interface NewCheckpoint {
  readonly step: number;
  readonly metrics: object;
  /** The hidden file of the run's folder. */
  readonly run: string;
  /** The hidden file of the adapter's folder as it was then; none where it is not one that is kept. */
  readonly adapter?: string | undefined;
}

/**
 * Note a checkpoint: the run goes on from it, whoever goes on, and it is an adapter of its own. Only the last three of
 * a job stay.
 * @returns whether the job was still ours
 */
export async function recordCheckpoint(
  state: State,
  claim: TuningClaim,
  { step, metrics, run, adapter }: NewCheckpoint,
): Promise<boolean> {
  const { now } = state;
  const { id, owner, model, name } = claim.job;
  const kept = await state.db.transaction().execute(async (db) => {
    const before = await db.selectFrom("tuning").select("run_file").where("id", "=", id).executeTakeFirst();
    const job = await updateTuning({ db }, claim, { run_file: run, attempts: 0 });
    if (job === undefined) return false;
    await keepHidden({ db }, run);
    if (before?.run_file) await db.deleteFrom("file").where("id", "=", before.run_file).execute();
    if (adapter === undefined) return true;
    // A step that is done again after a kill is the same one.
    const same = await db.selectFrom("adapter").selectAll().where("job", "=", id).where("step", "=", step).execute();
    await dropAdapters(db, same);
    await keepHidden({ db }, adapter);
    await db
      .insertInto("adapter")
      .values({
        ...{ id: newId("ftckpt-"), owner, model, name: `${name}-step-${step}`, job: id, step },
        ...{ metrics: JSON.stringify(metrics), file: adapter, created_at: now },
      })
      .execute();
    const all = await db
      .selectFrom("adapter")
      .select(["id", "file"])
      .where("job", "=", id)
      .where("step", "is not", null)
      .orderBy("step", "desc")
      .execute();
    await dropAdapters(db, all.slice(mostCheckpoints));
    await noteEvent(db, now, id, {
      message: `Checkpoint created at step ${step}: ${model}:${name}-step-${step}`,
      data: { step },
      once: `checkpoint-${step}`,
    });
    return true;
  });
  await state.wake.call();
  return kept;
}

export interface TuningResult {
  /** The hidden file of the adapter's folder. */
  readonly adapter: string;
  /** The file of its metrics, which the owner sees. */
  readonly result: string;
  readonly trainedTokens: number;
  readonly steps: number;
  readonly data: object;
}

/** End a job with its adapter. @returns whether it was still ours */
export async function finishTuning(
  state: State,
  claim: TuningClaim,
  { adapter, result, trainedTokens, steps, data }: TuningResult,
): Promise<boolean> {
  const { now } = state;
  const { id, owner, model, name } = claim.job;
  const kept = await state.db.transaction().execute(async (db) => {
    const job = await updateTuning({ db }, claim, {
      ...{ status: "succeeded", finished_at: now, estimated_finish: null, step: steps, steps },
      ...{ result_file: result, trained_tokens: trainedTokens, worker: null, lease_until: 0 },
    });
    if (job === undefined) return false;
    await keepHidden({ db }, adapter);
    await db
      .insertInto("adapter")
      .values({
        ...{ id: newId("adapter-"), owner, model, name, job: id, step: null, metrics: null },
        ...{ file: adapter, created_at: now },
      })
      .execute();
    await noteEvent(db, now, id, { message: `New fine-tuned model created: ${model}:${name}`, data });
    await noteEvent(db, now, id, { message: "The job has successfully completed" });
    await dropRun(db, id);
    return true;
  });
  await state.wake.call();
  return kept;
}

/** Checkpoints of a job, which must be the asker's. @throws not_found for an `after` that is none of them */
export const listCheckpoints = ({ db }: State, job: string, page: PageOptions): Promise<Page<StoredAdapter>> =>
  pageOf(db.selectFrom("adapter").selectAll().where("job", "=", job).where("step", "is not", null), page);

/** All adapters, whoever's: what a server serves. */
export const allAdapters = ({ db }: State): Promise<StoredAdapter[]> =>
  db.selectFrom("adapter").selectAll().orderBy("seq").execute();

/** Names of adapters: an owner's, and those of others. */
export interface AdapterNames {
  readonly own: ReadonlySet<string>;
  readonly others: ReadonlySet<string>;
}

/** Names of all adapters, by whether they are this owner's. */
export async function adapterNames({ db }: State, owner: string): Promise<AdapterNames> {
  const rows = await db.selectFrom("adapter").select(["model", "name", "owner"]).execute();
  const names = (own: boolean) =>
    new Set(rows.filter((row) => (row.owner === owner) === own).map((row) => adapterModel(row)));
  return { own: names(true), others: names(false) };
}

/** The adapter that is asked for by this name, whoever's it is. */
export const findAdapter = ({ db }: State, id: string): Promise<StoredAdapter | undefined> =>
  db.selectFrom("adapter").selectAll().where(sql<string>`model || ':' || name`, "=", id).executeTakeFirst();

/**
 * Delete an adapter. The job that made it stays, without it.
 * @throws not_found, also for one of somebody else's
 */
export async function deleteAdapter(state: State, owner: string, id: string): Promise<void> {
  const row = await findAdapter(state, id);
  if (row === undefined || row.owner !== owner) fail("not_found", "there is no such fine-tuned model", { where: id });
  await state.db.transaction().execute((db) => dropAdapters(db, [row]));
  await state.wake.call();
}
