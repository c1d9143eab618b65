/**
 * What a key may use: a bucket for each limit, which fills at a steady rate and holds as much as the limit allows at
 * once. Each question is one statement, so that servers that share a database grant exactly what there is.
 */
import { sql } from "kysely";
import type { State } from "./schema/tables.ts";

export interface Allowance {
  /** Which of its limits: `requests`, `tokens`. */
  readonly kind: string;
  /** How much at once, and in `seconds`. */
  readonly most: number;
  readonly seconds: number;
}

/** The limits of a key, as the buckets they are. */
export const requestsAllowance = (perMinute: number): Allowance => ({
  kind: "requests",
  most: perMinute,
  seconds: 60,
});
export const tokensAllowance = (perDay: number): Allowance => ({ kind: "tokens", most: perDay, seconds: 86_400 });

/**
 * Take `cost` of an allowance if there is as much; with a cost of 0, ask whether there is anything at all.
 * @returns 0 when it was granted, else the seconds after which it would be
 */
export async function takeAllowance(state: State, owner: string, allowance: Allowance, cost: number): Promise<number> {
  const { db, now, least } = state;
  const { kind, most, seconds } = allowance;
  const rate = most / seconds;
  // What it holds by now, after the time since it was last asked.
  const filled = sql<number>`${least}(${most}, allowance.remaining + (${now} - allowance.at) * ${rate})`;
  const needed = Math.max(cost, 1e-9);
  if (cost <= most) {
    const granted = await db
      .insertInto("allowance")
      .values({ owner, kind, remaining: most - cost, at: now })
      .onConflict((conflict) =>
        conflict
          .columns(["owner", "kind"])
          .doUpdateSet({ remaining: sql<number>`${filled} - ${cost}`, at: now })
          .where(filled, ">=", needed),
      )
      .returning("remaining")
      .executeTakeFirst();
    if (granted) return 0;
  }
  const row = await db
    .selectFrom("allowance")
    .select(filled.as("filled"))
    .where("owner", "=", owner)
    .where("kind", "=", kind)
    .executeTakeFirst();
  return Math.max(1, (Math.max(cost, 1) - (row?.filled ?? 0)) / rate);
}

/** Note what was used, once it is known; it may leave less than nothing, which is then waited for. */
export async function chargeAllowance(state: State, owner: string, allowance: Allowance, cost: number): Promise<void> {
  const { db, now, least } = state;
  const { kind, most, seconds } = allowance;
  const filled = sql<number>`${least}(${most}, allowance.remaining + (${now} - allowance.at) * ${most / seconds})`;
  await db
    .insertInto("allowance")
    .values({ owner, kind, remaining: most - cost, at: now })
    .onConflict((conflict) =>
      conflict.columns(["owner", "kind"]).doUpdateSet({ remaining: sql<number>`${filled} - ${cost}`, at: now }),
    )
    .execute();
}
