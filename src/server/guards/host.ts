/**
 * Names the server is asked by. A page of another address can make its own name mean 127.0.0.1 and then asks "itself"
 * (DNS rebinding): it still sends its own name, so only known names are answered.
 */
import type { MiddlewareHandler } from "hono";
import type { Variables } from "../context.ts";
import { refuse } from "../errors.ts";

/** "localhost" of "localhost:8080", "::1" of "[::1]:8080". */
export function hostName(host: string): string {
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(host) ?? [];
  return (bracketed ?? host.replace(/:\d+$/, "")).toLowerCase().replace(/\.$/, "");
}

/** Names and addresses of this machine for itself. */
export const isLoopback = (name: string): boolean =>
  name === "localhost" || name.endsWith(".localhost") || name === "::1" || /^127(?:\.\d{1,3}){3}$/.test(name);

/** Answer only requests that name this machine, or one of `hosts`. */
export function hostGuard(hosts: readonly string[] | "any" = []): MiddlewareHandler<Variables> {
  const known = new Set(hosts === "any" ? [] : hosts.map(hostName));
  return async (c, next) => {
    const name = hostName(c.req.header("host") ?? new URL(c.req.url).host);
    if (hosts !== "any" && !isLoopback(name) && !known.has(name)) {
      refuse(403, `this server is not asked by the name "${name.slice(0, 80)}": start it with --allowed-host NAME`, {
        code: "host_not_allowed",
      });
    }
    await next();
  };
}
