/** `Idempotency-Key`: a request that is sent again gets the answer of the first one, and is not computed twice. */
import { type Answer, type AnswerStore, answerTimes, type Ticket } from "../../state/answers-node.ts";
import { refuse } from "../errors.ts";

export interface KeptAnswers {
  /**
   * The answer to this key of this owner: the one that is kept or on its way, else that of `work`.
   * @param print what tells one request from another
   * @throws ApiError 422 for a key that came with another request
   */
  run(asked: Omit<Ticket, "holder">, signal: AbortSignal, work: () => Promise<Response>): Promise<Response>;
}

/** Characters of an answer; a longer one is computed again. */
const longestText = 1 << 20;
/** Milliseconds between two looks at a request that somebody answers, at first and at most. */
const [firstLook, lastLook] = [20, 500];

const again = ({ status, headers, text }: Answer): Response =>
  new Response(text, { status, headers: [...headers, ["idempotency-replayed", "true"]] as [string, string][] });

/** An answer as it is kept; undefined for a stream, which is its reader's, and for a long one. */
async function keptOf(made: Response): Promise<Answer | undefined> {
  if (!/json/.test(made.headers.get("content-type") ?? "")) return undefined;
  const text = await made.clone().text();
  return text.length > longestText ? undefined : { status: made.status, headers: [...made.headers], text };
}

/** The answers of a store. A second request that comes while the first is answered waits for the answer. */
export function keptAnswers(store: AnswerStore): KeptAnswers {
  return {
    async run(asked, signal, work) {
      if (!/^[\x21-\x7e]{1,255}$/.test(asked.key)) {
        refuse(400, "an Idempotency-Key is 1 to 255 visible ASCII characters", { code: "invalid_idempotency_key" });
      }
      const ticket: Ticket = { ...asked, holder: crypto.randomUUID() };
      for (let look = firstLook; ; look = Math.min(2 * look, lastLook)) {
        const found = await store.claim(ticket);
        if (found.kind === "mine") break;
        if (found.kind === "answered") return again(found.answer);
        if (found.kind === "another request") {
          refuse(422, "this Idempotency-Key came with another request before", { code: "idempotency_key_reused" });
        }
        await new Promise((resolve) => setTimeout(resolve, look));
        signal.throwIfAborted();
      }
      // A database that is away for as long as the lease lasts lets another begin, which does no harm but work.
      const renewing = setInterval(() => store.renew(ticket).catch(() => {}), (answerTimes.lease * 1000) / 3);
      let response: Response;
      try {
        response = await work();
      } catch (error) {
        await store.drop(ticket).catch(() => {});
        throw error;
      } finally {
        clearInterval(renewing);
      }
      // The answer is there: where it cannot be kept, it is given all the same, and made again for whoever asks again.
      await store.keep(ticket, await keptOf(response)).catch(() => {});
      return response;
    },
  };
}

/** Answers at a time. */
const most = 1000;

/** A store of this process, for a server without a database: the last thousand answers, of the last day. */
export function answersInMemory(now: () => number = Date.now): AnswerStore {
  type Entry = { readonly ticket: Ticket; readonly since: number; running: boolean; answer?: Answer };
  const kept = new Map<string, Entry>();
  const nameOf = ({ owner, key }: Ticket): string => JSON.stringify([owner, key]);
  const held = (ticket: Ticket): Entry | undefined => {
    const entry = kept.get(nameOf(ticket));
    return entry?.ticket.holder === ticket.holder ? entry : undefined;
  };
  return {
    async claim(ticket) {
      const before = kept.get(nameOf(ticket));
      if (before && now() - before.since <= answerTimes.kept * 1000) {
        if (before.ticket.print !== ticket.print) return { kind: "another request" };
        if (before.running) return { kind: "running" };
        if (before.answer) return { kind: "answered", answer: before.answer };
      }
      kept.delete(nameOf(ticket));
      kept.set(nameOf(ticket), { ticket, since: now(), running: true });
      if (kept.size > most) kept.delete(kept.keys().next().value!);
      return { kind: "mine" };
    },
    async renew() {},
    async keep(ticket, answer) {
      const entry = held(ticket);
      if (entry) Object.assign(entry, { running: false, answer });
    },
    async drop(ticket) {
      if (held(ticket)) kept.delete(nameOf(ticket));
    },
  };
}
