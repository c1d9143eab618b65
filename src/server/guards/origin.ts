/** Pages of other addresses: none may ask, unless its origin is listed. */
import type { MiddlewareHandler } from "hono";
import type { Variables } from "../context.ts";
import { refuse } from "../errors.ts";

const day = "86400";

/** Headers that a page may send: what it asks for, if these are names of headers. */
const asked = (names: string | undefined): string =>
  names !== undefined && /^[\w\s,-]{1,2000}$/.test(names) ? names : "authorization, content-type";

/**
 * Same-origin pages ask freely, listed ones (or all, with "*") with CORS' headers; others are refused before anything
 * is done, and so is `null`, the origin that any page can give itself.
 */
export function originGuard(allowed: readonly string[] = []): MiddlewareHandler<Variables> {
  const listed = new Set(allowed.map((origin) => origin.toLowerCase().replace(/\/$/, "")));
  return async (c, next) => {
    const origin = c.req.header("origin");
    // Without one it is no page, or a page's own GET: which may still be embedded by another one.
    const site = c.req.header("sec-fetch-site");
    const navigates = c.req.header("sec-fetch-mode") === "navigate" && c.req.method === "GET";
    if (origin === undefined) {
      if (site === "cross-site" && !navigates) {
        refuse(403, "pages of other addresses may not ask this server", { code: "origin_not_allowed" });
      }
      return next();
    }
    const host = c.req.header("host") ?? new URL(c.req.url).host;
    const own = [`http://${host}`, `https://${host}`].includes(origin.toLowerCase());
    if (own) return next();
    if (origin === "null" || !(listed.has("*") || listed.has(origin.toLowerCase()))) {
      refuse(403, `pages of ${origin.slice(0, 120)} may not ask this server: start it with --cors ORIGIN`, {
        code: "origin_not_allowed",
      });
    }
    const headers: Record<string, string> = {
      "access-control-allow-origin": origin,
      "access-control-expose-headers": "x-request-id, retry-after, retry-after-ms",
      vary: "origin",
    };
    if (c.req.method === "OPTIONS") {
      return c.body(null, 204, {
        ...headers,
        "access-control-allow-methods": "GET, POST, DELETE",
        "access-control-allow-headers": asked(c.req.header("access-control-request-headers")),
        "access-control-max-age": day,
      });
    }
    await next();
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
  };
}
