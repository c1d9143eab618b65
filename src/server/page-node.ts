/** The page's files, from the folder they were built into. */
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { fail } from "../errors.ts";
import { pageHeaders } from "./guards/headers.ts";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".wasm": "application/wasm",
  ".txt": "text/plain; charset=utf-8",
};

/** Names with a hash of what they hold: `panel-B-tYRljd.js`. They never change. */
const hashed = /^\/assets\/.*-[\w-]{8,}\.\w+$/;
const year = "public, max-age=31536000, immutable";

/** Whether a page has scripts of its own text, which Content-Security-Policy does not run. */
const inlineScripts = (html: string): boolean => /<script(?![^>]*\bsrc=)[^>]*>[^<]/i.test(html);

/**
 * Files of a folder by their path, listed once: what is not in the list is not opened, whatever an address holds.
 * @throws not_found for a folder without a page
 */
export function openPage(folder: string): (path: string) => Promise<Response | undefined> {
  let names: readonly string[] = [];
  try {
    names = readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
      entry.isFile() ? [join(entry.parentPath, entry.name).slice(folder.length)] : [],
    );
  } catch {
    // Told below.
  }
  const files = new Map(names.map((name) => [`/${name.split(sep).filter(Boolean).join("/")}`, name]));
  if (!files.has("/index.html")) {
    fail("not_found", "there is no index.html, so no page", { where: folder, hint: "build it: npm run build:web" });
  }
  if (inlineScripts(readFileSync(join(folder, "index.html"), "utf8"))) {
    fail("corrupt_file", "the page has a script within it, which its own rules forbid", {
      where: join(folder, "index.html"),
    });
  }
  return async (path) => {
    const at = path === "/" ? "/index.html" : path;
    const name = files.get(at);
    if (name === undefined) return undefined;
    const type = types[extname(name)] ?? "application/octet-stream";
    return new Response(new Uint8Array(await readFile(join(folder, name))), {
      headers: {
        ...pageHeaders,
        "content-type": type,
        "cache-control": hashed.test(at) ? year : "no-cache",
      },
    });
  };
}
