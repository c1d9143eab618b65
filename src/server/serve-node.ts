/** The server on a socket: limits of connections, what happens to answers whose client goes, and its end. */
import type { Server } from "node:http";
import { createServer as createHttpServer } from "node:http";
import { isIP } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { fail } from "../errors.ts";
import { createServer } from "./app.ts";
import type { ServerOptions } from "./context.ts";
import { startDigests } from "./digests/work-node.ts";
import { hostName, isLoopback } from "./guards/host.ts";
import { keepAdapters } from "./jobs/adapters-node.ts";
import { startTunings } from "./jobs/tuning-worker-node.ts";
import { startBatches } from "./stored/batches-node.ts";
import { startSummaries } from "./summaries/work-node.ts";
import { startVectorWork, type VectorWorkOptions } from "./vectors/work-node.ts";

export interface ServeOptions extends ServerOptions {
  /** Address to listen on; this machine's own by default. */
  readonly host?: string;
  /** 0 for any that is free. */
  readonly port?: number;
  /** How files of vector stores are worked on. */
  readonly vectorWork?: VectorWorkOptions;
  /** Told of what goes wrong in the database while batches and trainings are worked on. */
  readonly problem?: (error: unknown) => void;
  /** Milliseconds that running answers are waited for when the server is asked to stop; 10 s by default. */
  readonly grace?: number;
}

export interface Serving extends AsyncDisposable {
  /** "http://127.0.0.1:8080" */
  readonly url: string;
  readonly port: number;
  /** Requests whose answers are not complete. */
  running(): number;
  /** Take nothing new, wait for what runs at most the grace time, end the rest. May be called again to end at once. */
  close(grace?: number): Promise<void>;
}

/** Bytes of a request's headers; the greatest that clients send are about 4 kB. */
const mostHeaders = 16 << 10;

/**
 * Connections that may wait to be taken; the system may allow fewer. With Node's 511 a thousand clients that come at once
 * made the next one try again after a second.
 */
const mostWaiting = 4096;

/** Refuse to be open to others without a key. */
export function checkExposure(host: string, guarded: boolean): void {
  if (guarded || isLoopback(hostName(host))) return;
  fail("wrong_use", `--host ${host}: anybody who reaches this address could use the models, so a key is needed`, {
    hint: [
      "any of these: --api-key KEY, ZEROTH_API_KEY in the environment, or a key of zeroth keys create NAME",
      "--host 127.0.0.1 (the default), which only this machine reaches",
      "ssh -L 8080:127.0.0.1:8080 THIS-MACHINE from elsewhere, without --host",
      "a proxy on this machine that asks who comes",
    ].join("; "),
  });
}

/** Begin to listen, or say why that cannot be. */
function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      server.close();
      reject(error);
    };
    server.once("error", failed);
    server.listen({ port, host, backlog: mostWaiting }, () => {
      server.off("error", failed);
      const address = server.address();
      resolve(typeof address === "object" && address ? address.port : port);
    });
  });
}

/** What a port that is not to be had means. */
export function listenError(error: NodeJS.ErrnoException, host: string, port: number): never {
  const told: Readonly<Record<string, readonly [what: string, hint: string]>> = {
    EADDRINUSE: [`port ${port} is taken by another program`, `--port ${port + 1}, or --port 0 for any that is free`],
    EACCES: [`port ${port} may not be opened by this user`, "ports from 1024 up may: --port 8080"],
    EADDRNOTAVAIL: [`this machine has no address ${host}`, "--host 127.0.0.1, or 0.0.0.0 for all of its addresses"],
    ENOTFOUND: [`there is no address of the name ${host}`, "--host 127.0.0.1, or 0.0.0.0 for all of its addresses"],
  };
  const [what, hint] = told[error.code ?? ""] ?? [`cannot listen on ${host}:${port} (${error.code})`, "try --port 0"];
  return fail("bad_input", what, { hint, cause: error });
}

/**
 * Serve on a socket.
 * @throws wrong_use for a public address without keys; bad_input for an address that is not to be had
 */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { host = "127.0.0.1", port = 8080, grace: usual = 10_000 } = options;
  const guarded = options.keys !== undefined && ((await options.keys.needed?.()) ?? true);
  checkExposure(host, guarded);
  // Behind a key a public server may be asked by any name; on this machine alone, by this machine's names.
  const hosts = options.hosts ?? (isLoopback(hostName(host)) ? [] : "any");
  const app = createServer({ ...options, hosts });
  const server = createHttpServer(
    {
      maxHeaderSize: mostHeaders,
      // Slow senders hold a connection, no more, and not for long.
      headersTimeout: 20_000,
      requestTimeout: 300_000,
      keepAliveTimeout: 10_000,
      connectionsCheckingInterval: 5_000,
    },
    getRequestListener((request) => app.fetch(request), { overrideGlobalObjects: false }),
  );
  server.maxHeadersCount = 200;
  // The two bytes of an answer's end must not wait for more.
  server.on("connection", (socket) => socket.setNoDelay(true));
  const bound = await listen(server, port, host).catch((error: NodeJS.ErrnoException) =>
    listenError(error, host, port),
  );
  const batches = options.state && startBatches(app, options.state, options.problem && { problem: options.problem });
  const { engine, state, tuning, vectors, summaries, digests, problem } = options;
  const works = [
    ...(state && vectors ? [startVectorWork(state, vectors, { problem, ...options.vectorWork })] : []),
    ...(state && summaries ? [startSummaries(state, engine, summaries.options, problem)] : []),
    ...(state && digests ? [startDigests(state, engine, digests, problem)] : []),
    ...(state && tuning
      ? [
          startTunings(state, tuning, problem),
          keepAdapters(state, tuning.home, { problem, look: tuning.look, changed: tuning.changed }),
        ]
      : []),
  ];
  const closed = new Promise<void>((resolve) => server.once("close", () => resolve()));
  let closing = false;
  const shown = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : isIP(host) === 6 ? `[${host}]` : host;
  const close = async (grace = usual): Promise<void> => {
    if (!closing) {
      closing = true;
      // Unfinished batches are handed over before their requests are refused; a training saves what it has done.
      await Promise.all([batches, ...works].map((work) => work?.stop()));
      app.drain();
      server.close();
      server.closeIdleConnections();
    }
    const end = Date.now() + grace;
    // Connections close by themselves as their answers end.
    while (app.running() > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
    app.abort();
    // What was told to end still says so to its client.
    for (let i = 0; i < 50 && app.running() > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    server.closeIdleConnections();
    const last = setTimeout(() => server.closeAllConnections(), 500);
    await closed;
    clearTimeout(last);
  };
  return {
    url: `http://${shown}:${bound}`,
    port: bound,
    running: () => app.running(),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}
