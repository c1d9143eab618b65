/**
 * Answers that nobody waits for (`background: true`): written by this process whether or not its client stays, and told
 * to whoever asks for them by their id.
 */
import type { Asked } from "../context.ts";
import { apiError } from "../errors.ts";
import type { StreamEvent } from "../sse.ts";
import type { Answering } from "./events.ts";
import type { ResponseAnswer } from "./schema.ts";
import type { KeptResponse, Responses } from "./store.ts";

export interface BackgroundTimes {
  /** Milliseconds between two times that an answer is stored while it is being written. */
  readonly beat: number;
  /** Milliseconds without one after which its server counts as gone. */
  readonly gone: number;
}

export const backgroundTimes: BackgroundTimes = { beat: 5_000, gone: 30_000 };

export interface Begun {
  readonly owner: string;
  readonly asked: Asked;
  readonly answer: Answering;
  /** What is stored beside the answer. */
  readonly kept: Omit<KeptResponse, "id" | "response">;
}

/** Events from one on, as they come, whole where the answer has ended. */
type Following = (after: number) => AsyncGenerator<StreamEvent, void>;

export interface Background {
  /** Begin it: it is stored at once, and written from now on. */
  begin(begun: Begun): Promise<void>;
  /** Events of an answer that this process is writing; undefined where it is none. */
  follow(owner: string, id: string): Following | undefined;
  /** Have an answer end, wherever it is written; it keeps what it has. Undefined where there is none. */
  cancel(owner: string, id: string): Promise<ResponseAnswer | undefined>;
}

const isWritten = ({ response }: KeptResponse): boolean =>
  response.background === true && (response.status === "queued" || response.status === "in_progress");

/** The answer as it is known; one whose server is gone has failed. */
export function asKnown(kept: KeptResponse, now: number, { gone }: BackgroundTimes = backgroundTimes): ResponseAnswer {
  const response = kept.response as ResponseAnswer;
  if (!isWritten(kept) || now - (kept.beat ?? 0) < gone) return response;
  const message = "the server that wrote this answer ended before it was whole; send the request again";
  return { ...response, status: "failed", error: { code: "server_error", message } };
}

interface Writing {
  readonly asked: Asked;
  readonly events: StreamEvent[];
  ended: boolean;
  /** Called at every event, and at the end. */
  readonly listeners: Set<() => void>;
}

export function createBackground(
  store: Responses,
  now: () => number = Date.now,
  { beat, gone }: BackgroundTimes = backgroundTimes,
): Background {
  const writings = new Map<string, Writing>();
  const keyOf = (owner: string, id: string) => JSON.stringify([owner, id]);

  /** Store it, unless it was ended, cancelled or forgotten meanwhile; whether it was still wanted. */
  async function put({ owner, answer: { response }, kept }: Begun): Promise<boolean> {
    for (;;) {
      const before = await store.get(owner, response.id);
      if (before === undefined || !isWritten(before)) return false;
      const after = { ...kept, id: response.id, response: structuredClone(response), beat: now() };
      // Between the look and the change somebody may have cancelled it.
      if (await store.replace(owner, before, after)) return true;
    }
  }

  async function write(begun: Begun, writing: Writing): Promise<void> {
    const { asked, answer } = begun;
    const tell = () => {
      for (const listener of [...writing.listeners]) listener();
    };
    const timer = setInterval(() => {
      // A database that is away for a moment ends no answer.
      put(begun).then(
        (wanted) => wanted || asked.stop(),
        () => {},
      );
    }, beat);
    let status = 200;
    try {
      for await (const event of answer.events()) {
        // Whoever hears that it is whole finds it whole.
        if (answer.response.status !== "in_progress") await put(begun);
        writing.events.push(event);
        tell();
      }
    } catch (error) {
      status = asked.signal.aborted ? 499 : apiError(error).status;
      if (!asked.signal.aborted) asked.error = error instanceof Error ? (error.stack ?? error.message) : String(error);
      writing.events.push(...answer.broken(error));
      await put(begun).catch(() => {});
    } finally {
      clearInterval(timer);
      writing.ended = true;
      tell();
      writings.delete(keyOf(begun.owner, answer.response.id));
      asked.end(status);
    }
  }

  return {
    async begin(begun) {
      const { owner, asked, answer, kept } = begun;
      const { response } = answer;
      response.background = true;
      response.status = "queued";
      await store.put(owner, { ...kept, id: response.id, response: structuredClone(response), beat: now() });
      asked.detach();
      const writing: Writing = { asked, events: [], ended: false, listeners: new Set() };
      writings.set(keyOf(owner, response.id), writing);
      response.status = "in_progress";
      void write(begun, writing);
    },
    follow(owner, id) {
      const writing = writings.get(keyOf(owner, id));
      if (!writing) return undefined;
      return async function* (after) {
        let next = after;
        for (;;) {
          while (next < writing.events.length) yield writing.events[next++]!;
          if (writing.ended) return;
          await new Promise<void>((resolve) => {
            const listener = () => {
              writing.listeners.delete(listener);
              resolve();
            };
            writing.listeners.add(listener);
          });
        }
      };
    },
    async cancel(owner, id) {
      for (;;) {
        const kept = await store.get(owner, id);
        if (kept === undefined) return undefined;
        const response = asKnown(kept, now(), { beat, gone });
        if (response.status !== "queued" && response.status !== "in_progress") return response;
        const cancelled: ResponseAnswer = { ...response, status: "cancelled" };
        if (!(await store.replace(owner, kept, { ...kept, response: cancelled }))) continue;
        // One that another process writes sees it at its next beat.
        writings.get(keyOf(owner, id))?.asked.stop();
        return cancelled;
      }
    },
  };
}
