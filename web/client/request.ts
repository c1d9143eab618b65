/** Requests to the server this page came from; every failure is a problem a person can read. */
import { Problem } from "./client.ts";
import type { ErrorBody } from "./wire.ts";
import { problemFrom } from "./words.ts";

const away = (cause: unknown) =>
  new Problem("The server does not answer.", {
    hint: "Is zeroth serve still running? Settings can also run the embedded model in this browser.",
    details: cause instanceof Error ? cause.message : String(cause),
    cause,
  });

export function problemOfBody({ error }: ErrorBody, status?: number): Problem {
  if (status === 403 && typeof error === "object" && error.code === "insufficient_permissions") {
    return new Problem("This key may not manage the server.", {
      hint: "Asking its models works; whoever started the server can download and open further ones.",
      details: error.message ?? "",
      code: error.code,
    });
  }
  if (status === 401 || status === 403) {
    return new Problem("This server wants a key.", {
      hint: "Settings has a place for it; it is kept in this tab alone.",
      details: typeof error === "object" ? (error.message ?? "") : (error ?? ""),
    });
  }
  if (typeof error === "object") return problemFrom(error.code ?? "", error.message ?? "the server failed", error.hint);
  return problemFrom("", error ?? `the server answered ${status}`);
}

const withStatus = ({ message, hint, details, code, stopped }: Problem, status: number): Problem =>
  new Problem(message, {
    ...{ stopped, status },
    ...(hint !== undefined && { hint }),
    ...(details !== undefined && { details }),
    ...(code !== undefined && { code }),
  });

const bodyIn = (response: Response): ReadableStream<Uint8Array> =>
  response.body ?? new ReadableStream({ start: (controller) => controller.close() });

export interface Caller {
  get<T>(path: string, signal?: AbortSignal): Promise<T>;
  post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T>;
  stream(path: string, body: unknown, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** What a path tells as it comes. */
  streamed(path: string, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** A form with files. */
  send<T>(path: string, form: FormData, signal?: AbortSignal): Promise<T>;
  remove(path: string): Promise<void>;
}

/** @param key what the person gave as the server's key, asked for at every request */
export function caller(root: string, key: () => string): Caller {
  async function call(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (key() !== "") headers.set("authorization", `Bearer ${key()}`);
    let response: Response;
    try {
      response = await fetch(root + path, { ...init, headers, cache: "no-store" });
    } catch (error) {
      if (init.signal?.aborted) throw new Problem("Stopped.", { stopped: true, cause: error });
      throw away(error);
    }
    if (response.ok) return response;
    const text = await response.text();
    throw withStatus(problemOfBody(asError(text), response.status), response.status);
  }
  const posted = (body: unknown, signal?: AbortSignal): RequestInit => ({
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
  return {
    get: async (path, signal) => (await call(path, signal ? { signal } : {})).json(),
    post: async (path, body, signal) => (await call(path, posted(body, signal))).json(),
    stream: async (path, body, signal) => bodyIn(await call(path, posted(body, signal))),
    streamed: async (path, signal) => bodyIn(await call(path, signal ? { signal } : {})),
    send: async (path, form, signal) =>
      (await call(path, { method: "POST", body: form, ...(signal && { signal }) })).json(),
    remove: async (path) => void (await call(path, { method: "DELETE" })),
  };
}

function asError(text: string): ErrorBody {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as ErrorBody) : {};
  } catch {
    return {};
  }
}
