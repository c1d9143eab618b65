/** Headers of every answer. */

/** For data: nothing may run it, embed it or keep it. */
const always = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
} as const;

const data = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
} as const;

/** Headers of an answer, where it has none of its own. */
export function setHeaders(headers: Headers, id: string): void {
  headers.set("x-request-id", id);
  for (const [name, value] of Object.entries({ ...always, ...data })) if (!headers.has(name)) headers.set(name, value);
}

/**
 * For the page: scripts, styles and connections of its own address alone. The two of `cross-origin-…` give it shared
 * memory, which the engine's threads in a browser need; `wasm-unsafe-eval` lets it compile WebAssembly, and no script;
 * with `require-trusted-types-for` a text becomes a script's address only where the page says so.
 */
export const pageHeaders = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; "),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
} as const;
