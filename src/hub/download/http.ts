/** Requests to a hub: redirects without the token, and a time limit. */

import { shown } from "../../base/json.ts";
import { fail, throwIfAborted, ZerothError } from "../../errors.ts";
import { isPrivateHost } from "./hosts.ts";
import { reasonOf } from "./reasons.ts";
import { Temporary } from "./retry.ts";
import type { HubSettings } from "./settings.ts";

export interface FetchInit {
  readonly headers: Record<string, string>;
  readonly redirect: "manual";
  readonly signal: AbortSignal;
  /** Of a request that sends something. */
  readonly method?: "POST";
  readonly body?: string;
}

/** The part of `fetch` that is used here. */
export type Fetch = (address: string, init: FetchInit) => Promise<Response>;

export interface Connection {
  readonly fetch: Fetch;
  readonly settings: Pick<HubSettings, "endpoint" | "token" | "timeout">;
}

export interface Answer {
  readonly response: Response;
  /** Headers of the hub's own answer, before it sent us on to a store. */
  readonly first: Headers;
  /** Whether the last answer came from the hub itself. */
  readonly fromHub: boolean;
  /** End the connection. */
  close(): void;
}

const agent = "zeroth (node)";

/** Answers that may send us on before it is called a circle. */
const mostHops = 6;

/** Why a place is not gone to; undefined where it may be. */
function refusedPlace(from: URL, to: URL | undefined, home: URL): string | undefined {
  if (!to) return "which is no address";
  if (!/^https?:$/.test(to.protocol)) return "which is neither http nor https";
  if (to.username || to.password) return "with a name or password in the address";
  if (from.protocol === "https:" && to.protocol === "http:") return "which is no longer encrypted";
  if (isPrivateHost(to.hostname) && !isPrivateHost(home.hostname)) return "which is in this machine's own network";
  return undefined;
}

/** A place as it may be shown: without its query, which may hold a signature, and without a name and password. */
function placeWords(url: URL | undefined, text: string): string {
  if (!url) return text.includes("@") ? "something" : shown(text);
  const { protocol, host, pathname } = url;
  return shown(/^https?:$/.test(protocol) ? `${protocol}//${host}${pathname}` : `${protocol}${host && `//${host}`}`);
}

/**
 * The address that an answer sends us on to; undefined when it is the last one.
 * @throws corrupt_file for a place that is not gone to
 */
function onward({ status, headers }: Response, url: URL, home: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status)) return undefined;
  const text = headers.get("location");
  const bad = (what: string): never =>
    fail("corrupt_file", what, {
      where: url.origin + url.pathname,
      hint: "the server, or something on the way to it, is not what it should be; HF_ENDPOINT names a mirror",
    });
  if (text === null || text === "") return bad(`sends us on without saying where to (HTTP status ${status})`);
  const next = URL.canParse(text, url) ? new URL(text, url) : undefined;
  const why = refusedPlace(url, next, home);
  return why === undefined ? next : bad(`sends us on to ${placeWords(next, text)}, ${why}; this is not followed`);
}

/** Follow an address to its answer; the token goes to the hub's own origin and nowhere else. */
async function follow(
  { fetch, settings }: Connection,
  address: string,
  headers: Record<string, string>,
  controller: AbortController,
  told: (url: URL) => void,
): Promise<Answer> {
  const home = new URL(settings.endpoint);
  let url = new URL(address);
  let first: Headers | undefined;
  for (let hop = 0; hop < mostHops; hop++) {
    told(url);
    const fromHub = url.origin === home.origin;
    const authorization = fromHub && settings.token ? { authorization: `Bearer ${settings.token}` } : {};
    const response = await fetch(url.href, {
      headers: { "user-agent": agent, ...headers, ...authorization },
      redirect: "manual",
      signal: controller.signal,
    });
    first ??= response.headers;
    const next = onward(response, url, home);
    if (next === undefined) return { response, first, fromHub, close: () => controller.abort() };
    // Its body is not waited for: one that drips would hold us up.
    void response.body?.cancel().catch(() => undefined);
    url = next;
  }
  return fail("corrupt_file", `sends us on without end (${mostHops} times)`, {
    where: address,
    hint: "the server is not set up as it should be; HF_ENDPOINT names a mirror",
  });
}

/** What a failure to reach a server means. */
function unreachable(cause: unknown, url: URL, { endpoint }: Connection["settings"], late: string | undefined): Error {
  const { words, hint, lasting } = reasonOf(cause);
  const who = url.origin === new URL(endpoint).origin ? "the hub" : "the store behind the hub";
  const what = `${who} cannot be reached: ${late ?? words}`;
  const parts = { where: url.origin, hint, cause };
  return lasting && late === undefined ? new ZerothError("not_found", what, parts) : new Temporary(what, parts);
}

/**
 * Ask for an address. The time limit runs until the headers are here, those of all redirects together; the body is for
 * the caller to watch ({@link readBody}).
 * @throws a {@link Temporary} for what may be better the next time
 */
export async function request(
  connection: Connection,
  address: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Answer> {
  throwIfAborted(signal);
  const controller = new AbortController();
  const stop = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  const { timeout } = connection.settings;
  let url = new URL(address);
  let late: string | undefined;
  const timer = setTimeout(() => {
    late = `no answer within ${timeout / 1000} s`;
    controller.abort();
  }, timeout);
  try {
    const answer = await follow(connection, address, headers, controller, (at) => {
      url = at;
    });
    return {
      ...answer,
      close() {
        signal?.removeEventListener("abort", stop);
        answer.close();
      },
    };
  } catch (cause) {
    signal?.removeEventListener("abort", stop);
    throwIfAborted(signal);
    // Whatever was still open of it.
    controller.abort();
    if (cause instanceof ZerothError) throw cause;
    throw unreachable(cause, url, connection.settings, late);
  } finally {
    clearTimeout(timer);
  }
}
