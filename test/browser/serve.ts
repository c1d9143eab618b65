/** A static server for the tests: folders under prefixes, with the headers that isolate a page. */
import { createReadStream, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};

/** What isolates a page from others, so that it may share memory between threads. */
export const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
} as const;

/** The strictest policy that a server of ours sends with the page; workers are under it, too. */
export const policy = [
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src 'self' data:",
  "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

export const typeOf = (file: string): string => types[extname(file)] ?? "application/octet-stream";

export interface ServeOptions {
  /** Address prefixes and the folders behind them; the first that fits. */
  readonly roots: readonly (readonly [prefix: string, folder: string])[];
  readonly isolated?: boolean;
  /** Further headers of every answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Start on a free port of this machine; gives the address without a slash at its end. */
export async function serve({
  roots,
  isolated = true,
  headers = {},
}: ServeOptions): Promise<{ server: Server; address: string }> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname));
    const [prefix, folder] = roots.find(([start]) => path.startsWith(start)) ?? ["", ""];
    const file = join(folder, path.slice(prefix.length), path.endsWith("/") ? "index.html" : "");
    const stat = folder ? statSync(file, { throwIfNoEntry: false }) : undefined;
    if (!stat?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      "content-type": typeOf(file),
      "content-length": stat.size,
      ...(isolated ? isolation : {}),
      ...headers,
    });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
