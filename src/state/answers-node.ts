/**
 * Answers under keys of their senders' choice (`Idempotency-Key`), so that a request that is sent again, to whichever
 * server of the database, gets the first answer and is not computed twice.
 */
import { createHash } from "node:crypto";
import type { State } from "./schema/tables.ts";

export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly text: string;
}

/** A request under a key. */
export interface Ticket {
  readonly owner: string;
  readonly key: string;
  /** What tells one request from another. */
  readonly print: string;
  /** Who asks: another one each time. */
  readonly holder: string;
}

/** What there is under a ticket's key: nothing, so that it is now its holder's to answer; or what came before it. */
export type Found =
  | { readonly kind: "mine" }
  | { readonly kind: "answered"; readonly answer: Answer }
  | { readonly kind: "running" }
  | { readonly kind: "another request" };

export interface AnswerStore {
  /** Look under the key. It is its holder's for the time of a lease, and longer by {@link renew}. */
  claim(ticket: Ticket): Promise<Found>;
  renew(ticket: Ticket): Promise<void>;
  /** Keep the answer; without one, the request alone: it is answered anew when it comes again, and no other is. */
  keep(ticket: Ticket, answer: Answer | undefined): Promise<void>;
  /** Forget the request, which failed: it may be sent again or mended. */
  drop(ticket: Ticket): Promise<void>;
}

export interface AnswerTimes {
  /** Seconds that an answer is kept. */
  readonly kept: number;
  /** Seconds without {@link AnswerStore.renew} after which a request is its holder's no longer. */
  readonly lease: number;
}

export const answerTimes: AnswerTimes = { kept: 86_400, lease: 15 };

/** Seconds between two sweeps, by whoever asks next. */
const sweepEvery = 600;

/** Kept in the database, known to every server on it. */
export function storedAnswers({ db, now }: State, { kept, lease }: AnswerTimes = answerTimes): AnswerStore {
  const of = ({ owner, key }: Ticket) => [owner, key] as const;
  const held = ({ owner, key, holder }: Ticket) =>
    db.updateTable("answer").where("owner", "=", owner).where("key", "=", key).where("holder", "=", holder);
  let swept = Number.NEGATIVE_INFINITY;
  /** Take away what was kept long enough. */
  const sweep = async () => {
    if (performance.now() - swept < sweepEvery * 1000) return;
    swept = performance.now();
    await db
      .deleteFrom("answer")
      .where((is) => is("created_at", "<=", is(now, "-", kept)))
      .execute();
  };
  return {
    async claim(ticket) {
      await sweep();
      const [owner, key] = of(ticket);
      const { holder } = ticket;
      const print = createHash("sha256").update(ticket.print).digest("hex");
      const row = { print, holder, state: "running" as const, status: null, headers: null, text: null };
      const mine = await db
        .insertInto("answer")
        .values(({ eb }) => ({ owner, key, ...row, created_at: now, lease_until: eb(now, "+", lease) }))
        .onConflict((conflict) =>
          conflict
            .columns(["owner", "key"])
            .doUpdateSet(({ eb }) => ({ ...row, created_at: now, lease_until: eb(now, "+", lease) }))
            .where((is) =>
              is.or([
                is("answer.created_at", "<=", is(now, "-", kept)),
                is.and([is("answer.state", "=", "running"), is("answer.lease_until", "<=", now)]),
                is.and([is("answer.state", "=", "unkept"), is("answer.print", "=", print)]),
              ]),
            ),
        )
        .returning("key")
        .executeTakeFirst();
      if (mine !== undefined) return { kind: "mine" };
      const before = await db
        .selectFrom("answer")
        .select(["print", "status", "headers", "text"])
        .where("owner", "=", owner)
        .where("key", "=", key)
        .executeTakeFirst();
      // One that is gone between the two questions is asked for once more.
      if (before === undefined) return { kind: "running" };
      if (before.print !== print) return { kind: "another request" };
      const { status, headers, text } = before;
      if (status === null || headers === null || text === null) return { kind: "running" };
      return { kind: "answered", answer: { status, headers: JSON.parse(headers), text } };
    },
    async renew(ticket) {
      await held(ticket)
        .set(({ eb }) => ({ lease_until: eb(now, "+", lease) }))
        .execute();
    },
    async keep(ticket, answer) {
      await held(ticket)
        .set({
          state: answer ? "answered" : "unkept",
          status: answer?.status ?? null,
          headers: answer ? JSON.stringify(answer.headers) : null,
          text: answer?.text ?? null,
        })
        .execute();
    },
    async drop(ticket) {
      const [owner, key] = of(ticket);
      await db
        .deleteFrom("answer")
        .where("owner", "=", owner)
        .where("key", "=", key)
        .where("holder", "=", ticket.holder)
        .execute();
    },
  };
}
