/** Reading the body of an answer: one guard for all of them, against silence, dripping and endlessness. Pure. */
import type { Answer } from "./http.ts";
import { type Reason, reasonOf } from "./reasons.ts";

export interface BodyLimits {
  /** Milliseconds without a byte after which a connection counts as dead. */
  readonly timeout: number;
  /** Bytes a second below which, over {@link rateWindow} time limits, a connection counts as dead. */
  readonly slowest: number;
  /** Milliseconds after which it has taken too long, whatever came. */
  readonly longest?: number;
  /** Milliseconds. */
  readonly now: () => number;
}

/** The rate is looked at over so many time limits. */
const rateWindow = 6;

/** Pieces without a byte, in a row, after which no more are waited for. */
const mostEmpty = 1000;

/**
 * Hand on the pieces of a body until it ends; the connection is open until its caller closes it. Its time is bounded
 * by `longest`, and by rateWindow × timeout + bytes / slowest, where `take` refuses more bytes than it wants.
 * @returns undefined at the body's end, else why it broke off; what `take` throws is thrown
 */
export async function readBody(
  answer: Answer,
  { timeout, slowest, longest, now }: BodyLimits,
  take: (piece: Uint8Array) => Promise<void> | void,
): Promise<Reason | undefined> {
  const reader = answer.response.body?.getReader();
  if (!reader) return undefined;
  let late: Reason | undefined;
  const cut = (words: string) => {
    late ??= { words, hint: "try again later", lasting: false };
    // A reader that is cancelled gives what it waits for, also where the connection's end is not noticed.
    void reader.cancel().catch(() => undefined);
    answer.close();
  };
  const idle = setTimeout(() => cut(`no byte came for ${timeout / 1000} s`), timeout);
  const whole =
    longest === undefined ? undefined : setTimeout(() => cut(`it took longer than ${longest / 1000} s`), longest);
  let [since, bytes, empty] = [now(), 0, 0];
  try {
    for (;;) {
      let part: Awaited<ReturnType<typeof reader.read>>;
      try {
        part = await reader.read();
      } catch (cause) {
        return late ?? reasonOf(cause);
      }
      if (part.done) return late;
      const { length } = part.value;
      if (length === 0) {
        if (++empty >= mostEmpty) cut("nothing but empty pieces came");
        continue;
      }
      empty = 0;
      await take(part.value);
      idle.refresh();
      bytes += length;
      const passed = now() - since;
      if (passed < timeout * rateWindow) continue;
      if (bytes < (slowest * passed) / 1000) cut(`only ${bytes} bytes came in ${Math.round(passed / 1000)} s`);
      [since, bytes] = [now(), 0];
    }
  } finally {
    clearTimeout(idle);
    clearTimeout(whole);
  }
}
