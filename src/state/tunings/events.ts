/** What a job of fine-tuning tells its owner, in the order in which it happened. */
import type { RawBuilder, Selectable } from "kysely";
import { newId } from "../ids-node.ts";
import { type Page, type PageOptions, pageOf } from "../pages.ts";
import type { State, TuningEventTable } from "../schema/tables.ts";

export type TuningEvent = Selectable<TuningEventTable>;

export interface NewEvent {
  readonly message: string;
  readonly level?: TuningEventTable["level"];
  readonly type?: TuningEventTable["type"];
  readonly data?: object;
  /** What is told under the same name a second time is not noted. */
  readonly once?: string;
}

/** Note an event. */
export async function noteEvent(
  db: State["db"],
  now: RawBuilder<number>,
  job: string,
  { message, level = "info", type = "message", data, once = undefined }: NewEvent,
): Promise<void> {
  await db
    .insertInto("tuning_event")
    .values({
      ...{ id: newId("ftevent-"), job, once: once ?? null, created_at: now, level, type, message },
      data: data === undefined ? null : JSON.stringify(data),
    })
    .onConflict((conflict) => conflict.columns(["job", "once"]).doNothing())
    .execute();
}

/** Events of a job, which must be the asker's. @throws not_found for an `after` that is none of them */
export const listEvents = ({ db }: Pick<State, "db">, job: string, page: PageOptions): Promise<Page<TuningEvent>> =>
  pageOf(db.selectFrom("tuning_event").selectAll().where("job", "=", job), page);
