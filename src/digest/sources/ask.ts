/** Pages of a server that asks to be asked slowly: one at a time, with pauses, and again when it says so. */
import { fail, throwIfAborted, ZerothError } from "../../errors.ts";
import { readBody } from "../../hub/download/body.ts";
import { retryAfter } from "../../hub/download/headers.ts";
import { isPrivateHost } from "../../hub/download/hosts.ts";
import type { Fetch } from "../../hub/download/http.ts";
import { reasonOf } from "../../hub/download/reasons.ts";
import { type Retry, type RetryTimes, retrying, Temporary } from "../../hub/download/retry.ts";

export interface AskOptions {
  readonly fetch: Fetch;
  /** Milliseconds between two requests: arXiv asks for three seconds, over all of one's machines. */
  readonly pause: number;
  readonly times?: Partial<RetryTimes> | undefined;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly random: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly onRetry?: ((retry: Retry) => void) | undefined;
}

const times: RetryTimes = { tries: 10, wait: 3000, longestWait: 120_000, patience: 3_600_000, worthwhile: Infinity };
/** Bytes of the longest page, and milliseconds without a byte after which a connection counts as dead. */
const longestPage = 64 << 20;
const timeout = 60_000;
const mostHops = 4;

const temporary = new Set([408, 425, 429, 500, 502, 503, 504]);

function onward(response: Response, url: URL, where: string): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(response.status)) return undefined;
  const place = response.headers.get("location") ?? "";
  const next = URL.canParse(place, url) ? new URL(place, url) : undefined;
  const safe =
    next !== undefined &&
    /^https?:$/.test(next.protocol) &&
    !(url.protocol === "https:" && next.protocol === "http:") &&
    !(isPrivateHost(next.hostname) && !isPrivateHost(url.hostname)) &&
    next.username === "" &&
    next.password === "";
  if (safe) return next;
  return fail("corrupt_file", "sends us on to a place that is not gone to", { where, hint: "check the address" });
}

async function once(address: string, { fetch, clock, signal }: AskOptions): Promise<string> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  const late = setTimeout(() => controller.abort(), timeout);
  let url = new URL(address);
  const where = url.origin + url.pathname;
  try {
    for (let hop = 0; hop < mostHops; hop++) {
      const headers = { "user-agent": "zeroth (digest)", accept: "application/xml, application/atom+xml, text/xml" };
      const response = await fetch(url.href, { headers, redirect: "manual", signal: controller.signal });
      const next = onward(response, url, where);
      if (next !== undefined) {
        void response.body?.cancel().catch(() => undefined);
        url = next;
        continue;
      }
      clearTimeout(late);
      const { status } = response;
      if (temporary.has(status)) {
        void response.body?.cancel().catch(() => undefined);
        throw new Temporary(`answers with HTTP status ${status}`, { where }, retryAfter(response.headers, clock()));
      }
      const pieces: Uint8Array[] = [];
      let bytes = 0;
      const answer = { response, first: response.headers, fromHub: true, close: () => controller.abort() };
      const broke = await readBody(answer, { timeout, slowest: 100, now: clock }, (piece) => {
        bytes += piece.length;
        if (bytes > longestPage) fail("too_long", `its answer is longer than ${longestPage} bytes`, { where });
        pieces.push(piece);
      });
      if (broke) throw new Temporary(`its answer broke off: ${broke.words}`, { where });
      const text = new TextDecoder().decode(joined(pieces, bytes));
      // The query API answers a bad query with a feed that says what is wrong.
      if (status === 200 || (status === 400 && text.includes("/api/errors"))) return text;
      fail(status === 404 ? "not_found" : "bad_input", `answers with HTTP status ${status}`, { where });
    }
    return fail("corrupt_file", "sends us on without end", { where });
  } catch (cause) {
    throwIfAborted(signal);
    if (cause instanceof ZerothError || cause instanceof Temporary) throw cause;
    const { words, lasting } = reasonOf(cause);
    const what = `cannot be reached: ${words}`;
    const hint = "check the address and the connection; what was fetched is kept";
    throw lasting ? new ZerothError("not_found", what, { where, hint, cause }) : new Temporary(what, { where, hint });
  } finally {
    clearTimeout(late);
    signal?.removeEventListener("abort", stop);
    controller.abort();
  }
}

function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener("abort", end, { once: true });
  });
}

/**
 * What asks a server for one page after another.
 * @throws not_found after ten failures in a row; corrupt_file, too_long; interrupted
 */
export function asker(options: AskOptions): (address: string) => Promise<string> {
  const { pause, clock, random, signal, onRetry } = options;
  let last = -Infinity;
  return (address) =>
    retrying({ times: { ...times, ...options.times }, random, clock, signal, onRetry }, async () => {
      const wait = last + pause - clock();
      if (wait > 0) await sleep(Math.min(wait, pause), signal);
      throwIfAborted(signal);
      try {
        return await once(address, options);
      } finally {
        last = clock();
      }
    });
}
