/**
 * Keeps copies of the page, so that it opens without a network: its own files at the first visit, the engine and the
 * embedded model where they have run in this browser. Models of a server are never kept.
 */
interface Installing extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Installing {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface WorkerScope {
  addEventListener(kind: "install" | "activate", heard: (event: Installing) => void): void;
  addEventListener(kind: "fetch", heard: (event: Fetching) => void): void;
  addEventListener(kind: "message", heard: (event: Installing & { readonly data: unknown }) => void): void;
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
  readonly registration: { readonly scope: string };
}

/** Written in when the page is built: paths beside this file, and a name that changes with any of them. */
declare const BUILT: { readonly version: string; readonly page: readonly string[]; readonly engine: readonly string[] };

const scope = globalThis as unknown as WorkerScope;
const prefix = "zeroth-";
const name = prefix + BUILT.version;
const at = (path: string) => new URL(path, scope.registration.scope).href;
const known = new Set([...BUILT.page, ...BUILT.engine].map(at));
const home = at("./");

/** Threads need shared memory, which browsers give to isolated pages alone: a static server may not say so. */
function isolated(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-embedder-policy", "require-corp");
  headers.set("cross-origin-resource-policy", "same-origin");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

async function keepAll(paths: readonly string[]): Promise<void> {
  const cache = await caches.open(name);
  const missing = await Promise.all(paths.map(async (path) => ((await cache.match(at(path))) ? [] : [path])));
  await Promise.all(missing.flat().map((path) => cache.add(at(path))));
}

scope.addEventListener("install", (event) => {
  event.waitUntil(keepAll(BUILT.page).then(() => scope.skipWaiting()));
});

scope.addEventListener("activate", (event) => {
  const tidy = async () => {
    for (const other of await caches.keys()) if (other.startsWith(prefix) && other !== name) await caches.delete(other);
    await scope.clients.claim();
  };
  event.waitUntil(tidy());
});

scope.addEventListener("message", (event) => {
  if (event.data === "keep-engine") event.waitUntil(keepAll(BUILT.engine));
});

/** The page itself is asked for anew where there is a network; files whose names change with them are not. */
async function page(request: Request): Promise<Response> {
  try {
    const response = await fetch(request);
    if (response.ok) return isolated(response);
  } catch {
    // No network: the copy.
  }
  const copy = await caches.match(home);
  return copy ? isolated(copy) : Response.error();
}

async function file(request: Request): Promise<Response> {
  return isolated((await caches.match(request.url)) ?? (await fetch(request)));
}

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const address = request.url.replace(/[?#].*$/, "");
  if (request.mode === "navigate" && (address === home || address === at("index.html"))) {
    event.respondWith(page(request));
  } else if (known.has(address)) event.respondWith(file(request));
});
