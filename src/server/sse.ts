/**
 * Events of a stream. The framing is our own: hono's writes errors as plain text, at which OpenAI's clients fail, and
 * closes a stream that broke as if it were whole.
 */
import type { Asked, ServerContext } from "./context.ts";
import { apiError, errorBody } from "./errors.ts";

export interface StreamEvent {
  /** By which a client that lost the stream says how far it came. */
  readonly id?: string;
  /** The event's name, of interfaces that give events names. */
  readonly event?: string;
  /** Written as JSON, a text as it is. */
  readonly data: object | string;
}

const frame = ({ id, event, data }: StreamEvent): string =>
  `${id === undefined ? "" : `id: ${id}\n`}${event === undefined ? "" : `event: ${event}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;

const waited = Symbol("waited");

/** What the promise gives, or that it took longer than `ms`. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | typeof waited> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<typeof waited>((resolve) => {
    timer = setTimeout(() => resolve(waited), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a stream ends with where it broke: nothing but an event can tell, as the status is sent long since. */
export const errorEvent = (error: unknown): StreamEvent => ({ data: errorBody(apiError(error)) });

/**
 * Answer with events as they come. An error before the first of them is thrown, so that it is answered with its
 * status, unless the first takes longer than the server's patience; while there is none, comments keep the connection.
 */
export async function streamed(
  asked: Asked,
  { keepAlive, patience }: Pick<ServerContext, "keepAlive" | "patience">,
  events: AsyncIterator<StreamEvent>,
  broken: (error: unknown) => readonly StreamEvent[] = (error) => [errorEvent(error)],
): Promise<Response> {
  let next = events.next();
  // It is awaited below or in `pull`; until then nobody else may call it unhandled.
  next.catch(() => {});
  await within(next, patience);
  asked.streams = true;
  const encoder = new TextEncoder();
  const leave = async (status: number) => {
    asked.end(status);
    await events.return?.().catch(() => {});
  };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const write = (text: string) => controller.enqueue(encoder.encode(text));
      try {
        const step = await within(next, keepAlive);
        if (step === waited) write(": waiting\n\n");
        else if (step.done) {
          controller.close();
          asked.end(200);
        } else {
          write(frame(step.value));
          next = events.next();
          next.catch(() => {});
        }
      } catch (error) {
        const told = apiError(error);
        asked.error = error instanceof Error ? (error.stack ?? error.message) : String(error);
        for (const event of broken(error)) write(frame(event));
        controller.close();
        await leave(told.status);
      }
    },
    async cancel() {
      asked.stop();
      await leave(499);
    },
  });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      // Not compressed, not gathered: neither here nor by what stands between.
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    },
  });
}
