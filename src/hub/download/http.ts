/** Requests to a hub: redirects without the token, time limits, and what each refusal means for a person. */

import { shown } from "../../base/json.ts";
import { throwIfAborted, ZerothError } from "../../errors.ts";
import { isPrivateHost } from "./hosts.ts";
import { Temporary } from "./retry.ts";
import type { HubSettings } from "./settings.ts";

export interface FetchInit {
  readonly headers: Record<string, string>;
  readonly redirect: "manual";
  readonly signal: AbortSignal;
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

/** Follow an address to its answer; the token goes to the hub's own origin and nowhere else. */
async function follow(
  { fetch, settings }: Connection,
  address: string,
  headers: Record<string, string>,
  controller: AbortController,
): Promise<Answer> {
  const home = new URL(settings.endpoint);
  let url = new URL(address);
  let first: Headers | undefined;
  for (let hop = 0; hop < 6; hop++) {
    const fromHub = url.origin === home.origin;
    const authorization = fromHub && settings.token ? { authorization: `Bearer ${settings.token}` } : {};
    const response = await fetch(url.href, {
      headers: { "user-agent": agent, ...headers, ...authorization },
      redirect: "manual",
      signal: controller.signal,
    });
    first ??= response.headers;
    const location = [301, 302, 303, 307, 308].includes(response.status) ? response.headers.get("location") : null;
    if (location === null) return { response, first, fromHub, close: () => controller.abort() };
    await response.body?.cancel();
    const next = URL.canParse(location, url) ? new URL(location, url) : undefined;
    const insecure = url.protocol === "https:" && next?.protocol !== "https:";
    const inward = next && isPrivateHost(next.hostname) && !isPrivateHost(home.hostname);
    if (!next || !/^https?:$/.test(next.protocol) || insecure || inward) {
      throw new ZerothError(
        "corrupt_file",
        `sends us on to ${shown(next?.origin ?? location)}, which is not followed`,
        {
          where: url.origin + url.pathname,
          hint: "the server, or something on the way to it, is not what it should be",
        },
      );
    }
    url = next;
  }
  throw new ZerothError("corrupt_file", "sends us on without end", { where: address });
}

/** Codes of errors in certificates, which waiting does not mend. */
const certificate = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

function unreachable(cause: unknown, endpoint: string): Error {
  const inner = (cause as Error).cause as { code?: unknown } | undefined;
  const code = String((cause as { code?: unknown }).code ?? inner?.code ?? (cause as Error).message);
  const error = new ZerothError("not_found", `the hub cannot be reached (${code.slice(0, 100)})`, {
    where: endpoint,
    hint: certificate.test(code)
      ? "its certificate is not trusted here; behind a company's proxy set NODE_EXTRA_CA_CERTS to its root certificate"
      : "check the connection; HTTPS_PROXY names a proxy, HF_ENDPOINT a mirror, HF_HUB_OFFLINE=1 asks nothing",
    cause,
  });
  return certificate.test(code) ? error : new Temporary(error);
}

/**
 * Ask for an address. The time limit runs until the headers are here; the body is for the caller to watch.
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
  const { endpoint, timeout } = connection.settings;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    controller.abort();
  }, timeout);
  try {
    const answer = await follow(connection, address, headers, controller);
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
    if (cause instanceof ZerothError) throw cause;
    throw unreachable(late ? new Error(`no answer within ${timeout / 1000} s`, { cause }) : cause, endpoint);
  } finally {
    clearTimeout(timer);
  }
}

/** Seconds or a date; undefined when there is none. */
function retryAfter(headers: Headers, now: number): number | undefined {
  const text = headers.get("retry-after")?.trim();
  if (!text) return undefined;
  const wait = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}

export interface Asked {
  readonly repo: string;
  readonly revision: string;
  readonly endpoint: string;
  readonly token: boolean;
  /** The file that was asked for; a listing has none. */
  readonly file?: string;
}

/** The error for an answer that is no success, and whether it is worth another try. */
export function refusal({ response, fromHub }: Answer, asked: Asked, now: number): Error {
  const { repo, revision, endpoint, token, file } = asked;
  const { status, headers } = response;
  const why = headers.get("x-error-code") ?? "";
  const page = `${endpoint}/${repo}`;
  const where = file === undefined ? repo : `${repo}/${file}`;
  const error = (what: string, hint: string) => new ZerothError("not_found", what, { where, hint });
  // A store's signed address has run out: the hub gives a new one.
  if (!fromHub && (status === 401 || status === 403)) {
    return new Temporary(error(`the store behind the hub refuses (${status})`, "try again later"));
  }
  if (why === "GatedRepo" || (status === 403 && why === "")) {
    const ask = `ask for access on ${page}`;
    return token
      ? error("access is restricted, and the token has none", `${ask}, and check that the token may read it`)
      : error(
          "access is restricted",
          `${ask}, then set HF_TOKEN to a token of that account (${endpoint}/settings/tokens)`,
        );
  }
  if (status === 401 || status === 403) {
    return token
      ? error("no such repository, or the token may not read it", `look at ${page}; is HF_TOKEN still valid?`)
      : error("no such repository, or a private one", `check the name on ${page}; for a private one set HF_TOKEN`);
  }
  if (status === 404 || status === 410) {
    if (why === "RevisionNotFound") {
      return error(`there is no revision ${shown(revision)}`, `branches and tags are listed on ${page}/tree/main`);
    }
    if (file !== undefined)
      return error("the file is not there", `what there is, is listed on ${page}/tree/${revision}`);
    return error("no such repository", `check the name on ${page}`);
  }
  const busy = status === 429 ? "asks for fewer requests" : `fails with ${status}`;
  const failed = error(
    `the hub ${busy}`,
    token ? "try again later" : "try again later; with HF_TOKEN set more is allowed",
  );
  if (status === 429 || status === 408 || status >= 500) return new Temporary(failed, retryAfter(headers, now));
  return failed;
}
