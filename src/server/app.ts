/** The server as a function of requests: OpenAI's interface before an engine. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { storedAnswers } from "../state/answers-node.ts";
import { adapterNames } from "../state/tunings/adapters.ts";
import { chatsInMemory } from "./chat/store.ts";
import {
  type Asked,
  type Ctx,
  defaultLimits,
  everybody,
  type KeyOwner,
  type ServerContext,
  type ServerOptions,
  type Variables,
} from "./context.ts";
import { ApiError, apiError, errorResponse, refuse } from "./errors.ts";
import { setHeaders } from "./guards/headers.ts";
import { hostGuard } from "./guards/host.ts";
import { answersInMemory, keptAnswers } from "./guards/idempotency.ts";
import { keyGuard } from "./guards/keys.ts";
import { originGuard } from "./guards/origin.ts";
import { createDownloads } from "./jobs/downloads.ts";
import { createMetrics } from "./metrics.ts";
import { documentOf } from "./openapi.ts";
import { responsesInMemory } from "./responses/store.ts";
import { mount, type Route } from "./route.ts";
import { storedChats } from "./stored/chats.ts";
import { storedResponses } from "./stored/responses.ts";
import { tableOfRoutes } from "./table.ts";

export interface ZerothServer {
  readonly fetch: (request: Request) => Promise<Response>;
  /** A request of the server's own, as of this owner: what a batch does. */
  ask(owner: KeyOwner, request: Request): Promise<Response>;
  readonly routes: readonly Route[];
  /** Requests whose answers are not complete. */
  running(): number;
  /** Begin nothing new. */
  drain(): void;
  /** Stop what is still running. */
  abort(): void;
}

const requestId = (): string => `req_${crypto.randomUUID().replaceAll("-", "")}`;

/** Requests that the server makes itself, with whose they are: known by identity, so nobody can pretend to one. */
type Own = WeakMap<Request, KeyOwner>;

/** What one request carries, and its end. */
function begin(
  request: Request,
  { limits, log, metrics, state }: ServerContext,
  running: Set<AbortController>,
  places: { taken: number },
): Asked {
  const controller = new AbortController();
  const gone = () => controller.abort(new DOMException("the client is gone", "AbortError"));
  const { signal } = request;
  if (signal.aborted) gone();
  else signal.addEventListener("abort", gone, { once: true });
  running.add(controller);
  metrics.came();
  let ended = false;
  let admitted = false;
  const asked: Asked = {
    id: requestId(),
    started: performance.now(),
    signal: controller.signal,
    owner: everybody,
    route: "none",
    streams: false,
    tuned: async () => (state ? adapterNames(state, asked.owner.owner) : { own: new Set(), others: new Set() }),
    admit() {
      if (!admitted && (ended || places.taken >= limits.requests)) return false;
      if (!admitted) places.taken++;
      admitted = true;
      return true;
    },
    detach() {
      signal.removeEventListener("abort", gone);
      asked.streams = true;
    },
    stop: () => controller.abort(new DOMException("nobody reads the answer", "AbortError")),
    end(status) {
      if (ended) return;
      ended = true;
      running.delete(controller);
      if (admitted) places.taken--;
      signal.removeEventListener("abort", gone);
      metrics.answered(asked, request.method, status);
      const { id, route, owner, model, promptTokens, answerTokens, error, started } = asked;
      log?.({
        time: new Date().toISOString(),
        id,
        method: request.method,
        route,
        status,
        ms: Math.round(performance.now() - started),
        ...(owner !== everybody && { owner: owner.owner }),
        ...(model !== undefined && { model }),
        ...(promptTokens !== undefined && { promptTokens }),
        ...(answerTokens !== undefined && { answerTokens }),
        ...(error !== undefined && { error }),
      });
    },
  };
  return asked;
}

/** The whole of an error, for the log alone. */
function wholeOf(error: unknown): string {
  const cause = error instanceof ApiError && error.cause !== undefined ? error.cause : error;
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}

/** The page's files. They hold nothing of anybody and come before the keys: a browser has none to ask for a page with. */
const pageOf =
  (page: ServerOptions["page"]): MiddlewareHandler<Variables> =>
  async (c, next) => {
    const file = /^(?:GET|HEAD)$/.test(c.req.method) ? await page?.(c.req.path) : undefined;
    if (file === undefined) return next();
    c.get("asked").route = "page";
    return file;
  };

/** Make a server of an engine. Pure of sockets: `fetch` is called with requests. */
export function createServer(options: ServerOptions): ZerothServer {
  const running = new Set<AbortController>();
  const places = { taken: 0 };
  const own: Own = new WeakMap();
  let draining = false;
  const server: ServerContext = {
    ...options,
    limits: { ...defaultLimits, ...options.limits },
    responses: options.responses ?? (options.state ? storedResponses(options.state) : responsesInMemory()),
    chats: options.chats ?? (options.state ? storedChats(options.state) : chatsInMemory()),
    keepAlive: options.keepAlive ?? 10_000,
    patience: options.patience ?? 2_000,
    kept: keptAnswers(options.state ? storedAnswers(options.state) : answersInMemory()),
    ...(options.hub && { downloads: createDownloads(options.hub) }),
    describe: () => documentOf(app),
    metrics: createMetrics(options.engine),
    draining: () => draining,
  };
  const app = new OpenAPIHono<Variables>();
  const routes = tableOfRoutes(server);
  const open = new Set(routes.flatMap((route) => (route.open ? [route.path] : [])));

  const answerError = (error: unknown, c: Ctx): Response => {
    const told = apiError(error);
    const asked = c.get("asked");
    if (told.status >= 500 || told.cause !== undefined) asked.error = wholeOf(error);
    return errorResponse(told);
  };
  app.onError((error, c) => answerError(error, c));
  app.notFound((c) =>
    errorResponse(
      new ApiError(404, `there is no ${c.req.method} ${c.req.path.slice(0, 120)} here`, { code: "unknown_url" }),
    ),
  );

  app.use("*", async (c, next) => {
    const asked = begin(c.req.raw, server, running, places);
    c.set("asked", asked);
    try {
      await next();
    } catch (error) {
      c.res = answerError(error, c);
    }
    setHeaders(c.res.headers, asked.id);
    if (draining) c.res.headers.set("connection", "close");
    if (!asked.streams) asked.end(c.req.raw.signal.aborted ? 499 : c.res.status);
  });
  const guards = [
    hostGuard(options.hosts),
    originGuard(options.cors),
    pageOf(options.page),
    keyGuard(options.keys, (path) => open.has(path)),
  ];
  // What the server asks itself has passed no network.
  for (const guard of guards) {
    app.use("*", (c, next) => {
      const owner = own.get(c.req.raw);
      if (owner === undefined) return guard(c, next);
      c.get("asked").owner = owner;
      return next();
    });
  }
  app.use("*", (c, next) => {
    if (draining && !open.has(c.req.path)) {
      refuse(503, "the server is about to stop", { code: "stopping", headers: { "retry-after": "5" } });
    }
    return next();
  });
  for (const one of routes) mount(app, server, one);
  return {
    fetch: async (request) => app.fetch(request),
    async ask(owner, request) {
      own.set(request, owner);
      return app.fetch(request);
    },
    routes,
    running: () => running.size,
    drain() {
      draining = true;
      // What has come of them is kept for the next time.
      server.downloads?.stopAll();
    },
    abort() {
      for (const controller of running) controller.abort(new DOMException("the server stops", "AbortError"));
    },
  };
}
